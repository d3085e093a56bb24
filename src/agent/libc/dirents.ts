/** getdents64(2). */
import { lseek } from './files';
import { type Op, syscall } from './op';

export interface RawDirent {
  readonly name: Buffer;
  readonly ino: bigint;
  /** d_type, 0 if the filesystem does not tell. */
  readonly type: number;
}

/** One call's worth: some 8,000 short names. Filesystems fill what they are given. */
const CHUNK_BYTES = 256 << 10;
const DOT = 0x2e;
/** Bytes of an entry in front of its name. */
const NAME_AT = 19;
const call = syscall('getdents64', 'int', 'void *', 'size_t');

/** All entries of an open directory but "." and "..", read from its start. */
export function* readDirectory(fd: number): Op<RawDirent[]> {
  const entries: RawDirent[] = [];
  yield* lseek(fd, 0n, 0);
  let chunk = Buffer.allocUnsafeSlow(4096);
  for (;;) {
    const length = Number(yield* call(fd, chunk, chunk.length));
    if (length === 0) return entries;
    parse(Buffer.from(chunk.subarray(0, length)), entries);
    // Most directories are small; a larger one pays for its own buffer.
    if (chunk.length < CHUNK_BYTES) chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }
}

/** Names share the chunk's memory. */
function parse(chunk: Buffer, entries: RawDirent[]): void {
  eachDirent(chunk, chunk.length, (start, end, at) => {
    entries.push({
      name: chunk.subarray(start, end),
      ino: chunk.readBigUInt64LE(at),
      type: chunk[start - 1] ?? 0,
    });
  });
}

/**
 * Calls `each` for every entry but "." and ".." with where its name starts and ends, and where it begins itself. The type
 * stands right before the name. struct linux_dirent64: u64 ino, i64 off, u16 reclen, u8 type, name with NUL.
 */
export function eachDirent(
  chunk: Buffer,
  length: number,
  each: (start: number, end: number, at: number) => void,
): void {
  for (let at = 0; at < length; at += chunk.readUInt16LE(at + 16)) {
    const start = at + NAME_AT;
    const end = chunk.indexOf(0, start);
    const isDot =
      chunk[start] === DOT && (end - start === 1 || (end - start === 2 && chunk[start + 1] === DOT));
    if (!isDot) each(start, end, at);
  }
}
