import { type Generation, type NodeId, ROOT_ID, type SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFMT } from '../../protocol/fuse';
import type { HostFs, HostPlace, HostStat, Identity, Locator } from './hostFs';

/** One inode a client holds. */
export interface Inode {
  readonly nodeid: NodeId;
  readonly identity: Identity;
  /** S_IFMT bits; they never change under a nodeid. */
  readonly type: number;
  /** Lookups the client has not given back yet. */
  nlookup: bigint;
  /** The names it is known by, the one seen last at the end; none: unlinked (it lives while a handle or a lookup does). */
  readonly names: Set<Dentry>;
  /** Known children by name (latin1, so that any bytes are a key); of directories. */
  readonly children: Map<string, Dentry>;
  /** Where it is (latin1), as of `epoch`. */
  cachedPath: string | undefined;
  epoch: number;
}

/**
 * A name of an inode in a directory. Names and paths are kept as strings: a small buffer would keep the slab of 8 KiB that it
 * shares with what was read beside it, and these live long.
 */
export interface Dentry {
  parent: Inode;
  /** As latin1. */
  name: string;
  readonly inode: Inode;
}

/**
 * The inodes of one client: nodeid -> (superblock, ino, generation) with counted lookups and the names they were found
 * by. It holds no file descriptor: the host reaches an inode by one of its names and verifies who is there.
 * A nodeid is never used twice. (fuse_lowlevel.h: "lookup count"; fuse-facts: identity without pinning)
 */
export class InodeTable {
  private readonly byNodeId = new Map<NodeId, Inode>();
  private readonly byIdentity = new Map<string, Inode>();
  private nextNodeId = 2n;
  /** Grows when a path may have changed: cached paths of an older epoch are made anew. */
  private epoch = 0;
  readonly root: Inode;

  /** `rootPath` is absolute; the root is looked at on first use. */
  constructor(
    private readonly rootPath: Buffer,
    host: HostFs,
  ) {
    const covering = host.mounts.covering(rootPath);
    this.root = {
      nodeid: ROOT_ID,
      identity: { sb: covering.sb, ino: 0n, generation: 0n },
      type: S_IFDIR,
      nlookup: 1n,
      names: new Set(),
      children: new Map(),
      cachedPath: key(rootPath),
      epoch: 0,
    };
    this.byNodeId.set(ROOT_ID, this.root);
  }

  /** Inodes the client holds, the root included. */
  get size(): number {
    return this.byNodeId.size;
  }

  /** The directories the client holds, those it met last first. */
  *directories(): Iterable<Inode> {
    for (const inode of [...this.byNodeId.values()].reverse()) if (inode.type === S_IFDIR) yield inode;
  }

  /** ESTALE for a nodeid that is unknown, or was given back. */
  get(nodeid: NodeId): Inode {
    const inode = this.byNodeId.get(nodeid);
    if (inode === undefined) throw new ErrnoError('ESTALE', `nodeid ${nodeid} is not known`);
    return inode;
  }

  /** How the host finds an inode: by its present path, and who must be there. ESTALE where it has no name any more. */
  locate(inode: Inode): Locator {
    if (inode === this.root) return { path: this.rootPath };
    const path = this.pathOf(inode);
    if (path === undefined) throw new ErrnoError('ESTALE', `nodeid ${inode.nodeid} has no name any more`);
    return { path: bytesOfKey(path), expect: inode.identity };
  }

  /** The directory a nodeid is in; undefined for the root and for what has no name. */
  parentOf(nodeid: NodeId): NodeId | undefined {
    const [dentry] = this.get(nodeid).names;
    return dentry?.parent.nodeid;
  }

  /** Where a node is on the host now; undefined if it is unknown or has no name. */
  placeOf(nodeid: NodeId): HostPlace | undefined {
    const inode = this.byNodeId.get(nodeid);
    const path = inode && this.pathOf(inode);
    return inode === undefined || path === undefined
      ? undefined
      : { sb: inode.identity.sb, path: bytesOfKey(path) };
  }

  /**
   * A lookup of `name` in `parent` found `stat`: the inode it stands for, with one lookup more. Another inode that had
   * the name loses it (a file replaced behind our back is a new nodeid).
   */
  claim(parent: Inode, name: Buffer, stat: HostStat): Inode {
    const inode = this.identified(stat);
    inode.nlookup += 1n;
    this.link(parent, name, inode);
    if (stat.nlink === 1 && inode.names.size > 1) {
      // The name just found is its only one: the others were taken from it behind our back.
      for (const dentry of [...inode.names].slice(0, -1)) this.detach(dentry);
    }
    return inode;
  }

  /**
   * The name that an inode was located by does not lead to it any more: it is struck off. True if there is another one
   * to try (a hard link).
   */
  disprove(inode: Inode): boolean {
    if (inode.names.size < 2) return false;
    const used = newestFirst(inode.names).find(({ parent }) => this.pathOf(parent) !== undefined);
    if (used !== undefined) this.detach(used);
    return used !== undefined;
  }

  /** An inode without a name (TMPFILE), with one lookup. */
  claimUnnamed(stat: HostStat): Inode {
    const inode = this.identified(stat);
    inode.nlookup += 1n;
    return inode;
  }

