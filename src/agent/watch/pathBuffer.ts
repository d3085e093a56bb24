import { ErrnoError } from '../../protocol/errno';
import type { AbsolutePath } from '../../server/watch/bytePath';

/** PATH_MAX (linux/limits.h), with its NUL. */
const PATH_MAX = 4096;

/** Paths as the kernel takes them, in memory that is used again: a look costs no allocation. */
export class PathBuffer {
  static isTooLong(path: AbsolutePath): boolean {
    return path.length >= PATH_MAX;
  }

  private readonly bytes = Buffer.alloc(PATH_MAX);

  /** The path with a NUL at its end; good until the next call. ENAMETOOLONG. */
  of(path: AbsolutePath): Buffer {
    if (PathBuffer.isTooLong(path)) throw new ErrnoError('ENAMETOOLONG', path.slice(-80));
    this.bytes[this.bytes.write(path, 'latin1')] = 0;
    return this.bytes;
  }
}
