/** inotify(7). Events are read by the pump; parseInotify takes what it read apart. */
import { type Op, quietSyscall, syscall } from './op';

const initCall = syscall('inotify_init1', 'int');
const addCall = syscall('inotify_add_watch', 'int', 'void *', 'uint');
const removeCall = quietSyscall('inotify_rm_watch', 'int', 'int');

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;

export function* inotifyInit(): Op<number> {
  return Number(yield* initCall(IN_CLOEXEC | IN_NONBLOCK));
}

/** Watches the inode at a path (NUL at the end); the same inode gives the same watch descriptor again. */
export function* inotifyAddWatch(fd: number, path: Buffer, mask: number): Op<number> {
  return Number(yield* addCall(fd, path, mask));
}

/** Ends a watch; one that ended by itself is no error. */
export function* inotifyRemoveWatch(fd: number, wd: number): Op<void> {
  yield* removeCall(fd, wd);
}

export interface InotifyEvent {
  readonly wd: number;
  readonly mask: number;
  readonly cookie: number;
  /** Empty for an event of the watched object itself. Shares the chunk's memory. */
  readonly name: Buffer;
}

const HEADER_BYTES = 16;

/** struct inotify_event: i32 wd, u32 mask, u32 cookie, u32 len, name padded with NULs. */
export function* parseInotify(chunk: Buffer): Generator<InotifyEvent, void, void> {
  for (let at = 0; at + HEADER_BYTES <= chunk.length; ) {
    const length = chunk.readUInt32LE(at + 12);
    const start = at + HEADER_BYTES;
    const padded = chunk.subarray(start, start + length);
    const nul = padded.indexOf(0);
    yield {
      wd: chunk.readInt32LE(at),
      mask: chunk.readUInt32LE(at + 4),
      cookie: chunk.readUInt32LE(at + 8),
      name: nul < 0 ? padded : padded.subarray(0, nul),
    };
    at = start + length;
  }
}
