import type { CacheMode } from './mode';
import type { Superblock } from '../superblocks/superblock';
import type { Stamp } from './invalidations';

/** How long 'auto' believes a reply, in ms. (virtiofs: cache=auto) */
export const AUTO_MS = 1000;

/** Something cached: since which reply, and whether it was invalidated while that was under way. */
export interface Cached {
  readonly stamp: Stamp;
  readonly crossed: boolean;
}

/** What the answer depends on beside the stamp. */
export interface Circumstances {
  readonly mode: CacheMode;
  readonly superblock: Pick<Superblock, 'leaseMs'>;
  /** Since when a watch in force vouches for it; undefined: none does. */
  readonly leaseSince: () => number | undefined;
  readonly connected: boolean;
  readonly nowMs: number;
}

/** Under which right a cached value may be used. */
export type Right = 'lease' | 'timeout' | 'none';

/** Whether something cached may be used without asking the host, and by what right. */
export function rightTo(cached: Cached, circumstances: Circumstances): Right {
  const { mode, superblock, nowMs, connected } = circumstances;
  if (cached.crossed || mode === 'none') return 'none';
  if (mode === 'always') return 'timeout';
  const age = nowMs - cached.stamp.at;
  if (mode === 'lease') {
    const since = circumstances.leaseSince();
    // While the link is down nobody can tell better: what was true under the lease is shown, and the state says so.
    const held = since !== undefined && (cached.stamp.start >= since || cached.stamp.under === since);
    if (held && (age < superblock.leaseMs || (!connected && superblock.leaseMs > 0))) return 'lease';
  }
  return age < AUTO_MS ? 'timeout' : 'none';
}

/** What about a path a watch is to vouch for: its name, its attributes, those of a directory, or a directory's names. */
export type Subject = 'entry' | 'attributes' | 'directory' | 'names';
