import { type Stamp, stronger } from '../cache/invalidations';
import { type Inode, type InodeTable, isDirectory } from './inodes';
import { join, type RemotePath, ROOT_PATH } from '../../protocol/paths';
import type { DirectoryEntry } from '../vfs';

/** A directory's names, all of them. */
export interface Listing {
  readonly entries: readonly DirectoryEntry[];
  readonly names: ReadonlySet<string>;
  readonly stamp: Stamp;
  readonly crossed: boolean;
}

/** A name in a directory: of an inode, or of nothing (a negative entry). */
export class Dentry {
  /** Of a directory: the names below it that we know. */
  readonly children = new Map<string, Dentry>();
  listing: Listing | undefined;

  constructor(
    readonly parent: Dentry | undefined,
    readonly name: string,
    readonly inode: Inode | undefined,
    public stamp: Stamp,
    public crossed: boolean,
  ) {}

  get path(): RemotePath {
    return this.parent === undefined ? ROOT_PATH : join(this.parent.path, this.name);
  }
}

/** Names held at most; the least recently used go first. About 20 MB with their inodes. */
const DENTRIES_MAX = 65_536;

/** The names of the host's tree that we know, from the root down, with negative entries. */
export class DentryTree {
  readonly root: Dentry;
  private readonly recent = new Set<Dentry>();

  constructor(
    private readonly inodes: InodeTable,
    stamp: Stamp,
    private readonly bound: number = DENTRIES_MAX,
  ) {
    this.root = new Dentry(undefined, '', inodes.root, stamp, false);
    inodes.root.dentries.add(this.root);
  }

  /** Names held. */
  get size(): number {
    return this.recent.size;
  }

  /** The dentry of an absolute path without following links; undefined where we know none. */
  at(path: string): Dentry | undefined {
    let dentry: Dentry | undefined = this.root;
    if (path === '/') return dentry;
    for (const name of path.slice(1).split('/')) {
      dentry = dentry?.children.get(name);
      if (dentry === undefined) return undefined;
    }
    return dentry;
  }

  /** The dentry of the longest part of a path that we know. */
  deepest(path: string): Dentry {
    let dentry = this.root;
    if (path === '/') return dentry;
    for (const name of path.slice(1).split('/')) {
      const child = dentry.children.get(name);
      if (child === undefined) break;
      dentry = child;
    }
    return dentry;
  }

  /** Counts as used now. */
  touch(dentry: Dentry): void {
    if (this.recent.delete(dentry)) this.recent.add(dentry);
  }

  /** A reply says what `name` in `parent` is; `inode` undefined: nothing. What it was before goes, with all below. */
  set(parent: Dentry, name: string, inode: Inode | undefined, stamp: Stamp, crossed: boolean): Dentry {
    const present = parent.children.get(name);
    if (present !== undefined && present.inode === inode) {
      present.stamp = present.crossed || crossed ? stamp : stronger(present.stamp, stamp);
      present.crossed = crossed;
      this.touch(present);
      return present;
    }
    if (present !== undefined) this.drop(present);
    // A directory has one name: found here, it left where we knew it.
    if (inode !== undefined && isDirectory(inode))
      for (const old of [...inode.dentries]) this.drop(old, inode);
    const dentry = new Dentry(parent, name, inode, stamp, crossed);
    parent.children.set(name, dentry);
    inode?.dentries.add(dentry);
    this.recent.add(dentry);
    if (this.recent.size > this.bound) this.evict();
    return dentry;
  }

  /** Forgets a name and everything below it. `keep` is not given back though it loses its name. */
  drop(dentry: Dentry, keep?: Inode): void {
    if (dentry.parent === undefined) {
      for (const child of [...dentry.children.values()]) this.drop(child);
      dentry.listing = undefined;
      return;
    }
    for (const child of [...dentry.children.values()]) this.drop(child, keep);
    if (dentry.parent.children.get(dentry.name) === dentry) dentry.parent.children.delete(dentry.name);
    this.recent.delete(dentry);
    const { inode } = dentry;
    if (inode === undefined) return;
    inode.dentries.delete(dentry);
    if (inode !== keep) this.inodes.release(inode);
  }

  private evict(): void {
    for (const dentry of this.recent) {
      if (this.recent.size <= this.bound) return;
      if (dentry.children.size === 0) this.drop(dentry);
      else this.touch(dentry); // a directory goes after what it holds
    }
  }
}
