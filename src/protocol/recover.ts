import { ErrnoError } from './errno';
import { packRecord, RecordReader } from './pack';
import { RecoverEntry, RecoverOut } from './livemount';

/** A save that was not finished, and what is kept of the file. Paths are absolute, as the host knows them. */
export interface UnfinishedSave {
  readonly id: bigint;
  /** RecoverKind */
  readonly kind: number;
  /** When the save began, ns since the epoch; 0 if that is not known. */
  readonly timeNs: bigint;
  /** Bytes kept. */
  readonly size: bigint;
  readonly path: Buffer;
  readonly kept: Buffer;
}

/** The reply of RECOVER_LIST. */
export function encodeUnfinished(saves: readonly UnfinishedSave[]): Buffer {
  const entries = saves.map(({ id, kind, timeNs, size, path, kept }) =>
    packRecord(
      RecoverEntry.encode({ id, kind, time_ns: timeNs, size, pathlen: path.length, keptlen: kept.length }),
      path,
      kept,
    ),
  );
  return Buffer.concat([RecoverOut.encode({ count: saves.length, flags: 0 }), ...entries]);
}

/** Unfinished saves taken from one reply at most. The others are in the next, once these are settled. */
const UNFINISHED_MAX = 256;
/** PATH_MAX of limits.h: no save has been made at a longer one. */
const PATH_MAX = 4096;

/** Reads the reply of RECOVER_LIST, the first of a list that is too long; EIO for one that is torn. */
export function decodeUnfinished(reply: Buffer): UnfinishedSave[] {
  const reader = new RecordReader(reply, 'EIO');
  const { count } = reader.take(RecoverOut);
  const saves: UnfinishedSave[] = [];
  while (saves.length < Math.min(count, UNFINISHED_MAX)) {
    const { id, kind, time_ns: timeNs, size, pathlen, keptlen } = reader.take(RecoverEntry);
    if (Math.max(pathlen, keptlen) > PATH_MAX) throw new ErrnoError('EIO', 'a save at a path that is none');
    saves.push({ id, kind, timeNs, size, path: reader.bytes(pathlen), kept: reader.bytes(keptlen) });
    reader.align();
  }
  return saves;
}
