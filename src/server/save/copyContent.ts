import type { HostFile } from '../host/hostFs';
import { isErrno, isUnsupported } from './hostErrors';
import type { TimeSlice } from '../timeSlice';
import { ErrnoError } from '../../protocol/errno';

/** Read and written at a time where the host can't copy by itself. */
const CHUNK = 1 << 20;
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

/**
 * Copies the content of a file from its start to its end into another one. `copied` is told of each part. With
 * `sparse` holes are left out: the target must be empty. Gives the size.
 */
export async function copyContent(
  from: HostFile,
  to: HostFile,
  slice: TimeSlice,
  options: { readonly sparse: boolean; readonly copied?: (bytes: number) => void },
): Promise<bigint> {
  let at = 0n;
  for (;;) {
    const segment = options.sparse ? await dataFrom(from, at) : { start: at, end: undefined };
    if (segment === undefined) break;
    const end = await copySegment(from, to, segment.start, segment.end, slice, options.copied);
    at = end;
    if (segment.end === undefined || end < segment.end) break;
  }
  if (options.sparse) {
    const { size } = await from.stat();
    if (size > at) {
      await to.truncate(size);
      return size;
    }
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

/** Copies up to `end`, or to the end of the file; gives where it came to. */
async function copySegment(
  from: HostFile,
  to: HostFile,
  start: bigint,
  end: bigint | undefined,
  slice: TimeSlice,
  copied: ((bytes: number) => void) | undefined,
): Promise<bigint> {
  let at = start;
  let byHost = true;
  let chunk: Buffer | undefined;
  while (end === undefined || at < end) {
    await slice.step();
    const left = end === undefined ? RANGE : end - at;
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
      chunk ??= Buffer.allocUnsafe(CHUNK);
      const wanted = left < BigInt(CHUNK) ? chunk.subarray(0, Number(left)) : chunk;
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
