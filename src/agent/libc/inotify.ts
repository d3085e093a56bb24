/** inotify(7). The pump reads events; decodeInotify takes what it read apart. */
import { type Op, quietSyscall, syscall } from './op';

const initCall = syscall('inotify_init1', 'int');
const addCall = quietSyscall('inotify_add_watch', 'int', 'void *', 'uint');
const removeCall = quietSyscall('inotify_rm_watch', 'int', 'int');

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;

/** EMFILE: no inotify instance is left for this user. */
export function* inotifyInit(): Op<number> {
  return Number(yield* initCall(IN_CLOEXEC | IN_NONBLOCK));
}

/**
 * Watches the inode at a path (NUL at the end); the same inode gives the same watch descriptor again. Gives -errno where
 * that fails, which is a common answer.
 */
export function* inotifyAddWatch(fd: number, path: Buffer, mask: number): Op<number> {
  return Number(yield* addCall(fd, path, mask));
}

/** Ends a watch; one that ended by itself is no error. */
export function* inotifyRemoveWatch(fd: number, wd: number): Op<void> {
  yield* removeCall(fd, wd);
}

/** struct inotify_event without its name: i32 wd, u32 mask, u32 cookie, u32 len. */
const EVENT_SIZE = 16;
const EVENT_WORDS = EVENT_SIZE / 4;

/**
 * Takes whole records apart. Each starts at a multiple of four bytes, as does what the pump reads. `name` has a character
 * for each byte and is empty for an event of the watched object itself.
 */
export function decodeInotify(
  bytes: Buffer,
  each: (wd: number, mask: number, cookie: number, name: string) => void,
): void {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let named = -1;
  let name = '';
  for (let at = 0; at + EVENT_WORDS <= words.length; ) {
    const length = words[at + 3] ?? 0;
    // Made, written, closed: most records have the name of the one before.
    if (named < 0 || !sameName(words, named, at)) name = nameAt(bytes, at * 4, length);
    named = at;
    each(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0, name);
    at += EVENT_WORDS + (length >> 2);
  }
}

/** Names are padded to whole records, so they can be compared by words. */
function sameName(words: Int32Array, one: number, other: number): boolean {
  const length = words[one + 3] ?? 0;
  if (length !== words[other + 3]) return false;
  for (let i = EVENT_WORDS; i < EVENT_WORDS + (length >> 2); i++) {
    if (words[one + i] !== words[other + i]) return false;
  }
  return true;
}

function nameAt(bytes: Buffer, at: number, length: number): string {
  const start = at + EVENT_SIZE;
  let end = start + length;
  while (end > start && bytes[end - 1] === 0) end--;
  return bytes.toString('latin1', start, end);
}
