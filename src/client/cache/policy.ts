import type { CacheMode } from './mode';
import type { Attr } from '../../protocol/fuse';
import type { RemotePath } from '../../protocol/paths';
import type { Superblock } from '../superblocks/superblock';
import type { SuperblockTable } from '../superblocks/superblockTable';
import { type Inode, isDirectory } from '../tree/inodes';
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

/** What the rights to cached values depend on. */
export interface RightsParts {
  readonly superblocks: Pick<SuperblockTable, 'covering' | 'leftOut'>;
  /** Since when a watch in force vouches for a path; undefined: none does. */
  readonly leaseSince: (path: RemotePath, subject: Subject) => number | undefined;
  readonly isConnected: () => boolean;
  /** How a superblock is cached. */
  readonly modeOf: (superblock: Superblock) => CacheMode;
}

/** Says what of the cache may be used now, and by what right. */
export class Rights {
  constructor(private readonly parts: RightsParts) {}

  mode(superblock: Superblock): CacheMode {
    return this.parts.modeOf(superblock);
  }

  /** By what right something cached of a path may be used; `aliased`: it has names that no watch may cover. */
  to(cached: Cached, path: RemotePath, subject: Subject, aliased: boolean, nowMs: number): Right {
    const superblock = this.parts.superblocks.covering(path);
    return rightTo(cached, {
      mode: this.mode(superblock),
      superblock,
      leaseSince: () => (aliased ? undefined : this.leaseSince(path, subject)),
      connected: this.parts.isConnected(),
      nowMs,
    });
  }

  /** The attributes of an inode may be used as they are known. */
  toAttributes(inode: Inode, path: RemotePath, nowMs: number): inode is Inode & { attr: { value: Attr } } {
    const { attr } = inode;
    if (attr === undefined) return false;
    const directory = isDirectory(inode);
    const aliased = !directory && attr.value.nlink > 1;
    return this.to(attr, path, directory ? 'directory' : 'attributes', aliased, nowMs) !== 'none';
  }

  /** Since when a watch vouches for a path; none does while there are mounts that nobody knows of. */
  leaseSince(path: RemotePath, subject: Subject): number | undefined {
    return this.parts.superblocks.leftOut > 0 ? undefined : this.parts.leaseSince(path, subject);
  }
}
