import type { SuperblockId } from './brand';
import { ErrnoError } from './errno';
import { ResumeCursor, type ResumeIn } from './livemount';
import type { Value } from './struct';

/**
 * How far a client has been told of each superblock's events: by superblock, the seq of the last one it has. A cursor begins
 * with the acknowledgement of the first mark on a superblock (the seq from which events are reported), moves with every batch
 * that was taken in, goes back to the agent with RESUME, and ends with the last mark, or when the agent is another one.
 */
export type Cursors = ReadonlyMap<SuperblockId, bigint>;

export const NO_CURSORS: Cursors = new Map();

/** The tail of a RESUME request. */
export function encodeCursors(cursors: Cursors): Buffer {
  return Buffer.concat([...cursors].map(([sb, seq]) => ResumeCursor.encode({ sb, seq })));
}

/** Reads the tail of a RESUME request; EINVAL where it does not hold as many as it says. */
export function decodeCursors({ count }: Value<typeof ResumeIn>, tail: Buffer): Cursors {
  if (count * ResumeCursor.size !== tail.length) {
    throw new ErrnoError('EINVAL', `RESUME says ${count} cursors and has ${tail.length} bytes of them`);
  }
  const cursors = new Map<SuperblockId, bigint>();
  for (let at = 0; at < tail.length; at += ResumeCursor.size) {
    const { sb, seq } = ResumeCursor.read(tail, at);
    cursors.set(sb, seq);
  }
  return cursors;
}
