import { Errno, ErrnoError } from '../../protocol/errno';
import {
  absolute,
  baseOf,
  type BytePath,
  absoluteFrom,
  belowBase,
  type AbsolutePath,
  type BasePath,
} from '../../server/watch/bytePath';
import type { DescriptorReserve } from '../libc/descriptorReserve';
import { close, openat, procPath, readlinkAt } from '../libc/files';
import { AT_FDCWD, O } from '../libc/flags';
import { type FileHandle, openByHandle } from '../libc/handles';
import { cString } from '../libc/libc';
import { runSync } from '../libc/op';
import type { LocalLister } from './localLister';

/** How far up a directory that is too deep to have a path is followed. */
const STEPS_UP = 256;
const PARENT = cString(Buffer.from('..'));

/**
 * Where a directory is: its path below the mount point and its inode (folded); or, when it lies too deep to have a path,
 * the nearest directory above it that has one; undefined: it is gone, or not to be seen through this mount.
 */
export type HandlePlace =
  | { readonly path: BytePath; readonly ino: number }
  | { readonly tooDeepBelow: BytePath }
  | undefined;

/**
 * Finds out where the directories are that a filesystem's handles stand for, as seen through one mount of it. A
 * descriptor inside a mount makes umount(8) fail, so the one that is needed lives only until `end`. Whatever keeps it
 * from looking (no descriptor, no memory) is an ErrnoError: the handle may well stand for something.
 */
export class HandlePaths {
  private mountFd: number | undefined;
  /** Times in a row that nobody could say where a directory is. */
  failures = 0;
  private readonly base: BasePath;

  constructor(
    private readonly mountpoint: Buffer,
    private readonly lister: LocalLister,
    private readonly reserve: DescriptorReserve,
  ) {
    this.base = baseOf(mountpoint);
  }

  placeOf(handle: FileHandle): HandlePlace {
    const found = this.opened(handle, (fd) => {
      const path = this.below(pathOf(fd));
      if (path !== 'too deep') return path === undefined ? undefined : this.checked(fd, path);
      const above = this.nearest(fd);
      return above === undefined ? undefined : { tooDeepBelow: above };
    });
    return found === 'gone' ? undefined : found;
  }

  /** Path below the mount's root, also where another mount covers it. What is too deep for one is 'outside' as well. */
  find(handle: FileHandle): { path: BytePath } | 'gone' | 'outside' {
    return this.opened(handle, (fd) => {
      const path = this.below(pathOf(fd));
      return path === undefined || path === 'too deep' ? 'outside' : { path };
    });
  }

  private opened<T>(handle: FileHandle, use: (fd: number) => T): T | 'gone' {
    this.failures++;
    const found = this.used(handle, use);
    this.failures = 0;
    return found;
  }

  private used<T>(handle: FileHandle, use: (fd: number) => T): T | 'gone' {
    this.mountFd ??= this.open(() =>
      runSync(openat(AT_FDCWD, cString(this.mountpoint), O.RDONLY | O.DIRECTORY | O.CLOEXEC)),
    );
    const { mountFd } = this;
    let fd: number;
    try {
      fd = this.open(() => runSync(openByHandle(mountFd, handle, O.PATH)));
    } catch (error) {
      if (error instanceof ErrnoError && error.errno === Errno.ESTALE) return 'gone';
      throw error;
    }
    try {
      return use(fd);
    } finally {
      runSync(close(fd));
      this.reserve.refill();
    }
  }

  private open(open: () => number): number {
    const fd = this.reserve.open(() => {
      try {
        return open();
      } catch (error) {
        if (error instanceof ErrnoError) return -error.errno;
        throw error;
      }
    });
    if (fd < 0) throw new ErrnoError(-fd, 'looking for a directory by its handle');
    return fd;
  }

  private below(path: AbsolutePath | 'too deep'): BytePath | 'too deep' | undefined {
    return path === 'too deep' ? 'too deep' : belowBase(this.base, path as AbsolutePath);
  }

  /** The nearest directory above one that is too deep; undefined: it lies elsewhere, or is too far up. */
  private nearest(deep: number): BytePath | undefined {
    let at = deep;
    try {
      for (let step = 0; step < STEPS_UP; step++) {
        const from = at;
        const above = this.open(() => runSync(openat(from, PARENT, O.PATH | O.DIRECTORY)));
        if (at !== deep) runSync(close(at));
        at = above;
        const path = this.below(pathOf(at));
        if (path !== 'too deep') return path;
      }
      return undefined;
    } finally {
      if (at !== deep) runSync(close(at));
    }
  }

  /** Gives the mount back. */
  end(): void {
    if (this.mountFd === undefined) return;
    runSync(close(this.mountFd));
    this.mountFd = undefined;
    this.reserve.refill();
  }

  /** What lies outside the mount's root, was deleted, or is covered by another mount has a path that leads elsewhere. */
  private checked(fd: number, path: BytePath): { path: BytePath; ino: number } | undefined {
    const meant = this.lister.stat(`/proc/self/fd/${fd}/.` as AbsolutePath);
    const found = this.lister.stat(absolute(this.base, path));
    if (meant === undefined || found?.version.ino !== meant.version.ino) return undefined;
    return { path, ino: meant.ino };
  }
}

/** The kernel answers ENAMETOOLONG for what would be longer than PATH_MAX. (d_path) */
function pathOf(fd: number): AbsolutePath | 'too deep' {
  try {
    return absoluteFrom(runSync(readlinkAt(AT_FDCWD, procPath(fd))));
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === Errno.ENAMETOOLONG) return 'too deep';
    throw error;
  }
}

/** FILEID_INO32_GEN and FILEID_INO32_GEN_PARENT (linux/exportfs.h): the inode number comes first. */
const INO32_TYPES: readonly number[] = [1, 2];

/** The inode a handle stands for; 0 if its type doesn't say. */
export function inoOfHandle({ type, bytes }: FileHandle): bigint {
  return INO32_TYPES.includes(type) && bytes.length >= 4 ? BigInt(bytes.readUInt32LE(0)) : 0n;
}
