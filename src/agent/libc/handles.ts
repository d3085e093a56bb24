/** File handles: name_to_handle_at(2), open_by_handle_at(2). */
import { Errno, ErrnoError } from '../../protocol/errno';
import { AT_EMPTY_PATH, O } from './flags';
import { EMPTY } from './files';
import { type Op, quietSyscall, syscall } from './op';

/** MAX_HANDLE_SZ (linux/exportfs.h). */
const MAX_HANDLE_BYTES = 128;
const HEADER_BYTES = 8;

/** struct file_handle behind its two words. */
export interface FileHandle {
  readonly type: number;
  readonly bytes: Buffer;
}

const encodeCall = quietSyscall('name_to_handle_at', 'int', 'void *', 'void *', 'void *', 'int');
const openCall = syscall('open_by_handle_at', 'int', 'void *', 'int');

function* encode(dirfd: number, name: Buffer, flags: number): Op<FileHandle | undefined> {
  const handle = Buffer.allocUnsafe(HEADER_BYTES + MAX_HANDLE_BYTES);
  const mountId = Buffer.allocUnsafe(4);
  handle.writeUInt32LE(MAX_HANDLE_BYTES, 0);
  const result = Number(yield* encodeCall(dirfd, name, handle, mountId, flags));
  if (result === -Errno.EOPNOTSUPP || result === -Errno.EOVERFLOW) return undefined;
  if (result < 0) throw new ErrnoError(-result, 'name_to_handle_at');
  const length = handle.readUInt32LE(0);
  return { type: handle.readInt32LE(4), bytes: handle.subarray(HEADER_BYTES, HEADER_BYTES + length) };
}

/** The handle of what a descriptor stands for; undefined where the filesystem has none. */
export function handleOfFd(fd: number): Op<FileHandle | undefined> {
  return encode(fd, EMPTY, AT_EMPTY_PATH);
}

/** The handle of a name (of the link itself, for a symbolic link); triggers no automount. */
export function handleAt(dirfd: number, name: Buffer): Op<FileHandle | undefined> {
  return encode(dirfd, name, 0);
}

/**
 * Opens what a handle stands for, wherever it is now. `mountFd` is any (not O_PATH) descriptor of the filesystem.
 * EPERM without CAP_DAC_READ_SEARCH, ESTALE for what is gone.
 */
export function* openByHandle(mountFd: number, handle: FileHandle, flags: number): Op<number> {
  const raw = Buffer.allocUnsafe(HEADER_BYTES + handle.bytes.length);
  raw.writeUInt32LE(handle.bytes.length, 0);
  raw.writeInt32LE(handle.type, 4);
  handle.bytes.copy(raw, HEADER_BYTES);
  return Number(yield* openCall(mountFd, raw, flags | O.CLOEXEC));
}
