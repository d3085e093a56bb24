import type { ClientCore } from '../client/state';
import { overlap, type Stamp } from '../client/cache/invalidations';
import type { CompoundRequest, CompoundResult } from '../client/session/compoundRequest';
import type { RequestOptions } from '../client/session/options';
import { bytesOf, textOf } from '../protocol/names';
import type { Subject } from '../client/cache/policy';
import { type NodeId, ROOT_ID, type SuperblockId } from '../protocol/brand';
import { Errno, ErrnoError, isStale } from '../protocol/errno';
import { type Attr, ATTR_SUBMOUNT, type EntryOut, S_IFDIR, S_IFMT } from '../protocol/fuse';
import type { InOf, OpName, OutOf } from '../protocol/opcodes';
import { join, type RemotePath } from '../protocol/paths';
import { sameVersion, verifyAttr, versionOf } from '../protocol/attributes';
import { decodeWalk } from '../protocol/walk';
import type { Call } from './call';
import type { OpenFile } from './handles';
import type { Fact, Name, Node, Nodes } from './nodes';
import { OpenFlag } from '../protocol/openFlags';

/** How often a node is looked for again while the host says that it is not where it was. */
const TRIES = 3;
/** What the kernel may believe without end, in ms: an event says when it is not so any more. */
const WITHOUT_END_MS = 24 * 3600 * 1000;
/** Outside of a lease. */
const BRIEFLY_MS = 1000;
/** st_ino of what another mount of the host holds has its number above these bits, as long as both are one mount here. */
const MOUNT_NUMBER_SHIFT = 48n;

/** Requests of a mount that only look: they wait for a link that is down until they are interrupted. */
const PATIENT = { patient: true } as const;

/** How a mount reaches the host, and what of it is known: nodes by their nodeids, found again by path where the agent is another one. */
export class HostAccess {
  private readonly mountNumbers = new Map<SuperblockId, bigint>();

  constructor(
    readonly core: ClientCore,
    readonly nodes: Nodes,
    /** The attributes that the kernel was given of a node are not those that are known now. */
    private readonly outdated: (node: Node) => void,
  ) {}

  /** Asks the host about a node. ESTALE where the node is not there any more. */
  async ask<K extends OpName>(
    node: Node,
    op: K,
    fixed: InOf<K>,
    call: Call | undefined,
    options: RequestOptions = {},
  ): Promise<OutOf<K>> {
    return this.onNode(node, call, (remote) =>
      this.core.session.request(op, remote, fixed, { ...PATIENT, ...options, signal: call?.signal }),
    );
  }

  async compound(
    node: Node,
    call: Call | undefined,
    build: (remote: NodeId) => CompoundRequest,
    options: RequestOptions = {},
  ): Promise<CompoundResult> {
    return this.onNode(node, call, (remote) =>
      this.core.session.compound(build(remote), { ...PATIENT, ...options, signal: call?.signal }),
    );
  }

  /** Works with the agent's nodeid of a node, within the bound of its superblock; finds the node again where that is stale. */
  async onNode<T>(node: Node, call: Call | undefined, work: (remote: NodeId) => Promise<T>): Promise<T> {
    const superblock = this.core.superblocks.get(node.sb);
    for (let tries = 1; ; tries++) {
      const attempt = async () => work(await this.locate(node, call));
      const { epoch } = this.core;
      try {
        return await (superblock === undefined ? attempt() : superblock.run(attempt, call?.signal));
      } catch (error) {
        if (!isStale(error) || tries === TRIES) throw error;
        // An agent that knows us still says the node is not where its names are: they are not to be believed.
        if (epoch === this.core.epoch && node.names.size === 0) throw error;
        this.nodes.unbind(node);
      }
    }
  }

  /** The agent's nodeid of a node. */
  async locate(node: Node, call: Call | undefined): Promise<NodeId> {
    if (node.remote !== undefined && node.epoch === this.core.epoch) return node.remote;
    const path = this.nodes.pathOf(node);
    if (path === undefined) throw new ErrnoError('ESTALE', 'it has no name any more');
    const { epoch } = this.core;
    if (path === '/') {
      this.nodes.bind(node, ROOT_ID, epoch);
      return ROOT_ID;
    }
    const names = [bytesOf(path)];
    const body = await this.core.session.request(
      'WALK',
      ROOT_ID,
      { flags: 0 },
      { ...PATIENT, names, signal: call?.signal },
    );
    const { steps, error } = decodeWalk(body);
    const last = steps.at(-1);
    for (const step of steps) {
      const isIt = step === last && error === 0 && step.entry.attr.ino === node.ino;
      const rightType = (step.entry.attr.mode & S_IFMT) === node.type;
      if (isIt && rightType) this.nodes.bind(node, step.entry.nodeid, epoch);
      else this.core.forgets.add(step.entry.nodeid, 1n);
    }
    if (node.remote === undefined || node.epoch !== epoch) throw new ErrnoError('ESTALE', path);
    return node.remote;
  }

