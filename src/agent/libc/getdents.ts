import type { HostDirent } from '../../server/hostFs';

/** Bytes for one getdents64(2): a thousand and more entries at a time. */
export const DIRENTS_BUFFER = 128 << 10;

/** struct linux_dirent64: ino u64, off i64, reclen u16, type u8, name with a NUL. "." and ".." are left out. */
export function parseDirents(from: Buffer, length: number, into: HostDirent[]): void {
  for (let at = 0; at < length; ) {
    const reclen = from.readUInt16LE(at + 16);
    const start = at + 19;
    const end = from.indexOf(0, start);
    if (!isDot(from, start, end)) {
      into.push({
        name: Buffer.from(from.subarray(start, end)),
        ino: from.readBigUInt64LE(at),
        type: from[at + 18] as number,
      });
    }
    at += reclen;
  }
}

const DOT = 0x2e;
function isDot(from: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length > 2 || from[start] !== DOT) return false;
  return length === 1 || from[start + 1] === DOT;
}
