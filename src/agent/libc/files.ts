/** Files and names: open(2), read(2), rename(2) and their kin. Each is an Op; paths and names end with a NUL (cString). */
import { ErrnoError, Errno } from '../../protocol/errno';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW, O } from './flags';
import { cString } from './libc';
import { type Op, quietSyscall, syscall } from './op';

const openCall = syscall('openat', 'int', 'void *', 'int', 'uint');
const closeCall = quietSyscall('close', 'int');
const readCall = syscall('read', 'int', 'void *', 'size_t');
const quietReadCall = quietSyscall('read', 'int', 'void *', 'size_t');
const preadCall = syscall('pread64', 'int', 'void *', 'size_t', 'int64');
const pwriteCall = syscall('pwrite64', 'int', 'void *', 'size_t', 'int64');
const lseekCall = syscall('lseek', 'int', 'int64', 'int');
const truncateCall = syscall('truncate', 'void *', 'int64');
const ftruncateCall = syscall('ftruncate', 'int', 'int64');
const fallocateCall = syscall('fallocate', 'int', 'int', 'int64', 'int64');
const copyCall = syscall('copy_file_range', 'int', 'void *', 'int', 'void *', 'size_t', 'uint');
const fsyncCall = syscall('fsync', 'int');
const fdatasyncCall = syscall('fdatasync', 'int');
const syncfsCall = syscall('syncfs', 'int');
const syncRangeCall = syscall('sync_file_range', 'int', 'int64', 'int64', 'uint');
const mkdirCall = syscall('mkdirat', 'int', 'void *', 'uint');
const mknodCall = syscall('mknodat', 'int', 'void *', 'uint', 'uint');
const symlinkCall = syscall('symlinkat', 'void *', 'int', 'void *');
const linkCall = syscall('linkat', 'int', 'void *', 'int', 'void *', 'int');
const unlinkCall = syscall('unlinkat', 'int', 'void *', 'int');
const renameCall = syscall('renameat2', 'int', 'void *', 'int', 'void *', 'uint');
const readlinkCall = syscall('readlinkat', 'int', 'void *', 'void *', 'size_t');
const chmodCall = syscall('fchmodat', 'int', 'void *', 'uint');
const chownCall = syscall('fchownat', 'int', 'void *', 'uint', 'uint', 'int');
const utimensCall = syscall('utimensat', 'int', 'void *', 'void *', 'int');
const accessCall = quietSyscall('faccessat2', 'int', 'void *', 'int', 'int');
const oldAccessCall = syscall('faccessat', 'int', 'void *', 'int');
const umaskCall = syscall('umask', 'uint');

export const EMPTY = cString(Buffer.alloc(0));

