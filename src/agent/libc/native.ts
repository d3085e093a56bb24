import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as koffi from 'koffi';
import { messageOf } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';

type Koffi = typeof koffi;

/** "glibc" or "musl": which of koffi's builds this process can load. (process.report would take 50 ms to tell.) */
export function libcFlavour(): 'glibc' | 'musl' {
  return readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-') ? 'musl' : 'glibc';
}

/** Where koffi's native part may be: beside the agent on a host, in the build's folder, or in node_modules. */
function candidates(): string[] {
  const beside = dirname(process.argv[1] ?? '.');
  const platform = `${process.platform}-${process.arch}`;
  const flavour = libcFlavour();
  const folders = [beside, __dirname];
  const found = folders.flatMap((folder) => [
    join(folder, 'koffi.node'),
    join(folder, 'native', `${platform}-${flavour}`, 'koffi.node'),
  ]);
  const build = `${flavour === 'musl' ? 'musl' : process.platform}_${process.arch}`;
  for (let folder = __dirname; ; folder = dirname(folder)) {
    found.push(join(folder, 'node_modules', '@koromix', `koffi-${platform}`, build, 'koffi.node'));
    if (folder === dirname(folder)) break;
  }
  return found;
}

/**
 * Loads koffi's native part, which is all of koffi that is needed. A folder that is mounted noexec does not load it;
 * the next one is tried. ENOSYS, with what was tried, where none does.
 */
export function loadKoffi(): Koffi {
  const require = createRequire(join(__dirname, 'agent.js'));
  const problems: string[] = [];
  for (const path of candidates()) {
    if (!existsSync(path)) continue;
    try {
      return require(path) as Koffi;
    } catch (error) {
      problems.push(`${path}: ${messageOf(error)}`);
    }
  }
  throw new ErrnoError(
    'ENOSYS',
    problems.length > 0
      ? `koffi.node does not load: ${problems.join('; ')}`
      : `there is no koffi.node for ${process.platform}-${process.arch}-${libcFlavour()}`,
  );
}
