import type { NodeId, SuperblockId } from '../protocol/brand';
import { ROOT_ID } from '../protocol/brand';
import type { Attr } from '../protocol/fuse';
import { S_IFDIR } from '../protocol/fuse';
import type { Version } from '../protocol/livemount';
import type { Stamp } from '../client/cache/invalidations';
import { join, type RemotePath } from '../protocol/paths';
import { textOf } from '../protocol/names';
import type { OpenDirectory, OpenFile } from './handles';
import type { Behind } from './writeBehind';

/** Something known since a reply; `crossed`: an event belied it while the reply was under way. */
export interface Fact {
  readonly stamp: Stamp;
  readonly crossed: boolean;
}

/** A name in a directory, and what it stands for: a node, or nothing. */
export interface Name extends Fact {
  readonly parent: Node;
  /** The bytes as latin1, so that any bytes are a key. */
  readonly key: string;
  node: Node | undefined;
  stamp: Stamp;
  crossed: boolean;
  /** The kernel was told that the name stands for the node. */
  shown: boolean;
}

/** One file, directory, link, … of the mount. Its id is the mount's own: it outlives the agent. */
/** A version that a change through this mount left, and the change time that it found, in ns, where it was asked. */
export interface OwnVersion {
  readonly version: Version;
  readonly after: bigint | undefined;
}

export interface Node {
  readonly id: NodeId;
  readonly type: number;
  /** The host's inode number: with the type, what a node is known by again. */
  readonly ino: bigint;
  readonly sb: SuperblockId;
  /** What the kernel is told as st_ino. */
  readonly shownIno: bigint;
  /** The agent's nodeid, as of `epoch`, and how many lookups of it are to be given back. */
  remote: NodeId | undefined;
  epoch: number;
  lookups: bigint;
  /** Lookups the kernel has not given back. */
  nlookup: bigint;
  readonly names: Set<Name>;
  /** Of a directory: the names that are known, absent ones too. */
  readonly children: Map<string, Name>;
  /** Of a directory: its names are all known. */
  listing: Fact | undefined;
  /** Of a directory: counts the changes of what its names stand for. */
  changes: number;
  /** Of a directory: the listing (by `changes`) that the kernel may have kept; undefined: none, or parts of several. */
  kernelListing: number | undefined;
  /** Who has the directory open, each with the listing as it was then. */
  readonly readers: Set<OpenDirectory>;
  attr: (Fact & { readonly value: Attr }) | undefined;
  /** The attributes that were seen last, true or not any more. */
  seen: Attr | undefined;
  /** A link's target; it can't change while the link lives. */
  target: Buffer | undefined;
  /** The version the kernel's pages belong to: other changes of size or times are somebody else's. */
  pages: Version | undefined;
  /** Versions that changes through this mount left. */
  readonly own: OwnVersion[];
  /** What programs here wrote and the host does not have yet. */
  behind: Behind | undefined;
  /** What access(2) may do with it (R_OK, W_OK, X_OK) as the host said while its change time was this; a new one asks again. */
  granted: { readonly mask: number; readonly ctimeNs: bigint } | undefined;
  /** It has no capabilities: the kernel asks that before the first write and before each change of the owner. */
  bare: Fact | undefined;
  /** Changes of content or attributes through this mount that are under way. */
  readonly changing: Set<Promise<unknown>>;
  readonly open: Set<OpenFile>;
  /** It was opened to be read while its attributes were these: the host lets us. */
  readable: bigint | undefined;
}

/** Nodes that only the cache holds, not the kernel; the oldest go first. */
const UNHELD_MAX = 65_536;
/** Absent names kept of one directory. */
const ABSENT_MAX = 1024;
/** Versions of own writes kept of one node: an event of one of them tells nothing new. */
const OWN_MAX = 64;

