// The README as the extension's own page shows it: that page knows no folder beside it, and takes pictures by https only,
// so links and pictures lead into the repository.
import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * @param {string} text Markdown with links and pictures relative to `folder`
 * @param {string} folder
 * @param {string} repository the repository's address, as package.json has it
 */
export function readmeForPage(text, folder, repository) {
  const web = repository.replace(/\.git$/, '');
  return text.replace(/(!?)\[([^\]]*)\]\(([^)\s]+)\)/g, (whole, picture, words, target) => {
    if (/^(?:[a-z]+:|#)/i.test(target)) return whole;
    const [file] = target.split('#');
    if (!existsSync(path.join(folder, file)))
      throw new Error(`the README leads to ${target}, which is not there`);
    return `${picture}[${words}](${web}/${picture === '' ? 'blob' : 'raw'}/main/${target})`;
  });
}
