import type { Unique } from './brand';
import { ErrnoError } from './errno';
import { InHeader, OutHeader } from './fuse';
import { COMPOUND_MAX, type CompoundIn, CompoundOut, CompoundSub } from './livemount';
import { packRecord, RecordReader } from './pack';
import type { Value } from './struct';

/** One request of a COMPOUND: a whole request frame, and where it takes what earlier ones find. */
export interface CompoundPart {
  readonly sub: CompoundSub;
  readonly frame: Buffer;
}

/** The tail of a COMPOUND request: its parts, in order. */
export function encodeCompound(parts: readonly CompoundPart[]): Buffer {
  return Buffer.concat(parts.map((part) => packRecord(CompoundSub.encode(part.sub), part.frame)));
}

/** Splits a COMPOUND request; EINVAL for a torn one, too many parts, or one that refers to itself or a later one. */
export function decodeCompound(fixed: Value<typeof CompoundIn>, data: Buffer): CompoundPart[] {
  if (fixed.count > COMPOUND_MAX) throw new ErrnoError('EINVAL', `a compound of ${fixed.count} requests`);
  const reader = new RecordReader(data, 'EINVAL');
  const parts: CompoundPart[] = [];
  for (let i = 0; i < fixed.count; i++) {
    const sub = reader.take(CompoundSub);
    if (Math.max(sub.nodeid_from, sub.fh_from, sub.name_from, sub.newdir_from) > i) {
      throw new ErrnoError('EINVAL', 'a compound refers to a request that comes later');
    }
    const length = reader.view(4).readUInt32LE(0);
    if (length < InHeader.size) throw new ErrnoError('EINVAL', 'a request in a compound has no whole header');
    const frame = Buffer.allocUnsafe(length);
    frame.writeUInt32LE(length, 0);
    reader.view(length - 4).copy(frame, 4);
    reader.align();
    parts.push({ sub, frame });
  }
  return parts;
}

/** The body of a COMPOUND reply, from whole reply frames. */
export function encodeCompoundReply(replies: readonly Buffer[]): Buffer {
  return Buffer.concat([
    CompoundOut.encode({ count: replies.length, flags: 0 }),
    ...replies.map((r) => packRecord(r)),
  ]);
}

export interface CompoundReply {
  readonly unique: Unique;
  readonly error: number;
  readonly body: Buffer;
}

/** The replies in a COMPOUND reply, in order; EIO for a torn one. */
export function decodeCompoundReply(body: Buffer): CompoundReply[] {
  const reader = new RecordReader(body, 'EIO');
  const { count } = reader.take(CompoundOut);
  const replies: CompoundReply[] = [];
  for (let i = 0; i < count; i++) {
    const header = reader.take(OutHeader);
    if (header.len < OutHeader.size) throw new ErrnoError('EIO', 'a reply in a compound has no whole header');
    replies.push({
      unique: header.unique,
      error: header.error,
      body: reader.view(header.len - OutHeader.size),
    });
    reader.align();
  }
  return replies;
}