  /** The agent's handle of an open file; opened again where the agent is another one, or where it was not opened yet. */
  async handleOf(file: OpenFile, call: Call | undefined): Promise<OpenFile['fh']> {
    if (file.remote !== undefined && file.epoch === this.core.epoch) return file.remote;
    file.opening ??= this.reopen(file, call).finally(() => {
      file.opening = undefined;
    });
    return file.opening;
  }

  private async reopen(file: OpenFile, call: Call | undefined): Promise<OpenFile['fh']> {
    const once = OpenFlag.CREAT | OpenFlag.EXCL | OpenFlag.TRUNC;
    const fixed = { flags: file.flags & ~once, open_flags: 0 };
    const { epoch } = this.core;
    const { fh } = await this.ask(file.node, 'OPEN', fixed, call);
    file.remote = fh;
    file.epoch = epoch;
    return fh;
  }

  /** Works with the agent's handle of an open file; once more where the agent was lost meanwhile. */
  async onFile<T>(
    file: OpenFile,
    call: Call | undefined,
    work: (fh: OpenFile['fh'], remote: NodeId) => Promise<T>,
  ): Promise<T> {
    const superblock = this.core.superblocks.get(file.node.sb);
    for (let tries = 1; ; tries++) {
      const fh = await this.handleOf(file, call);
      const { epoch } = this.core;
      // The nodeid does not matter to what names a handle.
      const remote = file.node.epoch === epoch ? (file.node.remote ?? ROOT_ID) : ROOT_ID;
      try {
        const attempt = () => work(fh, remote);
        return await (superblock === undefined ? attempt() : superblock.run(attempt, call?.signal));
      } catch (error) {
        if (tries === TRIES || epoch === this.core.epoch || !isLost(error)) throw error;
      }
    }
  }

  /** Runs a request under a stamp, for what its reply tells. */
  async stamped<T>(work: (stamp: Stamp) => Promise<T>): Promise<T> {
    const { invalidations } = this.core;
    const stamp = invalidations.begin(performance.now());
    try {
      return await work(stamp);
    } finally {
      invalidations.end(stamp, performance.now());
    }
  }

  /** What a reply under this stamp says of a node (or a name at the path) as it is kept. */
  factOf(stamp: Stamp, path: RemotePath | undefined): Fact {
    return { stamp, crossed: path === undefined || this.core.invalidations.crossed(stamp, path) };
  }

  /** What is known for certain, since an own change of it was just acknowledged; older replies under way stand back. */
  settled(path: RemotePath | undefined): Fact {
    const { invalidations } = this.core;
    if (path !== undefined) invalidations.invalidate(path, false);
    return { stamp: invalidations.settled(performance.now()), crossed: path === undefined };
  }

  /** For how long what is known may be believed, in ms; 0: not at all. */
  validMs(fact: Fact, path: RemotePath | undefined, subject: Subject, aliased: boolean): number {
    if (path === undefined) return 0;
    const nowMs = performance.now();
    const right = this.core.right(fact, path, subject, aliased, nowMs);
    if (right === 'none') return 0;
    const age = nowMs - fact.stamp.at;
    if (right === 'timeout') return Math.max(0, BRIEFLY_MS - age);
    const { leaseMs } = this.core.superblocks.covering(path);
    return leaseMs === Number.POSITIVE_INFINITY
      ? WITHOUT_END_MS
      : Math.max(BRIEFLY_MS - age, leaseMs - age, 1);
  }

  /** The attributes of a node, if they may be used without asking, and for how long. */
  knownAttr(node: Node): { readonly attr: Attr; readonly ms: number } | undefined {
    const { attr } = node;
    if (attr === undefined || node.behind !== undefined) return undefined;
    const ms = this.attrMs(node);
    return ms > 0 ? { attr: attr.value, ms } : undefined;
  }

  attrMs(node: Node): number {
    const { attr } = node;
    if (attr === undefined || node.behind !== undefined) return 0;
    const directory = node.type === S_IFDIR;
    const aliased = !directory && attr.value.nlink > 1;
    return this.validMs(attr, this.nodes.pathOf(node), directory ? 'directory' : 'attributes', aliased);
  }

