import type { Seen, Lister } from '../../server/watch/arming/backend';
import { Errno, ErrnoError } from '../../protocol/errno';
import { type BytePath, fromBytes, joined, type AbsolutePath } from '../../server/watch/bytePath';
import { DT, foldIno, typeOfMode } from '../../server/watch/shadow/entries';
import { stampOf } from '../../server/watch/shadow/stamps';
import { readDirectory } from '../libc/dirents';
import { close, openat } from '../libc/files';
import { AT_FDCWD, O } from '../libc/flags';
import { cString } from '../libc/libc';
import type { Op } from '../libc/op';
import { STATX_BASIC_STATS, STATX_MNT_ID, type Statx, statxAt } from '../libc/statx';
import type { Lane } from '../posix/lane';

const ABSENT: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.ENOTDIR, Errno.ESTALE, Errno.ELOOP]);

/** Looks at a mount that may take its time (network, FUSE): in its lane, so that nothing else waits for it. */
export class PoolLister implements Lister {
  constructor(
    private readonly lane: Lane,
    private readonly mountId: number,
  ) {}

  stat(path: AbsolutePath): Promise<Seen | undefined> {
    return presence(async () => {
      const look = statxAt(AT_FDCWD, bytesOf(path), STATX_BASIC_STATS | STATX_MNT_ID);
      const found = await this.lane.run(look, { background: true });
      return seenOf(found, this.mountId);
    });
  }

  /** Entries of such filesystems often have other inode numbers than stat gives, so each is looked at. */
  async list(
    path: AbsolutePath,
    each: (name: BytePath, ino: number, type: number) => void,
  ): Promise<boolean> {
    const entries = await presence(() => this.lane.run(listOf(bytesOf(path)), { background: true }));
    if (entries === undefined) return false;
    for (const entry of entries) {
      const name = fromBytes(entry.name);
      const seen = await this.stat(joined(path, name));
      if (seen !== undefined) each(name, seen.ino, typeOfMode(seen.mode));
    }
    return true;
  }
}

function* listOf(path: Buffer): Op<{ name: Buffer }[]> {
  const fd = yield* openat(AT_FDCWD, path, O.DIRECTORY | O.NOFOLLOW);
  try {
    return yield* readDirectory(fd);
  } finally {
    yield* close(fd);
  }
}

function bytesOf(path: AbsolutePath): Buffer {
  return cString(Buffer.from(path, 'latin1'));
}

function seenOf(found: Statx, mountId: number): Seen {
  const { ino, mode, size, mtimeNs, ctimeNs } = found;
  const version = { ino, size, mtime_ns: mtimeNs, ctime_ns: ctimeNs };
  return {
    ino: foldIno(Number(ino & 0xffff_ffffn), Number((ino >> 32n) & 0xffff_ffffn)),
    mode,
    version,
    stamp: stampOf(version),
    isShared: found.nlink > 1 && typeOfMode(mode) !== DT.DIR,
    isElsewhere: (found.mask & STATX_MNT_ID) !== 0 && found.mountId !== BigInt(mountId),
  };
}

/** Undefined: nobody is there. */
async function presence<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof ErrnoError && ABSENT.has(error.errno)) return undefined;
    throw error;
  }
}
