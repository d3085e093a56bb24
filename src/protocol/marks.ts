import type { Mask } from './brand';
import { FsnotifyMark } from './livemount';
import { packRecord, RecordReader } from './pack';

/** An object's aggregated mask, as FSNOTIFY_UPDATE carries it. */
export interface MarkUpdate {
  /** Below the superblock's root, without a leading '/'; empty is the root. */
  readonly path: Buffer;
  /** 0 takes the mark away. */
  readonly mask: Mask;
  /** MARK_* bits; (path, MARK_SUBTREE) is the mark's key. */
  readonly flags: number;
  /** Globs relative to `path`; what they match is neither watched nor told. */
  readonly excludes: readonly string[];
}

const NUL = Buffer.alloc(1);

/** The tail of FSNOTIFY_UPDATE. */
export function encodeMarks(marks: readonly MarkUpdate[]): Buffer {
  return Buffer.concat(
    marks.map(({ path, mask, flags, excludes }) => {
      const globs = Buffer.concat(excludes.flatMap((glob) => [Buffer.from(glob), NUL]));
      const fixed = FsnotifyMark.encode({ mask, flags, pathlen: path.length, excludeslen: globs.length });
      return packRecord(fixed, path, globs);
    }),
  );
}

export function decodeMarks(count: number, data: Buffer): MarkUpdate[] {
  const reader = new RecordReader(data, 'EINVAL');
  const marks: MarkUpdate[] = [];
  for (let i = 0; i < count; i++) {
    const { mask, flags, pathlen, excludeslen } = reader.take(FsnotifyMark);
    const path = reader.bytes(pathlen);
    const globs = reader.bytes(excludeslen).toString('utf8').split('\0').slice(0, -1);
    reader.align();
    marks.push({ path, mask, flags, excludes: globs });
  }
  return marks;
}