/** The nodes of a mount: what the kernel holds, and what is known beyond that. */
export class Nodes {
  private readonly byId = new Map<NodeId, Node>();
  private readonly byRemote = new Map<NodeId, Node>();
  private readonly byShownIno = new Map<bigint, Node>();
  private readonly unheld = new Map<NodeId, Node>();
  private nextId = 2n;
  readonly root: Node;

  constructor(
    /** The root's path on the host, without links. */
    private readonly rootPath: RemotePath,
    root: { readonly ino: bigint; readonly sb: SuperblockId },
    /** Lookups of the agent's that nobody needs any more. */
    private readonly giveBack: (remote: NodeId, lookups: bigint, epoch: number) => void,
  ) {
    this.root = this.make(ROOT_ID, S_IFDIR, root.ino, root.sb, root.ino);
  }

  get size(): number {
    return this.byId.size;
  }

  all(): Iterable<Node> {
    return this.byId.values();
  }

  get(id: NodeId): Node | undefined {
    return this.byId.get(id);
  }

  /** The node that the kernel shows under an inode number. */
  shownAs(ino: bigint): Node | undefined {
    return this.byShownIno.get(ino);
  }

  ofRemote(remote: NodeId, epoch: number): Node | undefined {
    const node = this.byRemote.get(remote);
    return node?.epoch === epoch ? node : undefined;
  }

  add(type: number, ino: bigint, sb: SuperblockId, shownIno: bigint): Node {
    const node = this.make(this.nextId++ as NodeId, type, ino, sb, shownIno);
    this.unheld.set(node.id, node);
    return node;
  }

  /** The agent knows the node under this nodeid now, and counted one lookup. */
  bind(node: Node, remote: NodeId, epoch: number): void {
    if (node.remote !== remote || node.epoch !== epoch) {
      this.unbind(node);
      node.remote = remote;
      node.epoch = epoch;
      this.byRemote.set(remote, node);
    }
    node.lookups += 1n;
  }

  /** The agent does not know the node under its nodeid any more, or need not. */
  unbind(node: Node): void {
    const { remote } = node;
    if (remote === undefined) return;
    if (this.byRemote.get(remote) === node) this.byRemote.delete(remote);
    this.giveBack(remote, node.lookups, node.epoch);
    node.remote = undefined;
    node.lookups = 0n;
  }

  /** The kernel was given the node once more. */
  hold(node: Node): void {
    node.nlookup += 1n;
    this.unheld.delete(node.id);
    // It may have been given up since whoever shows it now began to speak of it.
    if (this.byId.has(node.id)) return;
    this.byId.set(node.id, node);
    if (!this.byShownIno.has(node.shownIno)) this.byShownIno.set(node.shownIno, node);
  }

  /** The kernel gives lookups back. */
  forget(id: NodeId, nlookup: bigint): void {
    const node = this.byId.get(id);
    if (node === undefined || node === this.root) return;
    node.nlookup = node.nlookup > nlookup ? node.nlookup - nlookup : 0n;
    if (node.nlookup > 0n) return;
    for (const name of node.names) name.shown = false;
    this.setUnheld(node);
  }

  /** The name stands for the node (undefined: for nothing) since a reply. */
  link(parent: Node, key: string, node: Node | undefined, fact: Fact): Name {
    const { stamp, crossed } = fact;
    const present = parent.children.get(key);
    if (present !== undefined && present.node === node) {
      present.stamp = stamp;
      present.crossed = crossed;
      return present;
    }
    if (present !== undefined) this.unlink(present);
    if (node !== undefined) parent.changes++;
    // A directory has one name: found elsewhere, it was moved.
    if (node?.type === S_IFDIR) for (const old of [...node.names]) this.unlink(old);
    const name: Name = { parent, key, node, stamp, crossed, shown: false };
    parent.children.set(key, name);
    if (node === undefined) this.boundAbsent(parent);
    else node.names.add(name);
    return name;
  }

