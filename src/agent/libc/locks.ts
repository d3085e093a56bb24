/** Locks that belong to an open file description, so that one process holds them for many owners: fcntl(2) F_OFD_*, flock(2). */
import { type FileLock, LOCK_TO_END, LockType } from '../../protocol/fuse';
import { type Op, syscall } from './op';

const fcntlCall = syscall('fcntl', 'int', 'int', 'void *');
const flockCall = syscall('flock', 'int', 'int');

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;

/** struct flock of 64-bit systems: type, whence, start, len, pid. */
const FLOCK_BYTES = 32;
const PLACE = { type: 0, whence: 2, start: 8, len: 16, pid: 24 } as const;

function encode({ start, end, type }: FileLock): Buffer {
  const buffer = Buffer.alloc(FLOCK_BYTES);
  buffer.writeInt16LE(type, PLACE.type);
  buffer.writeBigInt64LE(start, PLACE.start);
  buffer.writeBigInt64LE(end >= LOCK_TO_END ? 0n : end - start + 1n, PLACE.len);
  return buffer;
}

/** Takes or gives back a lock of a byte range. EAGAIN where another description holds one against it. */
export function* lockRange(fd: number, lock: FileLock): Op<void> {
  yield* fcntlCall(fd, F_OFD_SETLK, encode(lock));
}

/** The lock of another description that stands against this one. */
export function* rangeLockAgainst(fd: number, lock: FileLock): Op<FileLock> {
  const buffer = encode(lock);
  yield* fcntlCall(fd, F_OFD_GETLK, buffer);
  const type = buffer.readInt16LE(PLACE.type);
  if (type === LockType.NONE) return { start: 0n, end: 0n, type, pid: 0 };
  const start = buffer.readBigInt64LE(PLACE.start);
  const length = buffer.readBigInt64LE(PLACE.len);
  const end = length === 0n ? LOCK_TO_END : start + length - 1n;
  // The kernel says -1 for a holder that is a description; a process of the host means nothing elsewhere either.
  return { start, end, type, pid: 0 };
}

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** Takes or gives back the lock of a whole file. EAGAIN where somebody else holds it. */
export function* flock(fd: number, { type }: FileLock): Op<void> {
  const how = type === LockType.NONE ? LOCK_UN : type === LockType.READ ? LOCK_SH : LOCK_EX;
  yield* flockCall(fd, how | LOCK_NB);
}
