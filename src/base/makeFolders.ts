import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * mkdir -p, for this user alone. Node's own never ends where mkdir(2) answers ENOENT below a folder that exists, as
 * procfs and autofs do.
 */
export function makeFolders(folder: string): void {
  if (made(folder)) return;
  const above = dirname(folder);
  if (above === folder) throw missing(folder);
  makeFolders(above);
  if (!made(folder)) throw missing(folder);
}

/** False when the folder it should be in is missing. One that is there already is as good. */
function made(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code === 'EEXIST') return true;
    throw error;
  }
}

function missing(folder: string): Error {
  return Object.assign(new Error(`${folder} cannot be made`), { code: 'ENOENT' });
}
