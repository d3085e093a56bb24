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

/** EIO for a reply that is torn. */
export function decodeUnfinished(reply: Buffer): UnfinishedSave[] {
  const reader = new RecordReader(reply, 'EIO');
  const { count } = reader.take(RecoverOut);
  return Array.from({ length: count }, () => {
    const { id, kind, time_ns: timeNs, size, pathlen, keptlen } = reader.take(RecoverEntry);
    const save = { id, kind, timeNs, size, path: reader.bytes(pathlen), kept: reader.bytes(keptlen) };
    reader.align();
    return save;
  });
}
