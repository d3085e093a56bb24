import { constants, type Dirent, type Stats } from 'node:fs';
import {
  access,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { posix, sep } from 'node:path';
import { bytesOf, textOf } from '../protocol/names';
import { Errno, errnoOf } from '../protocol/errno';
import { Failure, localFailure } from './errors';

/** Files of this machine, by paths in the reversible text form of names: what is no UTF-8 keeps its bytes. */
export async function localStat(path: string): Promise<Stats | undefined> {
  try {
    return await stat(bytesOf(path));
  } catch (error) {
    if (errnoOf(error) === Errno.ENOENT) return undefined;
    throw localFailure(error, path);
  }
}

/** The whole file. */
export async function readLocal(path: string): Promise<Buffer> {
  try {
    return await readFile(bytesOf(path));
  } catch (error) {
    throw localFailure(error, path);
  }
}

/** The last name of a path, also of `.` and `..`. */
export async function localName(path: string): Promise<string> {
  const name = posix.basename(slashed(path));
  if (name !== '' && name !== '.' && name !== '..') return name;
  try {
    return posix.basename(slashed(textOf(await realpath(bytesOf(path), { encoding: 'buffer' }))));
  } catch (error) {
    throw localFailure(error, path);
  }
}

/** A path of this system with slashes. */
function slashed(path: string): string {
  return sep === '/' ? path : path.split(sep).join('/');
}

/** A file or folder below a folder of this machine. */
export interface LocalEntry {
  readonly path: string;
  /** Below the folder it was found in, with slashes; '' is that folder itself. */
  readonly below: string;
  readonly stats: Stats;
}

/**
 * All folders and files of a tree, each folder before what is in it. A link to a file is that file; a link to a folder and
 * what is neither file nor folder is left out and told.
 */
export async function localTree(
  root: string,
  leftOut: (path: string, why: string) => void,
): Promise<LocalEntry[]> {
  const found: LocalEntry[] = [];
  const visit = async (path: string, below: string): Promise<void> => {
    let entries: Dirent<Buffer>[];
    try {
      found.push({ path, below, stats: await stat(bytesOf(path)) });
      entries = await readdir(bytesOf(path), { withFileTypes: true, encoding: 'buffer' });
    } catch (error) {
      throw localFailure(error, path);
    }
    for (const entry of entries) {
      const name = textOf(entry.name);
      const child = posix.join(path, name);
      const stats = await localStat(child);
      if (stats === undefined) {
        if (entry.isSymbolicLink()) leftOut(child, 'a link that leads nowhere');
      } else if (stats.isDirectory() && entry.isSymbolicLink()) {
        leftOut(child, 'a link to a folder');
      } else if (stats.isDirectory()) {
        await visit(child, posix.join(below, name));
      } else if (stats.isFile()) {
        found.push({ path: child, below: posix.join(below, name), stats });
      } else {
        leftOut(child, 'neither a file nor a folder');
      }
    }
  };
  await visit(root, '');
  return found;
}

/** Makes a folder; one that is there is as good. */
export async function makeLocalFolder(path: string): Promise<void> {
  try {
    await mkdir(bytesOf(path));
  } catch (error) {
    if (errnoOf(error) === Errno.EEXIST && (await localStat(path))?.isDirectory()) return;
    throw localFailure(error, path);
  }
}

/** Fails before anything is fetched, if a file may not be put there. */
export async function assertLocalPlace(path: string, overwrite: boolean): Promise<void> {
  let there: Stats;
  try {
    there = await lstat(bytesOf(path));
  } catch (error) {
    if (errnoOf(error) !== Errno.ENOENT) throw localFailure(error, path);
    await access(bytesOf(posix.dirname(path)), constants.W_OK).catch((refused) => {
      throw localFailure(refused, posix.dirname(path));
    });
    return;
  }
  if (there.isDirectory())
    throw new Failure(`${path}: it is a folder of this machine, which a file does not replace`);
  if (!overwrite) throw new Failure(`${path}: it exists already on this machine. --overwrite replaces it`);
}

/** Writes a file that appears whole or not at all. Failure if there is one and it is not to be overwritten. */
export async function writeLocal(
  path: string,
  content: Uint8Array,
  { overwrite, mode }: { readonly overwrite: boolean; readonly mode: number },
): Promise<void> {
  const beside = bytesOf(
    posix.join(
      posix.dirname(path),
      `.${posix.basename(path).slice(0, 100)}.livemount-${randomBytes(6).toString('hex')}`,
    ),
  );
  try {
    await writeFile(beside, content, { flag: 'wx', mode });
    if (overwrite)
      await rename(beside, await realpath(bytesOf(path), { encoding: 'buffer' }).catch(() => bytesOf(path)));
    else await takeFreeName(beside, path);
  } catch (error) {
    await unlink(beside).catch(() => {}); // It was not made, or has its name by now.
    throw localFailure(error, path);
  }
}

/** Gives a file a name that must be free: by a hard link, which never replaces, where the filesystem has those. */
async function takeFreeName(beside: Buffer, path: string): Promise<void> {
  try {
    await link(beside, bytesOf(path));
  } catch (error) {
    if (errnoOf(error) === Errno.EEXIST) await assertLocalPlace(path, false);
    await assertLocalPlace(path, false);
    await rename(beside, bytesOf(path));
    return;
  }
  await unlink(beside);
}
