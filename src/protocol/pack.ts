import { ErrnoError } from './errno';

/** Records in our own lists start at multiples of 8, like dirents do. */
export function align8(size: number): number {
  return (size + 7) & ~7;
}

/** Joins parts into one record padded with zeros to a multiple of 8. */
export function packRecord(...parts: readonly Buffer[]): Buffer {
  let size = 0;
  for (const part of parts) size += part.length;
  const record = Buffer.allocUnsafe(align8(size));
  let at = 0;
  for (const part of parts) at += part.copy(record, at);
  record.fill(0, at);
  return record;
}

/** Reads a list of variable records from front to back; running over the end is `errno` (EINVAL: a request, EIO: a reply). */
export class RecordReader {
  private at = 0;

  constructor(
    private readonly from: Buffer,
    private readonly errno: 'EINVAL' | 'EIO',
  ) {}

  get done(): boolean {
    return this.at >= this.from.length;
  }

  /** Reads a struct. */
  take<T>(layout: { readonly size: number; readonly name: string; read(from: Buffer, at: number): T }): T {
    if (this.at + layout.size > this.from.length) throw new ErrnoError(this.errno, `a torn ${layout.name}`);
    const value = layout.read(this.from, this.at);
    this.at += layout.size;
    return value;
  }

  /** The next `length` bytes, copied: what is read here outlives the frame. */
  bytes(length: number): Buffer {
    if (this.at + length > this.from.length)
      throw new ErrnoError(this.errno, 'a record is longer than its frame');
    const part = Buffer.from(this.from.subarray(this.at, this.at + length));
    this.at += length;
    return part;
  }

  /** The next `length` bytes without a copy. */
  view(length: number): Buffer {
    if (this.at + length > this.from.length)
      throw new ErrnoError(this.errno, 'a record is longer than its frame');
    const part = this.from.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** Skips the padding behind a record. */
  align(): void {
    this.at = align8(this.at);
  }
}

const SLASH = '/'.charCodeAt(0);
const DOTS = '..';

/** The path, if it stays below the root that it is relative to. */
export function belowRoot(path: Buffer): Buffer {
  const climbs = path.includes(DOTS) && path.toString('latin1').split('/').includes(DOTS);
  if (path[0] === SLASH || path.includes(0) || climbs) throw new ErrnoError('EIO', 'a path that is none');
  return path;
}
