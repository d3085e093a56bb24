import { type NodeId, ROOT_ID, type SuperblockId } from '../../protocol/brand';
import type { Attr, EntryOut } from '../../protocol/fuse';
import type { WalkResult } from '../../protocol/walk';
import type { ContentCache } from '../cache/content';
import { type Invalidations, overlap, type Stamp, stronger } from '../cache/invalidations';
import { type Dentry, DentryTree } from './dentries';
import type { Forgets } from './forgets';
import { type Inode, InodeTable, isSymlink } from './inodes';
import { textOf } from '../../protocol/names';
import { join, type RemotePath, ROOT_PATH } from '../../protocol/paths';

/**
 * What the client holds of the host's tree: inodes by nodeid and the names that stand for them. Replies are taken in
 * here, with the lookups they count. It lives as long as the agent knows its nodeids.
 */
export class Tree {
  readonly inodes: InodeTable;
  readonly dentries: DentryTree;

  constructor(
    private readonly forgets: Forgets,
    private readonly invalidations: Invalidations,
    private readonly sbOf: (path: RemotePath) => SuperblockId,
    contents: ContentCache,
    dentriesMax?: number,
  ) {
    this.inodes = new InodeTable(sbOf(ROOT_PATH), forgets, (inode) => contents.drop(inode));
    const always: Stamp = { start: 0, at: Number.POSITIVE_INFINITY, end: 0 };
    this.dentries = new DentryTree(this.inodes, always, dentriesMax);
  }

  /** Takes in the entry of `name` in a directory, as a reply gave it. EIO for attributes that can't be. */
  enter(parent: Dentry, name: string, entry: EntryOut, stamp: Stamp): Dentry {
    const path = join(parent.path, name);
    const inode = entry.nodeid === 0n ? undefined : this.inodes.claim(entry, this.sbOf(path));
    const present = parent.children.get(name);
    const disagree = present !== undefined && present.inode !== inode && overlap(present.stamp, stamp);
    const crossed = disagree || this.invalidations.crossed(stamp, path);
    if (inode === undefined) return this.dentries.set(parent, name, undefined, stamp, crossed);
    const dentry = this.dentries.set(parent, name, inode, stamp, crossed);
    this.learn(inode, path, entry.attr, stamp);
    return dentry;
  }

  /** Takes in attributes: the host's word replaces what was known, unless that may be the newer one. */
  learn(inode: Inode, path: RemotePath, attr: Attr, stamp: Stamp): void {
    const known = inode.attr;
    const same = known !== undefined && sameAttr(known.value, attr);
    const disagree = known !== undefined && !same && overlap(known.stamp, stamp);
    const crossed = disagree || this.invalidations.crossed(stamp, path);
    const agree = same && !known.crossed && !crossed;
    inode.attr = { value: attr, stamp: agree ? stronger(known.stamp, stamp) : stamp, crossed };
  }

  /** Takes in the steps of a WALK. Those whose directory we do not know by name are given back. */
  walked(result: WalkResult, stamp: Stamp): void {
    for (const step of result.steps) {
      const parent = this.dentryOf(step.parent);
      if (parent === undefined) {
        this.forgets.add(step.entry.nodeid, 1n);
        continue;
      }
      const { inode } = this.enter(parent, textOf(step.name), step.entry, stamp);
      if (inode !== undefined && isSymlink(inode) && step.target !== undefined)
        inode.target = textOf(step.target);
    }
  }

  /** A name of a directory. */
  dentryOf(nodeid: NodeId): Dentry | undefined {
    if (nodeid === ROOT_ID) return this.dentries.root;
    const [dentry] = this.inodes.get(nodeid)?.dentries ?? [];
    return dentry;
  }
}

/** Nothing but the time of the last access differs: every other change of an inode moves its ctime. */
function sameAttr(a: Attr, b: Attr): boolean {
  return a.ctime === b.ctime && a.ctimensec === b.ctimensec && a.size === b.size && a.mode === b.mode;
}