  /** Counts one lookup more of an inode that is known; false if it is not. `forget` gives it back. */
  retain(nodeid: NodeId): boolean {
    const inode = this.byNodeId.get(nodeid);
    if (inode !== undefined) inode.nlookup += 1n;
    return inode !== undefined;
  }

  /** Gives lookups back; the inode goes with the last one. Unknown nodeids are ignored, as a reply may have crossed. */
  forget(nodeid: NodeId, nlookup: bigint): void {
    const inode = this.byNodeId.get(nodeid);
    if (inode === undefined || inode === this.root) return;
    inode.nlookup = inode.nlookup > nlookup ? inode.nlookup - nlookup : 0n;
    if (inode.nlookup === 0n) this.drop(inode);
  }

  /** The name is gone from the host. */
  unlink(parent: Inode, name: Buffer): void {
    const dentry = parent.children.get(key(name));
    if (dentry !== undefined) this.detach(dentry);
  }

  /** The name stands for `inode` now. */
  link(parent: Inode, name: Buffer, inode: Inode): void {
    const present = parent.children.get(key(name));
    if (present?.inode === inode) {
      this.prefer(present);
      return;
    }
    if (present !== undefined) this.detach(present);
    // A directory has one name: found elsewhere, it was moved behind our back.
    if (inode.type === S_IFDIR) for (const old of inode.names) this.detach(old);
    const dentry: Dentry = { parent, name: key(name), inode };
    parent.children.set(dentry.name, dentry);
    inode.names.add(dentry);
    if (inode.epoch !== NEVER) this.moved(inode);
  }

  /** Of several names the one seen last is the likeliest to be right. */
  private prefer(dentry: Dentry): void {
    const { names } = dentry.inode;
    if (names.size < 2) return;
    names.delete(dentry);
    names.add(dentry);
    this.moved(dentry.inode);
  }

  /** The host renamed: names move, nodeids stay. With `exchange` the two names swap. */
  rename(from: Inode, name: Buffer, to: Inode, newName: Buffer, exchange: boolean): void {
    const moved = from.children.get(key(name))?.inode;
    const other = to.children.get(key(newName))?.inode;
    if (moved === other && moved !== undefined) return; // two names of one inode: rename(2) does nothing
    this.unlink(from, name);
    this.unlink(to, newName);
    if (moved !== undefined) this.link(to, newName, moved);
    if (exchange && other !== undefined) this.link(from, name, other);
  }

  /** Every inode of a superblock, when its mount is gone: they are stale from now on. */
  dropSuperblock(sb: SuperblockId): void {
    for (const inode of [...this.byNodeId.values()]) {
      if (inode.identity.sb !== sb || inode === this.root) continue;
      for (const dentry of [...inode.names]) this.detach(dentry);
    }
  }

  private identified(stat: HostStat): Inode {
    const type = stat.mode & S_IFMT;
    const id = identityKey(stat);
    const known = this.byIdentity.get(id);
    if (known !== undefined && known.type === type) return known;
    const inode: Inode = {
      nodeid: this.nextNodeId++ as NodeId,
      identity: { sb: stat.sb, ino: stat.ino, generation: stat.generation },
      type,
      nlookup: 0n,
      names: new Set(),
      children: new Map(),
      cachedPath: undefined,
      epoch: NEVER,
    };
    this.byIdentity.set(id, inode);
    this.byNodeId.set(inode.nodeid, inode);
    return inode;
  }

  /** Drops an inode without lookups, unless inodes below it still find their path through it. */
  private drop(inode: Inode): void {
    if (inode.nlookup > 0n || inode.children.size > 0 || inode === this.root) return;
    this.byNodeId.delete(inode.nodeid);
    const id = identityKey(inode.identity);
    if (this.byIdentity.get(id) === inode) this.byIdentity.delete(id);
    for (const dentry of [...inode.names]) this.detach(dentry);
  }

  private detach(dentry: Dentry): void {
    const { parent, inode, name } = dentry;
    if (parent.children.get(name) === dentry) parent.children.delete(name);
    inode.names.delete(dentry);
    this.moved(inode);
    this.drop(parent);
  }

  /** The path of an inode changed, and with it those of everything below. */
  private moved(inode: Inode): void {
    if (inode.type === S_IFDIR && inode.children.size > 0) this.epoch++;
    else inode.epoch = NEVER;
  }

  private pathOf(inode: Inode): string | undefined {
    if (inode === this.root || inode.epoch === this.epoch) return inode.cachedPath;
    let path: string | undefined;
    for (const { parent, name } of newestFirst(inode.names)) {
      const above = this.pathOf(parent);
      if (above === undefined) continue;
      path = above.length === 1 ? `/${name}` : `${above}/${name}`;
      break;
    }
    inode.cachedPath = path;
    inode.epoch = this.epoch;
    return path;
  }
}

/** The epoch of an inode whose path was not asked for yet. */
const NEVER = -1;

function newestFirst(names: ReadonlySet<Dentry>): Dentry[] {
  return [...names].reverse();
}

/** The generation a client sees: nodeids are never used twice, so it is always the same. */
export const ENTRY_GENERATION = 0n as Generation;

function key(name: Buffer): string {
  return name.toString('latin1');
}

function bytesOfKey(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function identityKey(identity: Identity): string {
  return `${identity.sb}:${identity.ino}:${identity.generation}`;
}
