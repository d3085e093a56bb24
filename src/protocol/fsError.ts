import type { SuperblockId } from './brand';
import { FsErrorOut } from './livemount';
import { belowRoot, packRecord, RecordReader } from './pack';

/** Errors the host's kernel reported of a filesystem: the first whole, further ones counted. (fanotify(7), FAN_FS_ERROR) */
export interface FsErrorRecord {
  readonly sb: SuperblockId;
  readonly seq: bigint;
  readonly timeNs: bigint;
  readonly ino: bigint;
  readonly errno: number;
  readonly count: number;
  /** FS_ERROR_* bits */
  readonly flags: number;
  readonly path: Buffer;
}

export function encodeFsError(record: FsErrorRecord): Buffer {
  const { sb, seq, timeNs, ino, errno, count, flags, path } = record;
  return packRecord(
    FsErrorOut.encode({ sb, seq, time_ns: timeNs, ino, errno, count, flags, pathlen: path.length }),
    path,
  );
}

/** Reads a FS_ERROR notification; EIO for a torn one. */
export function decodeFsError(body: Buffer): FsErrorRecord {
  const reader = new RecordReader(body, 'EIO');
  const { sb, seq, time_ns, ino, errno, count, flags, pathlen } = reader.take(FsErrorOut);
  return { sb, seq, timeNs: time_ns, ino, errno, count, flags, path: belowRoot(reader.bytes(pathlen)) };
}
