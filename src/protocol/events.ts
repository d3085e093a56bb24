import type { Mask, SuperblockId } from './brand';
import { FsnotifyEvent, FsnotifyOut, type Version } from './livemount';
import { align8, belowRoot, RecordReader } from './pack';

/** One change of an object of a superblock. */
export interface FsEvent {
  /** Grows with every event of the agent; the journal's cursor. */
  readonly seq: bigint;
  readonly timeNs: bigint;
  /** Exactly one kind of event, and ISDIR. */
  readonly mask: Mask;
  /** Below the superblock's root. */
  readonly path: Buffer;
  /** A rename's new name. */
  readonly path2?: Buffer;
  /** The object when the event was sent; zeros if it was gone. */
  readonly version: Version;
  readonly mode: number;
  /** EVENT_* bits. */
  readonly flags: number;
}

export interface EventBatch {
  readonly sb: SuperblockId;
  /** BATCH_* bits. */
  readonly flags: number;
  readonly events: readonly FsEvent[];
}

const EMPTY = Buffer.alloc(0);

export function encodeEvents(batch: EventBatch): Buffer {
  let size = FsnotifyOut.size;
  for (const event of batch.events) size += sizeOf(event);
  const body = Buffer.allocUnsafe(size);
  FsnotifyOut.write(body, 0, { sb: batch.sb, count: batch.events.length, flags: batch.flags });
  let at = FsnotifyOut.size;
  for (const event of batch.events) at = writeEvent(body, at, event);
  return body;
}

/** The bytes one event takes in a batch. */
function sizeOf({ path, path2 = EMPTY }: FsEvent): number {
  return align8(FsnotifyEvent.size + path.length + path2.length);
}

/** Writes one event of a batch; gives where the next one starts. */
function writeEvent(body: Buffer, start: number, event: FsEvent): number {
  const { path, path2 = EMPTY } = event;
  FsnotifyEvent.write(body, start, {
    seq: event.seq,
    time_ns: event.timeNs,
    version: event.version,
    mask: event.mask,
    mode: event.mode,
    flags: event.flags,
    pathlen: path.length,
    path2len: path2.length,
  });
  let at = start + FsnotifyEvent.size;
  at += path.copy(body, at);
  at += path2.copy(body, at);
  const end = start + sizeOf(event);
  while (at < end) body[at++] = 0;
  return end;
}

/** Reads a FSNOTIFY notification; EIO for a torn one, and for a path that is none below a root. */
export function decodeEvents(body: Buffer): EventBatch {
  const reader = new RecordReader(body, 'EIO');
  const head = reader.take(FsnotifyOut);
  const events: FsEvent[] = [];
  for (let i = 0; i < head.count; i++) {
    const fixed = reader.take(FsnotifyEvent);
    const path = belowRoot(reader.bytes(fixed.pathlen));
    const path2 = belowRoot(reader.bytes(fixed.path2len));
    reader.align();
    events.push({
      seq: fixed.seq,
      timeNs: fixed.time_ns,
      mask: fixed.mask,
      path,
      ...(fixed.path2len > 0 && { path2 }),
      version: fixed.version,
      mode: fixed.mode,
      flags: fixed.flags,
    });
  }
  return { sb: head.sb, flags: head.flags, events };
}
