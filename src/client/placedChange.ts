import type { RemotePath } from '../protocol/paths';
import type { Change } from './vfs';

/** A change as the client itself has it, with its paths in their one spelling. */
export interface PlacedChange extends Change {
  readonly path: RemotePath;
  readonly to?: RemotePath;
}

/** A change that no event of the host says: the client concludes it, now. */
export function concluded(change: Omit<PlacedChange, 'seq' | 'timeNs'>): PlacedChange {
  return { seq: 0n, timeNs: BigInt(Date.now()) * 1_000_000n, ...change };
}
