import type { Attr } from '../../protocol/fuse';
import type { RemotePath } from '../../protocol/paths';
import type { CacheMode } from '../cache/mode';
import { type Cached, type Right, rightTo, type Subject } from '../cache/policy';
import type { Superblock } from '../superblocks/superblock';
import type { SuperblockTable } from '../superblocks/superblockTable';
import { type Inode, isDirectory } from './inodes';

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
