import type { HostFile } from './hostFs';
import { isErrno, isUnsupported } from './hostErrors';
import type { TimeSlice } from '../timeSlice';
import { ErrnoError } from '../../protocol/errno';

/** Read and written at a time where the host can't copy by itself. */
const CHUNK = 1 << 20;
/** The same for a file without a size, which nearly always is an empty one; the host copies nothing of it. */
const UNSIZED_CHUNK = 64 << 10;
/** Asked of copy_file_range(2) at a time: a reflink takes no longer for more, and a cancel waits for one. */
const RANGE = 64n << 20n;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** Writes all of `from`, or throws what the host said about the rest (ENOSPC, EDQUOT, EFBIG). */
export async function writeAll(to: HostFile, from: Buffer, offset: bigint): Promise<void> {
  let done = 0;
  while (done < from.length) {
    const count = await to.write(from.subarray(done), offset + BigInt(done));
    if (count === 0) throw new ErrnoError('EIO', 'a write that writes nothing');
    done += count;
  }
}

/** What is read at most of a file that does not say how large it is: one of the kernel's own that never ends. */
const UNSIZED_BYTES_MAX = 1n << 30n;

/**
 * Copies the content of a file into another one, up to the size it has now: one that somebody appends to all the while
 * would have no end. `copied` is called after each part. With `sparse` holes are left out: the target must be empty. Gives the
 * size. EFBIG for a file that says it is empty and does not come to an end.
 */
export async function copyContent(
  from: HostFile,
  to: HostFile,
  slice: TimeSlice,
  options: { readonly sparse: boolean; readonly copied?: (bytes: number) => void },
): Promise<bigint> {
  const { size } = await from.stat();
  // A file of the kernel's own (proc, sysfs) is empty by its size, whatever can be read of it.
  if (size === 0n) {
    const end = await copySegment(from, to, 0n, UNSIZED_BYTES_MAX, slice, options.copied, UNSIZED_CHUNK);
    if (end === UNSIZED_BYTES_MAX) throw new ErrnoError('EFBIG', 'a file without a size that has no end');
    return end;
  }
  let at = 0n;
  while (at < size) {
    const segment = options.sparse ? await dataFrom(from, at) : { start: at, end: undefined };
    if (segment === undefined || segment.start >= size) break;
    const wanted = segment.end === undefined || segment.end > size ? size : segment.end;
    at = await copySegment(from, to, segment.start, wanted, slice, options.copied);
    if (segment.end === undefined || at < wanted) break;
  }
  if (options.sparse && at < size) {
    // Cut off meanwhile, it has no hole at its end.
    const now = await from.stat();
    at = size;
    if (now.size < at) at = now.size;
    await to.truncate(at);
  }
  return at;
}

/** The next part that holds data; undefined behind the last. Without holes known: all the rest, to an unknown end. */
async function dataFrom(
  file: HostFile,
  at: bigint,
): Promise<{ start: bigint; end: bigint | undefined } | undefined> {
  try {
    const start = await file.seek(at, SEEK_DATA);
    return { start, end: await file.seek(start, SEEK_HOLE) };
  } catch (error) {
    if (isErrno(error, 'ENXIO')) return undefined;
    if (isUnsupported(error)) return { start: at, end: undefined };
    throw error;
  }
}

/** Copies up to `end`, or to the end of the file where that comes first; gives where it came to. */
async function copySegment(
  from: HostFile,
  to: HostFile,
  start: bigint,
  end: bigint,
  slice: TimeSlice,
  copied: ((bytes: number) => void) | undefined,
  chunkBytes = CHUNK,
): Promise<bigint> {
  let at = start;
  let byHost = chunkBytes === CHUNK;
  let chunk: Buffer | undefined;
  while (at < end) {
    await slice.step();
    const left = end - at;
    let count = 0n;
    if (byHost) {
      try {
        count = await from.copyRange(at, to, at, left < RANGE ? left : RANGE);
      } catch (error) {
        if (!isUnsupported(error) && !isErrno(error, 'EXDEV', 'EPERM', 'EBADF', 'ETXTBSY')) throw error;
      }
      // Nothing copied is the end, or a file (of proc, say) that only read(2) knows the content of.
      byHost = count > 0n;
    }
    if (!byHost) {
      chunk ??= Buffer.allocUnsafe(chunkBytes);
      const wanted = left < BigInt(chunkBytes) ? chunk.subarray(0, Number(left)) : chunk;
      const read = await from.read(wanted, at);
      if (read === 0) break;
      await writeAll(to, wanted.subarray(0, read), at);
      count = BigInt(read);
    }
    at += count;
    copied?.(Number(count));
  }
  return at;
}
