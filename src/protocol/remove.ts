import type { SuperblockId } from './brand';
import { ErrnoError } from './errno';
import type { RemoveIn } from './livemount';
import type { Value } from './struct';

const ID_BYTES = 8;

/** The tail of a REMOVE request: the superblocks that may be emptied. */
export function encodeCrossed(superblocks: readonly SuperblockId[]): Buffer {
  const tail = Buffer.alloc(superblocks.length * ID_BYTES);
  for (const [i, sb] of superblocks.entries()) tail.writeBigUInt64LE(sb, i * ID_BYTES);
  return tail;
}

/** Reads the tail of a REMOVE request; EINVAL where it does not hold as many as it says. */
export function decodeCrossed({ mounts }: Value<typeof RemoveIn>, tail: Buffer): ReadonlySet<SuperblockId> {
  if (mounts * ID_BYTES !== tail.length) {
    throw new ErrnoError('EINVAL', `REMOVE says ${mounts} mounts and has ${tail.length} bytes of them`);
  }
  const crossed = new Set<SuperblockId>();
  for (let at = 0; at < tail.length; at += ID_BYTES) crossed.add(tail.readBigUInt64LE(at) as SuperblockId);
  return crossed;
}
