// Which tests need nothing but Node: no host, no agent, no program. They run on Windows and macOS as well.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Parts that exist on Linux alone, or drive what does; the command line loads some of them without using them. */
const LINUX_PARTS =
  /^(?:src\/(?:agent|mount)|test\/(?:tools|kernel|vscode))\/|^test\/fixtures\/(?!temporaryFolder|handClock)/;

/** What a test does that needs more than Node. */
const MORE_THAN_NODE = /node:child_process|process\.(?:getuid|kill)|symlinkSync/;

/** Whether a test file (its path with slashes, from the root of the repository) reaches none of that. */
export function isPortable(file) {
  const seen = new Set();
  // What a test and its helpers import themselves, they use.
  const reaches = (name) => {
    if (seen.has(name)) return false;
    seen.add(name);
    if (LINUX_PARTS.test(name)) return true;
    if (!name.startsWith('test/')) return false;
    const text = readFileSync(name, 'utf8');
    return MORE_THAN_NODE.test(text) || imports(name, text).some(reaches);
  };
  return !reaches(file);
}

/** The files that one imports by a relative name; types are of no weight at run time. */
function imports(file, text) {
  const specifiers = [
    ...text.matchAll(/\bfrom\s*['"](\.[^'"]+)['"]/g),
    ...text.matchAll(/\bimport\(\s*['"](\.[^'"]+)['"]/g),
    ...text.matchAll(/\bimport\s*['"](\.[^'"]+)['"]/g),
  ].map((match) => path.posix.join(path.posix.dirname(file), match[1]));
  return specifiers.flatMap((name) => [name, `${name}.ts`, `${name}/index.ts`].find(isFile) ?? []);
}

function isFile(name) {
  return /\.(?:ts|mjs)$/.test(name) && existsSync(name);
}