  /** Nothing is known of the name any more. */
  unlink(name: Name): void {
    const { parent, key, node } = name;
    if (parent.children.get(key) === name) parent.children.delete(key);
    name.shown = false;
    if (node === undefined) return;
    parent.changes++;
    node.names.delete(name);
    this.drop(node);
    this.drop(parent);
  }

  /** Where a node is on the host, in text form; undefined for one that has no name. */
  pathOf(node: Node): RemotePath | undefined {
    if (node === this.root) return this.rootPath;
    for (const { parent, key } of node.names) {
      const above = this.pathOf(parent);
      if (above !== undefined) return join(above, textOf(Buffer.from(key, 'latin1')));
    }
    return undefined;
  }

  /** The path below the root, as bytes without a leading '/'; undefined for one that has no name. */
  placeOf(node: Node): Buffer | undefined {
    if (node === this.root) return Buffer.alloc(0);
    for (const { parent, key } of node.names) {
      const above = this.placeOf(parent);
      if (above === undefined) continue;
      const own = Buffer.from(key, 'latin1');
      return above.length === 0 ? own : Buffer.concat([above, SLASH, own]);
    }
    return undefined;
  }

  /** The node at a path below the root, as far as it is known. */
  at(names: readonly string[]): Node | undefined {
    let node: Node | undefined = this.root;
    for (const key of names) node = node?.children.get(key)?.node;
    return node;
  }

  wroteOwn(node: Node, version: Version, after?: bigint): void {
    node.own.push({ version, after });
    if (node.own.length > OWN_MAX) node.own.shift();
  }

  private make(id: NodeId, type: number, ino: bigint, sb: SuperblockId, shownIno: bigint): Node {
    const node: Node = {
      id,
      type,
      ino,
      sb,
      shownIno,
      remote: undefined,
      epoch: -1,
      lookups: 0n,
      nlookup: 0n,
      names: new Set(),
      children: new Map(),
      listing: undefined,
      changes: 0,
      kernelListing: undefined,
      readers: new Set(),
      attr: undefined,
      seen: undefined,
      target: undefined,
      pages: undefined,
      own: [],
      behind: undefined,
      granted: undefined,
      bare: undefined,
      changing: new Set(),
      open: new Set(),
      readable: undefined,
    };
    this.byId.set(id, node);
    this.byShownIno.set(shownIno, node);
    return node;
  }

  private setUnheld(node: Node): void {
    this.unheld.set(node.id, node);
    if (this.unheld.size > UNHELD_MAX) {
      for (const oldest of this.unheld.values()) {
        this.unheld.delete(oldest.id);
        for (const name of [...oldest.names]) {
          // What the kernel may ask for next is not known any more.
          name.parent.listing = undefined;
          this.unlink(name);
        }
        this.drop(oldest);
        break;
      }
    }
    this.drop(node);
  }

  /** The node goes when neither the kernel, nor a name, nor an open file, nor something below holds it. */
  private drop(node: Node): void {
    if (node === this.root || node.nlookup > 0n || node.open.size > 0) return;
    if (node.names.size > 0 || this.byId.get(node.id) !== node) return;
    for (const name of [...node.children.values()])
      if (name.node === undefined) node.children.delete(name.key);
    if (node.children.size > 0) return;
    this.byId.delete(node.id);
    this.unheld.delete(node.id);
    if (this.byShownIno.get(node.shownIno) === node) this.byShownIno.delete(node.shownIno);
    this.unbind(node);
  }

  /** An open file of the node was closed. */
  closed(node: Node): void {
    this.drop(node);
  }

  private boundAbsent(parent: Node): void {
    if (parent.children.size < ABSENT_MAX) return;
    let absent = 0;
    for (const name of parent.children.values()) if (name.node === undefined) absent++;
    if (absent <= ABSENT_MAX) return;
    for (const name of parent.children.values()) {
      if (name.node !== undefined) continue;
      parent.children.delete(name.key);
      return;
    }
  }
}

const SLASH = Buffer.from('/');
