/** statx(2) and statfs(2). */
import { AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW } from './flags';
import { EMPTY } from './files';
import { type Op, syscall } from './op';

export const STATX_BASIC_STATS = 0x7ff;
export const STATX_BTIME = 0x800;
export const STATX_MNT_ID = 0x1000;
export const STATX_MNT_ID_UNIQUE = 0x4000;
export const STATX_ATTR_MOUNT_ROOT = 0x2000n;

/** struct statx as the kernel filled it. */
export interface Statx {
  /** What the kernel filled in. */
  readonly mask: number;
  readonly blksize: number;
  readonly attributes: bigint;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly ino: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly atimeNs: bigint;
  readonly btimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** The number of mountinfo, or (STATX_MNT_ID_UNIQUE in `mask`) the one that is never used again. */
  readonly mountId: bigint;
}

/** Bytes of struct statx, spare ones included. */
export const STATX_SIZE = 256;

/** Where its fields begin (linux/stat.h), in words of 32 bits; those of 64 bits have two, times one more for nanoseconds. */
export const StatxWord = {
  MASK: 0,
  BLKSIZE: 1,
  ATTRIBUTES: 2,
  NLINK: 4,
  UID: 5,
  GID: 6,
  MODE: 7,
  INO: 8,
  SIZE: 10,
  BLOCKS: 12,
  ATIME: 16,
  BTIME: 20,
  CTIME: 24,
  MTIME: 28,
  RDEV_MAJOR: 32,
  RDEV_MINOR: 33,
  DEV_MAJOR: 34,
  DEV_MINOR: 35,
  MOUNT_ID: 36,
} as const;

const call = syscall('statx', 'int', 'void *', 'int', 'uint', 'void *');
const fstatfsCall = syscall('fstatfs', 'int', 'void *');

/** A buffer of struct statx under two views, so that a field is one array access. */
class StatxBuffer {
  readonly bytes = Buffer.alloc(STATX_SIZE);
  readonly u64 = new BigUint64Array(this.bytes.buffer, this.bytes.byteOffset, STATX_SIZE / 8);
  readonly i64 = new BigInt64Array(this.bytes.buffer, this.bytes.byteOffset, STATX_SIZE / 8);
  readonly u32 = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, STATX_SIZE / 4);

  parse(): Statx {
    const { u32 } = this;
    const word = (at: number) => u32[at] as number;
    return {
      mask: word(StatxWord.MASK),
      blksize: word(StatxWord.BLKSIZE),
      attributes: this.wide(StatxWord.ATTRIBUTES),
      nlink: word(StatxWord.NLINK),
      uid: word(StatxWord.UID),
      gid: word(StatxWord.GID),
      mode: word(StatxWord.MODE) & 0xffff,
      ino: this.wide(StatxWord.INO),
      size: this.wide(StatxWord.SIZE),
      blocks: this.wide(StatxWord.BLOCKS),
      atimeNs: this.time(StatxWord.ATIME),
      btimeNs: this.time(StatxWord.BTIME),
      ctimeNs: this.time(StatxWord.CTIME),
      mtimeNs: this.time(StatxWord.MTIME),
      rdevMajor: word(StatxWord.RDEV_MAJOR),
      rdevMinor: word(StatxWord.RDEV_MINOR),
      devMajor: word(StatxWord.DEV_MAJOR),
      devMinor: word(StatxWord.DEV_MINOR),
      mountId: this.wide(StatxWord.MOUNT_ID),
    };
  }

  private wide(at: number): bigint {
    return this.u64[at / 2] as bigint;
  }

  /** A struct statx_timestamp: i64 seconds, u32 nanoseconds. */
  private time(at: number): bigint {
    return (this.i64[at / 2] as bigint) * 1_000_000_000n + BigInt(this.u32[at + 2] as number);
  }
}

/** Buffers that are not in use: calls on threads overlap, so that one is not enough. */
const idle: StatxBuffer[] = [];
const MAX_IDLE = 8;

function* statx(dirfd: number, path: Buffer, flags: number, mask: number): Op<Statx> {
  const buffer = idle.pop() ?? new StatxBuffer();
  yield* call(dirfd, path, flags, mask, buffer.bytes);
  const result = buffer.parse();
  if (idle.length < MAX_IDLE) idle.push(buffer);
  return result;
}

/** Attributes of what a descriptor stands for. */
export function statxFd(fd: number, mask: number): Op<Statx> {
  return statx(fd, EMPTY, AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW, mask);
}

/** Attributes of a name; follows no link and triggers no automount. */
export function statxAt(dirfd: number, name: Buffer, mask: number): Op<Statx> {
  return statx(dirfd, name, AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW, mask);
}

/** struct statfs of 64-bit kernels, as far as it is used. */
export interface Statfs {
  readonly bsize: bigint;
  readonly blocks: bigint;
  readonly bfree: bigint;
  readonly bavail: bigint;
  readonly files: bigint;
  readonly ffree: bigint;
  readonly namelen: bigint;
  readonly frsize: bigint;
}

/** struct statfs with its spare words. */
const STATFS_SIZE = 120;
/** Where it keeps f_fsid, and how long that is. */
const FSID_AT = 56;
const FSID_SIZE = 8;

/** What names the filesystem of a descriptor in the records of fanotify, a character a byte. */
export function* fsid(fd: number): Op<string> {
  const buffer = Buffer.alloc(STATFS_SIZE);
  yield* fstatfsCall(fd, buffer);
  return buffer.toString('latin1', FSID_AT, FSID_AT + FSID_SIZE);
}

export function* fstatfs(fd: number): Op<Statfs> {
  const buffer = Buffer.alloc(STATFS_SIZE);
  yield* fstatfsCall(fd, buffer);
  const field = (index: number) => buffer.readBigUInt64LE(index * 8);
  return {
    bsize: field(1),
    blocks: field(2),
    bfree: field(3),
    bavail: field(4),
    files: field(5),
    ffree: field(6),
    namelen: field(8),
    frsize: field(9),
  };
}
