import { readlinkSync } from 'node:fs';
import { ErrnoError } from '../../protocol/errno';
import {
  absolute,
  baseOf,
  type BytePath,
  fromBytes,
  isWithin,
  relativeTo,
} from '../../server/watch/bytePath';
import { close, openat } from '../libc/files';
import { AT_FDCWD, O } from '../libc/flags';
import { type FileHandle, openByHandle } from '../libc/handles';
import { cString } from '../libc/libc';
import { runSync } from '../libc/op';
import type { LocalEyes } from './lister';

/**
 * Finds out where the directories are that a filesystem's handles stand for, as seen through one mount of it. A
 * descriptor inside a mount makes umount(8) fail, so the one that is needed lives only from `begin` to `end`.
 */
export class HandlePaths {
  private mountFd: number | undefined;
  private readonly base: BytePath;

  constructor(
    private readonly mountpoint: Buffer,
    private readonly eyes: LocalEyes,
  ) {
    this.base = baseOf(mountpoint);
  }

  /** Path below the mount point, and inode (folded); undefined: it is gone, or not to be seen through this mount. */
  placeOf(handle: FileHandle): { path: BytePath; ino: number } | undefined {
    const found = this.opened(handle, (fd, path) => {
      const below = this.below(path);
      return below === undefined ? 'outside' : (this.checked(fd, below) ?? 'outside');
    });
    return typeof found === 'string' ? undefined : found;
  }

  /** Path below the mount's root, also where another mount covers it. */
  find(handle: FileHandle): { path: BytePath } | 'gone' | 'outside' {
    return this.opened(handle, (_fd, path) => {
      const below = this.below(path);
      return below === undefined ? 'outside' : { path: below };
    });
  }

  private opened<T>(handle: FileHandle, use: (fd: number, path: BytePath) => T): T | 'gone' {
    let fd: number;
    try {
      this.mountFd ??= runSync(
        openat(AT_FDCWD, cString(this.mountpoint), O.RDONLY | O.DIRECTORY | O.CLOEXEC),
      );
      fd = runSync(openByHandle(this.mountFd, handle, O.PATH));
    } catch (error) {
      if (error instanceof ErrnoError) return 'gone';
      throw error;
    }
    try {
      return use(fd, fromBytes(readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' })));
    } finally {
      runSync(close(fd));
    }
  }

  private below(path: BytePath): BytePath | undefined {
    if (!isWithin(path, this.base)) return undefined;
    return (this.base === '' ? path.slice(1) : relativeTo(path, this.base)) as BytePath;
  }

  /** Gives the mount back. */
  end(): void {
    if (this.mountFd === undefined) return;
    runSync(close(this.mountFd));
    this.mountFd = undefined;
  }

  /** What lies outside the mount's root, was deleted, or is covered by another mount has a path that leads elsewhere. */
  private checked(fd: number, path: BytePath): { path: BytePath; ino: number } | undefined {
    const meant = this.eyes.stat(`/proc/self/fd/${fd}/.` as BytePath);
    const found = this.eyes.stat(absolute(this.base, path));
    if (meant === undefined || found?.version.ino !== meant.version.ino) return undefined;
    return { path, ino: meant.ino };
  }
}

/** FILEID_INO32_GEN and FILEID_INO32_GEN_PARENT (linux/exportfs.h): the inode number comes first. */
const INO32_TYPES: readonly number[] = [1, 2];

/** The inode a handle stands for; 0 if its type doesn't say. */
export function inoOfHandle({ type, bytes }: FileHandle): bigint {
  return INO32_TYPES.includes(type) && bytes.length >= 4 ? BigInt(bytes.readUInt32LE(0)) : 0n;
}
