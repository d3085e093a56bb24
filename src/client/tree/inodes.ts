import type { Generation, NodeId, SuperblockId } from '../../protocol/brand';
import { ROOT_ID } from '../../protocol/brand';
import { verifyAttr } from '../../protocol/attributes';
import type { Attr, EntryOut } from '../../protocol/fuse';
import { S_IFDIR, S_IFLNK, S_IFMT } from '../../protocol/fuse';
import type { Content } from '../cache/content';
import type { Stamp } from '../cache/invalidations';
import type { Dentry } from './dentries';
import type { Forgets } from './forgets';

/** Something known since a reply. */
export interface Known<T> {
  readonly value: T;
  readonly stamp: Stamp;
  /** It was invalidated while its reply was under way: good for that one caller, not to be kept. */
  readonly crossed: boolean;
}

/**
 * One inode of the host, as the client holds it. The first reply that names its nodeid makes it (`InodeTable.claim`), and each
 * further one counts a lookup. It ends when no dentry has it any more (`release`): then all counted lookups go back in one
 * BATCH_FORGET, and the agent may forget the nodeid, which it never gives to another object. When the agent is another one
 * (a new `KnownTree.epoch`) all of them end at once and nothing goes back.
 */
export interface Inode {
  readonly nodeid: NodeId;
  readonly generation: Generation;
  readonly sb: SuperblockId;
  /** S_IFMT bits; they never change under a nodeid. */
  readonly type: number;
  /** Lookups to give back. */
  nlookup: bigint;
  attr: Known<Attr> | undefined;
  /** A symbolic link's target; it can't change while the inode lives. */
  target: string | undefined;
  content: Content | undefined;
  /** Its names that we know. A directory has one. */
  readonly dentries: Set<Dentry>;
}

export function isDirectory(inode: Inode): boolean {
  return inode.type === S_IFDIR;
}

export function isSymlink(inode: Inode): boolean {
  return inode.type === S_IFLNK;
}

/**
 * nodeid -> inode, with counted lookups. An inode without a name is forgotten, so the agent's table follows what the
 * client holds. An operation whose nodeid went meanwhile gets ESTALE and looks its path up anew.
 */
export class InodeTable {
  private readonly byNodeId = new Map<NodeId, Inode>();
  readonly root: Inode;

  constructor(
    rootSb: SuperblockId,
    private readonly forgets: Forgets,
    private readonly dropped: (inode: Inode) => void,
  ) {
    this.root = {
      nodeid: ROOT_ID,
      generation: 0n as Generation,
      sb: rootSb,
      type: S_IFDIR,
      nlookup: 0n,
      attr: undefined,
      target: undefined,
      content: undefined,
      dentries: new Set(),
    };
    this.byNodeId.set(ROOT_ID, this.root);
  }

  get size(): number {
    return this.byNodeId.size;
  }

  get(nodeid: NodeId): Inode | undefined {
    return this.byNodeId.get(nodeid);
  }

  /** A reply's entry: counts its lookup. EIO for attributes that can't be. */
  claim(entry: EntryOut, sb: SuperblockId): Inode {
    const known = this.byNodeId.get(entry.nodeid);
    const inode = known ?? this.add(entry, sb);
    inode.nlookup += 1n;
    try {
      verifyAttr(entry.attr, known?.type);
    } catch (error) {
      this.release(inode);
      throw error;
    }
    return inode;
  }

  /** Forgets the inode if no name stands for it. */
  release(inode: Inode): void {
    if (inode.dentries.size > 0 || this.byNodeId.get(inode.nodeid) !== inode) return;
    this.byNodeId.delete(inode.nodeid);
    this.dropped(inode);
    this.forgets.add(inode.nodeid, inode.nlookup);
  }

  private add(entry: EntryOut, sb: SuperblockId): Inode {
    const inode: Inode = {
      nodeid: entry.nodeid,
      generation: entry.generation,
      sb,
      type: entry.attr.mode & S_IFMT,
      nlookup: 0n,
      attr: undefined,
      target: undefined,
      content: undefined,
      dentries: new Set(),
    };
    this.byNodeId.set(inode.nodeid, inode);
    return inode;
  }
}
