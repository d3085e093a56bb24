import { readFileSync } from 'node:fs';
import { ErrnoError } from '../../protocol/errno';
import type { HostStat } from '../../server/host/hostFs';
import { close, openat } from '../libc/files';
import { O } from '../libc/flags';
import { type FileHandle, handleAt, handleOfFd } from '../libc/handles';
import type { Op } from '../libc/op';
import {
  type Statx,
  STATX_ATTR_MOUNT_ROOT,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  STATX_MNT_ID_UNIQUE,
  statxAt,
  statxFd,
} from '../libc/statx';
import type { Mount, MountTable } from './mountTable';

/** Looks at objects and says who they are: superblock, inode number, generation. */
export class Identifier {
  private readonly mask: number;
  /** Kernels before 5.8: the mount's number comes from /proc/self/fdinfo. */
  private namesMounts = true;

  constructor(private readonly mounts: MountTable) {
    this.mask = STATX_BASIC_STATS | STATX_BTIME | (mounts.unique ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID);
  }

  /** What a descriptor stands for. */
  *ofFd(fd: number): Op<HostStat> {
    const statx = yield* statxFd(fd, this.mask);
    const mount = this.mountOf(statx, fd);
    const handle = mount.generation === 'handle' ? yield* handleOfFd(fd) : undefined;
    return hostStat(statx, mount, handle);
  }

  /** What a name (ending with a NUL) in a directory stands for; a link is itself. */
  *at(dirfd: number, name: Buffer): Op<HostStat> {
    const statx = this.namesMounts ? yield* statxAt(dirfd, name, this.mask) : undefined;
    if (statx === undefined || !namesMount(statx)) {
      const fd = yield* openat(dirfd, name, O.PATH | O.NOFOLLOW);
      try {
        return yield* this.ofFd(fd);
      } finally {
        yield* close(fd);
      }
    }
    const mount = this.mounts.of(statx.mountId);
    // Replaced between the two calls, the pair fits nobody: the next use of it is ESTALE and looks again.
    const handle = mount.generation === 'handle' ? yield* handleAt(dirfd, name) : undefined;
    return hostStat(statx, mount, handle);
  }

  private mountOf(statx: Statx, fd: number): Mount {
    if (namesMount(statx)) return this.mounts.of(statx.mountId);
    this.namesMounts = false;
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    const [, id] = /^mnt_id:\s*(\d+)$/m.exec(info) ?? [];
    if (id === undefined) throw new ErrnoError('ENOSYS', 'this kernel does not say which mount a file is on');
    return this.mounts.of(BigInt(id));
  }
}

function namesMount(statx: Statx): boolean {
  return (statx.mask & (STATX_MNT_ID | STATX_MNT_ID_UNIQUE)) !== 0;
}

function hostStat(statx: Statx, mount: Mount, handle: FileHandle | undefined): HostStat {
  const hasBtime = (statx.mask & STATX_BTIME) !== 0;
  return {
    sb: mount.sb,
    ino: statx.ino,
    generation: generationOf(statx, mount, handle, hasBtime),
    mode: statx.mode,
    nlink: statx.nlink,
    uid: statx.uid,
    gid: statx.gid,
    rdevMajor: statx.rdevMajor,
    rdevMinor: statx.rdevMinor,
    devMajor: statx.devMajor,
    devMinor: statx.devMinor,
    size: statx.size,
    blocks: statx.blocks,
    blksize: statx.blksize,
    atimeNs: statx.atimeNs,
    mtimeNs: statx.mtimeNs,
    ctimeNs: statx.ctimeNs,
    ...(hasBtime && { btimeNs: statx.btimeNs }),
    attributes: statx.attributes,
    mountRoot: (statx.attributes & STATX_ATTR_MOUNT_ROOT) !== 0n,
  };
}

function generationOf(statx: Statx, mount: Mount, handle: FileHandle | undefined, hasBtime: boolean): bigint {
  if (handle !== undefined) return folded(handle.bytes);
  if (mount.generation !== 'none' && hasBtime) return statx.btimeNs;
  // An overlay's layers number their inodes apart: the device tells them from each other.
  return (BigInt(statx.devMajor) << 32n) | BigInt(statx.devMinor);
}

/**
 * A file handle in 64 bits. ext4's eight bytes (inode, generation) stay what they are; longer ones are mixed, which
 * tells two inodes apart that have the same number as well as the handle does.
 */
function folded(handle: Buffer): bigint {
  if (handle.length === 8) return handle.readBigUInt64LE(0);
  let low = handle.length;
  let high = 0x9e3779b9;
  for (let at = 0; at + 4 <= handle.length; at += 4) {
    const word = handle.readUInt32LE(at);
    low = Math.imul(low ^ word, 0x85ebca6b);
    low ^= low >>> 13;
    high = Math.imul(high ^ (word + at), 0xc2b2ae35);
    high ^= high >>> 16;
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