  /** The node is known to have no capabilities. */
  isBare(node: Node): boolean {
    const { bare } = node;
    return bare !== undefined && this.validMs(bare, this.nodes.pathOf(node), 'attributes', false) > 0;
  }

  nameMs(name: Name): number {
    const above = this.nodes.pathOf(name.parent);
    return this.validMs(name, above && pathBelow(above, name.key), 'entry', false);
  }

  /** All names of a directory are known. */
  listingMs(node: Node): number {
    return node.listing === undefined
      ? 0
      : this.validMs(node.listing, this.nodes.pathOf(node), 'names', false);
  }

  /** Takes in a reply's entry as what the name stands for. EIO for attributes that can't be. */
  claim(parent: Node, key: string, entry: EntryOut, stamp: Stamp | undefined): Name {
    const node = this.nodeOf(parent, key, entry);
    const above = this.nodes.pathOf(parent);
    const path = above && pathBelow(above, key);
    const fact = stamp === undefined ? this.settled(path) : this.factOf(stamp, path);
    const name = this.nodes.link(parent, key, node, fact);
    this.learn(node, entry.attr, fact);
    return name;
  }

  /** The node of a reply's entry, with its lookup counted. */
  nodeOf(parent: Node, key: string, entry: EntryOut): Node {
    const { epoch } = this.core;
    const { attr, nodeid } = entry;
    try {
      verifyAttr(attr);
      const type = attr.mode & S_IFMT;
      const known = this.nodes.ofRemote(nodeid, epoch) ?? this.again(parent, key, attr);
      if (known !== undefined && known.type !== type) throw new ErrnoError('EIO', 'a nodeid of another type');
      const sb = this.superblockOf(parent, key, attr);
      const node = known ?? this.nodes.add(type, attr.ino, sb, this.shownIno(attr.ino, sb));
      this.nodes.bind(node, nodeid, epoch);
      return node;
    } catch (error) {
      this.core.forgets.add(nodeid, 1n);
      throw error;
    }
  }

  /** What an agent that is another one calls by a new nodeid may be what we know by this name. */
  private again(parent: Node, key: string, attr: Attr): Node | undefined {
    const node = parent.children.get(key)?.node;
    if (node === undefined || node.epoch === this.core.epoch) return undefined;
    return node.ino === attr.ino && node.type === (attr.mode & S_IFMT) ? node : undefined;
  }

  private superblockOf(parent: Node, key: string, attr: Attr): SuperblockId {
    if ((attr.flags & ATTR_SUBMOUNT) === 0) return parent.sb;
    const above = this.nodes.pathOf(parent);
    const mounted = above === undefined ? undefined : this.core.superblocks.mountedAt(pathBelow(above, key));
    return mounted?.id ?? parent.sb;
  }

  /** The mount's own inode number of what another mount of the host holds. */
  shownIno(ino: bigint, sb: SuperblockId): bigint {
    if (sb === this.nodes.root.sb) return ino;
    let number = this.mountNumbers.get(sb);
    if (number === undefined) {
      number = BigInt(this.mountNumbers.size + 1);
      this.mountNumbers.set(sb, number);
    }
    return ino ^ (number << MOUNT_NUMBER_SHIFT);
  }

  /** Keeps attributes, unless newer ones are known. */
  learn(node: Node, attr: Attr, fact: Fact): void {
    // The host does not have all that was written here: it tells the rest when it does.
    if (node.behind !== undefined) return;
    const known = node.attr;
    let { crossed } = fact;
    if (known !== undefined && !sameVersion(versionOf(known.value), versionOf(attr))) {
      // Events are judged by what is known, so the kernel must not go on with anything else.
      this.outdated(node);
      const isSettled = known.stamp.end === known.stamp.start;
      crossed ||= overlap(known.stamp, fact.stamp);
      if (known.stamp.start > fact.stamp.start) {
        if (!isSettled) node.attr = { ...known, crossed: true };
        return;
      }
    } else if (known !== undefined && known.stamp.start > fact.stamp.start) return;
    node.attr = { ...fact, crossed, value: attr };
    node.seen = attr;
  }
}

export function pathBelow(above: RemotePath, key: string): RemotePath {
  return join(above, textOf(Buffer.from(key, 'latin1')));
}

/** The agent was lost with the request: what it was asked with means nothing to the next one. */
function isLost(error: unknown): boolean {
  return isStale(error) || (error instanceof ErrnoError && error.errno === Errno.EBADF);
}
