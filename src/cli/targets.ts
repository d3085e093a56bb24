import { posix } from 'node:path';
import type { Stat, Vfs } from '../client/vfs';
import { Errno, errnoOf } from '../protocol/errno';
import { Failure, hostFailure } from './errors';
import type { Location } from './location';

/** Where what is copied, moved or sent goes: into a folder that is there, or to a path of its own. */
export class TargetPlace {
  private constructor(
    readonly path: string,
    readonly isFolder: boolean,
  ) {}

  /**
   * Looks at the target, links followed. Failure if it has to be a folder, because there are several sources or a slash
   * stands at its end, and is none.
   */
  static async find(
    vfs: Vfs,
    path: string,
    { asFolder }: Pick<Location, 'asFolder'>,
    several: boolean,
    signal: AbortSignal,
  ): Promise<TargetPlace> {
    const found = await statOrAbsent(vfs, path, signal);
    if (found?.kind === 'directory') return new TargetPlace(path, true);
    if (asFolder || several) {
      const reason = found === undefined ? 'there is no such folder' : 'it is not a folder';
      throw new Failure(
        `${path}: ${reason}${several && !asFolder ? ', and several things cannot become one' : ''}`,
      );
    }
    return new TargetPlace(path, false);
  }

  /** The path that something of this name gets. */
  for(name: string): string {
    if (!this.isFolder) return this.path;
    if (name === '' || name === '/')
      throw new Failure(`${name || '/'}: it has no name that a copy could get`);
    return posix.join(this.path, name);
  }
}

/** What is there, links followed; undefined for nothing. */
export async function statOrAbsent(vfs: Vfs, path: string, signal: AbortSignal): Promise<Stat | undefined> {
  try {
    return await vfs.stat(path, { signal });
  } catch (error) {
    if (errnoOf(error) === Errno.ENOENT) return undefined;
    throw hostFailure(error, path);
  }
}

/**
 * Names the one of two paths that an error is about: what stands at the second is in the way, cannot be made there, or its
 * folder refuses; else it is the first.
 */
export async function failureOfTwo(error: unknown, vfs: Vfs, from: string, to: string): Promise<unknown> {
  const errno = errnoOf(error);
  switch (errno) {
    case Errno.EEXIST:
    case Errno.EISDIR:
    case Errno.ENOTDIR:
    case Errno.ENOTEMPTY: {
      const clash = await clashAt(error, vfs, from, to);
      if (clash !== undefined) return clash;
      break;
    }
    case Errno.EXDEV:
      return new Failure(`${from} and ${to} are on different mounts. Use cp, then rm`, { cause: error });
    case Errno.ENOSPC:
    case Errno.EDQUOT:
    case Errno.ENAMETOOLONG:
      return hostFailure(error, to);
    default:
  }
  const source = await failing(() => vfs.lstat(from));
  if (source !== undefined) return hostFailure(source, from);
  const above = posix.dirname(to);
  const folder = await failing(async () => {
    // Refused by the folder's mode or its mount: writing is what it refuses.
    if ((await vfs.stat(above)).readonly) throw error;
  });
  return hostFailure(error, folder === undefined ? from : to);
}

/** What stands at the target and may not be replaced by this. */
async function clashAt(error: unknown, vfs: Vfs, from: string, to: string): Promise<Failure | undefined> {
  const kindAt = (path: string) =>
    vfs.lstat(path).then(
      (stat) => (stat.kind === 'directory' && !stat.isSymlink ? 'folder' : 'file'),
      () => undefined,
    );
  const [source, target] = await Promise.all([kindAt(from), kindAt(to)]);
  if (source === undefined || target === undefined) return undefined;
  const said = (reason: string) => new Failure(`${to}: ${reason}`, { cause: error });
  if (target === 'folder' && source === 'file') return said('it is a folder, which a file does not replace');
  if (target === 'file' && source === 'folder') return said('it is a file, which a folder does not replace');
  if (target === 'folder') return said('there is such a folder already, and it is not replaced');
  return said('it exists already. --overwrite replaces it');
}

async function failing(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}