/** The magic link that leads to what a descriptor stands for, also an O_PATH one. (proc(5)) */
export function procPath(fd: number): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}\0`, 'latin1');
}

export function* openat(dirfd: number, path: Buffer, flags: number, mode = 0): Op<number> {
  return Number(yield* openCall(dirfd, path, flags | O.CLOEXEC | O.LARGEFILE, mode));
}

/** Opens again, with other flags, what a descriptor stands for. */
export function reopen(fd: number, flags: number): Op<number> {
  return openat(AT_FDCWD, procPath(fd), flags & ~O.NOFOLLOW);
}

/** Closes. What it reports was reported by the writes; the descriptor is gone in any case. (close(2)) */
export function* close(fd: number): Op<void> {
  yield* closeCall(fd);
}

export function* read(fd: number, into: Buffer): Op<number> {
  return Number(yield* readCall(fd, into, into.length));
}

/** The same, giving -errno where there is nothing to read now (EAGAIN), or nothing any more. */
export function* readQuietly(fd: number, into: Buffer): Op<number> {
  return Number(yield* quietReadCall(fd, into, into.length));
}

/** Fills `into` from `offset`; gives the count, less than asked only at the end. */
export function* pread(fd: number, into: Buffer, offset: bigint): Op<number> {
  let done = 0;
  while (done < into.length) {
    const part = done === 0 ? into : into.subarray(done);
    const count = Number(yield* preadCall(fd, part, part.length, offset + BigInt(done)));
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Writes all of `from`; after a part the error stays unsaid and the part's length is given, as write(2) does. */
export function* pwrite(fd: number, from: Buffer, offset: bigint): Op<number> {
  let done = 0;
  while (done < from.length) {
    const part = done === 0 ? from : from.subarray(done);
    try {
      done += Number(yield* pwriteCall(fd, part, part.length, offset + BigInt(done)));
    } catch (error) {
      if (done > 0) break;
      throw error;
    }
  }
  return done;
}

export function* lseek(fd: number, offset: bigint, whence: number): Op<bigint> {
  return BigInt(yield* lseekCall(fd, offset, whence));
}

export function* truncate(path: Buffer, size: bigint): Op<void> {
  yield* truncateCall(path, size);
}

export function* ftruncate(fd: number, size: bigint): Op<void> {
  yield* ftruncateCall(fd, size);
}

export function* fallocate(fd: number, mode: number, offset: bigint, length: bigint): Op<void> {
  yield* fallocateCall(fd, mode, offset, length);
}

/** Copies inside the host; gives the count, 0 at the end of the source. (copy_file_range(2)) */
export function* copyFileRange(
  from: number,
  fromOffset: bigint,
  to: number,
  toOffset: bigint,
  length: bigint,
): Op<bigint> {
  const offsets = Buffer.allocUnsafe(16);
  offsets.writeBigInt64LE(fromOffset, 0);
  offsets.writeBigInt64LE(toOffset, 8);
  return BigInt(yield* copyCall(from, offsets.subarray(0, 8), to, offsets.subarray(8), length, 0));
}

export function* fsync(fd: number, dataOnly: boolean): Op<void> {
  yield* (dataOnly ? fdatasyncCall : fsyncCall)(fd);
}

export function* syncfs(fd: number): Op<void> {
  yield* syncfsCall(fd);
}

/** SYNC_FILE_RANGE_WRITE (linux/fs.h). */
const START_WRITE = 2;

/** Starts to write a file's dirty pages and does not wait for them. */
export function* startWriteback(fd: number): Op<void> {
  yield* syncRangeCall(fd, 0, 0, START_WRITE);
}

export function* mkdirat(dirfd: number, name: Buffer, mode: number): Op<void> {
  yield* mkdirCall(dirfd, name, mode);
}

/** `device` in the kernel's 32-bit form (encodeDevice). */
export function* mknodat(dirfd: number, name: Buffer, mode: number, device: number): Op<void> {
  yield* mknodCall(dirfd, name, mode, device);
}

export function* symlinkat(target: Buffer, dirfd: number, name: Buffer): Op<void> {
  yield* symlinkCall(target, dirfd, name);
}

/** A new name for what `fd` stands for; without privilege the magic link is the only way. (open(2), O_TMPFILE) */
export function* linkFd(fd: number, dirfd: number, name: Buffer): Op<void> {
  yield* linkCall(AT_FDCWD, procPath(fd), dirfd, name, AT_SYMLINK_FOLLOW);
}

export function* unlinkat(dirfd: number, name: Buffer, flags: number): Op<void> {
  yield* unlinkCall(dirfd, name, flags);
}

export function* renameat2(from: number, name: Buffer, to: number, newName: Buffer, flags: number): Op<void> {
  yield* renameCall(from, name, to, newName, flags);
}

/** The target of the symbolic link that an O_PATH descriptor stands for. */
export function* readlinkFd(fd: number): Op<Buffer> {
  const target = Buffer.allocUnsafe(4096);
  const length = Number(yield* readlinkCall(fd, EMPTY, target, target.length));
  return target.subarray(0, length);
}

/** What a link leads to. ENAMETOOLONG where that is a magic link to what lies too deep to have a path. (proc(5)) */
export function* readlinkAt(dirfd: number, path: Buffer): Op<Buffer> {
  const target = Buffer.allocUnsafe(4096);
  const length = Number(yield* readlinkCall(dirfd, path, target, target.length));
  return target.subarray(0, length);
}

export function* chmodFd(fd: number, mode: number): Op<void> {
  yield* chmodCall(AT_FDCWD, procPath(fd), mode);
}

/** 0xffffffff leaves an id as it is. */
export function* chownFd(fd: number, uid: number, gid: number): Op<void> {
  yield* chownCall(fd, EMPTY, uid, gid, AT_EMPTY_PATH);
}

const UTIME_NOW = 0x3fffffffn;
const UTIME_OMIT = 0x3ffffffen;
const NS = 1_000_000_000n;

/** Sets times in ns since the epoch; undefined leaves one as it is. */
export function* utimensFd(
  fd: number,
  atimeNs: bigint | 'now' | undefined,
  mtimeNs: bigint | 'now' | undefined,
): Op<void> {
  const times = Buffer.alloc(32);
  for (const [i, time] of [atimeNs, mtimeNs].entries()) {
    if (typeof time === 'bigint') {
      const nsec = ((time % NS) + NS) % NS;
      times.writeBigInt64LE((time - nsec) / NS, i * 16);
      times.writeBigInt64LE(nsec, i * 16 + 8);
    } else {
      times.writeBigInt64LE(time === 'now' ? UTIME_NOW : UTIME_OMIT, i * 16 + 8);
    }
  }
  yield* utimensCall(AT_FDCWD, procPath(fd), times, 0);
}

/** Whether the agent's user may do that to what `fd` stands for. (faccessat2(2); kernels before 5.8 have only the old call) */
export function* accessFd(fd: number, mask: number): Op<void> {
  const result = Number(yield* accessCall(fd, EMPTY, mask, AT_EMPTY_PATH));
  if (result === -Errno.ENOSYS) yield* oldAccessCall(AT_FDCWD, procPath(fd), mask);
  else if (result < 0) throw new ErrnoError(-result, 'faccessat2');
}

/** Sets the process's umask and gives the one before. */
export function* setUmask(mask: number): Op<number> {
  return Number(yield* umaskCall(mask));
}
