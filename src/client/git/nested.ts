import { textOf } from '../../protocol/names';
import type { GitHost } from './host';
import { splitZ } from './log';

/** Levels below a folder: deeper ones are nobody's own work as a rule, and each level costs more to look through. */
const LEVELS = 8;
/** So much of a list of paths is read; a host that prints more than this has no end. */
const LIST_BYTES = 256 << 10;
/** A tree that takes longer to look through is looked through no further, in ms. */
const DEADLINE_MS = 20_000;

/**
 * Prints the `.git` entries below `$1`, with NUL after each: first those directly below, so that they are there when the
 * rest takes too long. Other filesystems are left out, and folders that hold other people's packages.
 */
const SCRIPT = `
cd -- "$1" || exit 0
look() {
  find . -xdev -maxdepth "$1" \\( -name node_modules -o -name .venv -o -name vendor -o -name .cache \\) -prune \\
    -o -name .git -print0 -prune 2>/dev/null
}
{ look 2; look ${LEVELS + 1}; } | head -c ${LIST_BYTES}
`;

/** Folders below one (not itself) that hold a `.git` entry, the nearest first. Of a huge tree those found in time. */
export async function repositoriesBelow(host: GitHost, folder: string): Promise<string[]> {
  const chunks: Buffer[] = [];
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const output = (chunk: Buffer) => void chunks.push(chunk);
  await host.script(SCRIPT, [folder], { signal, output }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  const printed = Buffer.concat(chunks);
  // The last one may have been cut.
  const whole = splitZ(printed.subarray(0, printed.lastIndexOf(0) + 1));
  const prefix = folder === '/' ? '/' : `${folder}/`;
  const found = new Set<string>();
  for (const entry of whole) {
    const below = /^\.\/(.+)\/\.git$/s.exec(textOf(entry))?.[1];
    if (below !== undefined) found.add(prefix + below);
  }
  const depth = (path: string) => path.split('/').length;
  return [...found].sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
}
