/** Extended attributes. Those of an O_PATH descriptor are reached through its magic link. */
import { Errno, ErrnoError } from '../../protocol/errno';
import { procPath } from './files';
import { cString } from './libc';
import { type Op, quietSyscall, syscall } from './op';

const getCall = quietSyscall('getxattr', 'void *', 'void *', 'void *', 'size_t');
const listCall = quietSyscall('listxattr', 'void *', 'void *', 'size_t');
const setCall = syscall('setxattr', 'void *', 'void *', 'void *', 'size_t', 'int');
const removeCall = syscall('removexattr', 'void *', 'void *');

/** XATTR_SIZE_MAX and XATTR_LIST_MAX (linux/limits.h). */
const XATTR_MAX = 64 << 10;
/** Most values are this short: one call instead of two. */
const FIRST_TRY = 256;

function* sized(call: (into: Buffer) => Op<number | bigint>, name: string): Op<Buffer> {
  let into = Buffer.allocUnsafe(FIRST_TRY);
  let result = Number(yield* call(into));
  if (result === -Errno.ERANGE) {
    into = Buffer.allocUnsafe(XATTR_MAX);
    result = Number(yield* call(into));
  }
  if (result < 0) throw new ErrnoError(-result, name);
  return into.subarray(0, result);
}

export function getxattrFd(fd: number, name: Buffer): Op<Buffer> {
  const path = procPath(fd);
  const terminated = cString(name);
  return sized((into) => getCall(path, terminated, into, into.length), 'getxattr');
}

/** The names, each with a NUL. */
export function listxattrFd(fd: number): Op<Buffer> {
  const path = procPath(fd);
  return sized((into) => listCall(path, into, into.length), 'listxattr');
}

/** flags: XATTR_CREATE 1, XATTR_REPLACE 2. */
export function* setxattrFd(fd: number, name: Buffer, value: Buffer, flags: number): Op<void> {
  yield* setCall(procPath(fd), cString(name), value, value.length, flags);
}

export function* removexattrFd(fd: number, name: Buffer): Op<void> {
  yield* removeCall(procPath(fd), cString(name));
}
