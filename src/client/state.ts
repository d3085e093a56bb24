import { verifyAttr } from '../protocol/attributes';
import { NO_FH, type NodeId, ROOT_ID, type SuperblockId } from '../protocol/brand';
import { Errno, ErrnoError } from '../protocol/errno';
import type { Attr } from '../protocol/fuse';
import { WALK_FOLLOW } from '../protocol/livemount';
import { decodeWalk, type WalkResult } from '../protocol/walk';
import type { CacheMode } from './cache/mode';
import { AgentUser } from './superblocks/agentUser';
import { Bulk } from './transfer/stripes';
import { ContentCache } from './cache/content';
import { Invalidations, type Stamp } from './cache/invalidations';
import { type Cached, type Right, rightTo } from './cache/policy';
import { CompoundRequest, type CompoundResult, type Part } from './session/compoundRequest';
import type { OutOf } from '../protocol/opcodes';
import type { Dentry } from './tree/dentries';
import { Echoes } from './fsnotify/ownChanges';
import { Events } from './fsnotify/eventIntake';
import { Forgets } from './tree/forgets';
import { Fsnotify } from './fsnotify/fsnotify';
import type { Subject } from './fsnotify/superblockMarks';
import { UpdateFirst } from './fsnotify/updateFirst';
import { type Inode, isDirectory } from './tree/inodes';
import type { Leftovers } from './session/unclaimedReplies';
import type { Link } from './session/link';
import { bytesOf } from '../protocol/names';
import { namesOf, type RemotePath, ROOT_PATH } from '../protocol/paths';
import { QuietSync } from './ops/sync';
import { type Outcome, type PositiveDentry, resolve } from './tree/resolution';
import { Session } from './session/session';
import {
  DATA_DEADLINE_MS,
  type RequestOptions,
  type SessionListener,
  type SessionOptions,
} from './session/options';
import type { Superblock } from './superblocks/superblock';
import { SuperblockTable } from './superblocks/superblockTable';
import { Tree } from './tree/tree';
import type { Durability } from './vfs';

export interface CoreOptions extends SessionOptions {
  /** How a superblock is cached. */
  readonly modeOf?: (superblock: Superblock) => CacheMode;
  /** What a save waits for. */
  readonly durability?: () => Durability;
  /** Told what the host's disk did not take of saves that were acknowledged (durability 'syncfs'). */
  readonly flushFailed?: (error: unknown) => void;
  /** Fetch ahead what an editor asks next when a folder is opened. */
  readonly prefetch?: boolean;
  /** Bytes of file content kept at most. */
  readonly contentBytes?: number;
}

/** What a path stands for. */
export interface Found {
  readonly kind: 'found';
  readonly inode: Inode;
  readonly attr: Attr;
  /** Without links. */
  readonly path: RemotePath;
  /** The name itself is a link, which was followed. */
  readonly link: Inode | undefined;
}

/** A path that leads nowhere. */
export interface Nothing {
  readonly kind: 'nothing';
  readonly errno: number;
  /** The name is there, a link that leads nowhere. */
  readonly link: Found | undefined;
}

/** How often a path is looked up while it keeps changing under the walk. */
const WALKS_MAX = 5;

/** The state one connection shares among its operations, and how they ask the host. */
export class ClientCore {
  readonly invalidations = new Invalidations();
  readonly contents: ContentCache;
  readonly echoes = new Echoes();
  readonly superblocks: SuperblockTable;
  readonly fsnotify: Fsnotify;
  readonly session: Session;
  readonly forgets: Forgets;
  readonly bulk: Bulk;
  readonly events: Events;
  readonly agentUser = new AgentUser(this);
  readonly quietSync = new QuietSync(this);
  tree: Tree;
  /** Grows when the agent knows no nodeid and no handle of ours any more. */
  epoch = 0;
  /** Superblocks this session changed since their last SYNCFS, with a node of each. */
  readonly dirtied = new Map<SuperblockId, NodeId>();

  constructor(
    link: Link,
    listener: SessionListener & { suspected(superblock: Superblock): void },
    private readonly options: CoreOptions,
  ) {
    this.contents = new ContentCache(options.contentBytes);
    this.session = new Session(link, listener, options);
    this.bulk = new Bulk(this.session, options.clock);
    this.events = new Events(this);
    this.forgets = new Forgets((op, nodeid, fixed, data) => this.session.post(op, nodeid, fixed, data));
    this.superblocks = new SuperblockTable((superblock) => listener.suspected(superblock));
    this.fsnotify = new Fsnotify(
      this.superblocks,
      async (_superblock, { fixed, data }) => {
        const reply = await this.session.request('FSNOTIFY_UPDATE', ROOT_ID, fixed, {
          data,
          deadlineMs: DATA_DEADLINE_MS,
        });
        if (reply.generation !== fixed.generation) {
          throw new ErrnoError(
            'EIO',
            `generation ${fixed.generation} was acknowledged as ${reply.generation}`,
          );
        }
        return reply.seq;
      },
      () => this.invalidations.moment(),
      (path) => this.tree.dentries.at(path)?.inode !== undefined,
      (sb, seq) => this.session.subscribed(sb, seq),
    );
    this.tree = this.newTree();
  }

  /** The agent knows no nodeid of ours any more: everything starts from the root. */
  forgetTree(): void {
    this.epoch++;
    // The nodeids in what waits would be other nodes' at the new agent.
    for (const superblock of this.superblocks.all()) superblock.dismiss();
    this.forgets.clear();
    for (const dentry of [...this.tree.dentries.root.children.values()]) this.tree.dentries.drop(dentry);
    this.forgets.clear();
    this.tree = this.newTree();
    this.invalidations.invalidate(ROOT_PATH, true);
  }

  get durability(): Durability {
    return this.options.durability?.() ?? 'none';
  }

  flushFailed(error: unknown): void {
    this.options.flushFailed?.(error);
  }

  mode(superblock: Superblock): CacheMode {
    return this.options.modeOf?.(superblock) ?? 'lease';
  }

  /** By what right something cached of a path may be used; `aliased`: it has names that no watch may cover. */
  right(
    cached: Cached,
    path: RemotePath,
    subject: Subject,
    aliased: boolean,
    nowMs = performance.now(),
  ): Right {
    const superblock = this.superblocks.covering(path);
    return rightTo(cached, {
      mode: this.mode(superblock),
      superblock,
      leaseSince: () => (aliased ? undefined : this.leaseSince(path, subject)),
      connected: this.session.state === 'connected',
      nowMs,
    });
  }

  /** Since when a watch vouches for a path; none does while there are mounts that nobody knows of. */
  leaseSince(path: RemotePath, subject: Subject): number | undefined {
    return this.superblocks.leftOut > 0 ? undefined : this.fsnotify.leaseSince(path, subject);
  }

  /** The attributes of an inode may be used as they are known. */
  attrIsFresh(inode: Inode, path: RemotePath, nowMs: number): inode is Inode & { attr: { value: Attr } } {
    const { attr } = inode;
    if (attr === undefined) return false;
    const directory = isDirectory(inode);
    const aliased = !directory && attr.value.nlink > 1;
    return this.right(attr, path, directory ? 'directory' : 'attributes', aliased, nowMs) !== 'none';
  }

  /**
   * What the cache alone says of a path. `stamp`: replies taken in under it may be used once, whatever came since;
   * `followed` takes the links on the way.
   */
  resolve(
    path: RemotePath,
    follow: boolean,
    nowMs: number,
    { stamp, followed }: { readonly stamp?: Stamp | undefined; readonly followed?: RemotePath[] } = {},
  ): Outcome {
    const usable = (cached: Cached, at: RemotePath, subject: Subject) =>
      cached.stamp === stamp || this.right(cached, at, subject, false, nowMs) !== 'none';
    return resolve(this.tree.dentries.root, namesOf(path), follow, usable, followed);
  }

  /** How a path was resolved that has just been looked up, whatever its parts may be used for later. */
  resolveKnown(path: RemotePath, followed: RemotePath[]): Outcome {
    return resolve(this.tree.dentries.root, namesOf(path), true, () => true, followed);
  }

  /** Finds what a path stands for, with attributes: from the cache, or in one round trip. ENOENT, ENOTDIR, ELOOP, ... */
  async lookup(path: RemotePath, follow: boolean, signal?: AbortSignal): Promise<Found> {
    const sought = await this.search(path, follow, signal);
    if (sought.kind === 'nothing') throw new ErrnoError(sought.errno, path);
    return sought;
  }

  /** As `lookup`, but a path that leads nowhere is an answer too, with the link that it ends in. */
  async search(path: RemotePath, follow: boolean, signal?: AbortSignal): Promise<Found | Nothing> {
    const nowMs = performance.now();
    let stamp: Stamp | undefined;
    for (let walks = 0; ; walks++) {
      const outcome = this.resolve(path, follow, nowMs, { stamp });
      if (outcome.kind === 'found') {
        const { dentry, link } = outcome;
        const known = dentry.inode.attr;
        const fresh = known !== undefined && known.stamp === stamp;
        if (known !== undefined && (fresh || this.attrIsFresh(dentry.inode, outcome.path, nowMs))) {
          return {
            kind: 'found',
            inode: dentry.inode,
            attr: known.value,
            path: outcome.path,
            link: link?.inode,
          };
        }
      } else if (outcome.kind !== 'missing') {
        return this.nothing(outcome);
      }
      if (walks === WALKS_MAX) throw new ErrnoError('ESTALE', `${path} changed while it was looked up`);
      if (outcome.kind === 'found') stamp = await this.getattr(outcome.dentry, outcome.path, signal);
      else stamp = await this.walk(outcome.from, outcome.rest, follow, path, signal);
    }
  }

  private nothing(outcome: Exclude<Outcome, { kind: 'found' | 'missing' }>): Nothing {
    const { link } = outcome;
    const attr = link?.inode.attr?.value;
    return {
      kind: 'nothing',
      errno: outcome.kind === 'absent' ? Errno.ENOENT : outcome.errno,
      link: link && attr && { kind: 'found', inode: link.inode, attr, path: link.path, link: undefined },
    };
  }

  /** Sends a compound against a path's superblock, behind the marks that wait to be told, so that they cover it. */
  async compound(
    path: RemotePath,
    compound: CompoundRequest,
    options: RequestOptions = {},
  ): Promise<CompoundResult> {
    const superblock = this.superblocks.covering(path);
    return superblock.run(() => this.session.compound(compound, options), options.signal);
  }

  /** Runs a reply's taking-in under a stamp of its own. */
  async stamped<T>(ask: (stamp: Stamp) => Promise<T>): Promise<T> {
    const stamp = this.invalidations.begin(performance.now());
    try {
      return await ask(stamp);
    } finally {
      this.invalidations.end(stamp, performance.now());
    }
  }

  /** Asks the host for the rest of a path; gives the stamp its reply was taken in under. */
  private async walk(
    from: PositiveDentry,
    rest: readonly string[],
    follow: boolean,
    path: RemotePath,
    signal?: AbortSignal,
  ): Promise<Stamp> {
    return this.stamped(async (stamp) => {
      const { nodeid } = from.inode;
      const fixed = { flags: follow ? WALK_FOLLOW : 0 };
      const names = [bytesOf(rest.join('/'))];
      const request = new CompoundRequest();
      const update = UpdateFirst.add(this, path, request);
      const ask = async () => {
        if (request.size === 0) {
          const alone = () => this.session.request('WALK', nodeid, fixed, { names, signal });
          return this.superblocks.covering(path).run(alone, signal);
        }
        const walk = request.add('WALK', nodeid, fixed, { names });
        return (await update.send(() => this.compound(path, request, { signal }), stamp))?.get(walk);
      };
      const body = await this.unlessStale(from, ask);
      if (body !== undefined) this.walked(body, from, path, stamp);
      return stamp;
    });
  }

  /** Takes in the reply of a WALK from a directory. Throws what ended it where the steps don't say it themselves. */
  walked(body: Buffer, from: PositiveDentry, path: RemotePath, stamp: Stamp): WalkResult {
    const result = decodeWalk(body);
    this.tree.walked(result, stamp);
    const errno = -result.error;
    if (errno === 0 || SHOWN_BY_STEPS.has(errno)) return result;
    if (errno !== Errno.ESTALE || from.parent === undefined) throw new ErrnoError(errno, path);
    this.dropName(from);
    return result;
  }

  private async getattr(dentry: PositiveDentry, path: RemotePath, signal?: AbortSignal): Promise<Stamp> {
    return this.stamped(async (stamp) => {
      const { inode } = dentry;
      const fixed = { getattr_flags: 0, fh: NO_FH };
      const ask = () => this.session.request('GETATTR', inode.nodeid, fixed, { signal });
      const reply = await this.unlessStale(dentry, () => this.superblocks.covering(path).run(ask, signal));
      if (reply !== undefined) this.tree.learn(inode, path, verifyAttr(reply.attr, inode.type), stamp);
      return stamp;
    });
  }

  /** Undefined where the host does not know the nodeid any more: the name is dropped, to be looked up by its path. */
  private async unlessStale<T>(dentry: PositiveDentry, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!this.isOutdated(error, dentry)) throw error;
      this.dropName(dentry);
      return undefined;
    }
  }

  /** A directory got or lost a name: its listing and its own attributes are old. */
  changed(directory: Dentry): void {
    directory.listing = undefined;
    this.renamedWithin(directory);
  }

  /** This session wrote to the inode, or changed names in it: its superblock is to be flushed. */
  madeDirty({ sb, nodeid }: Pick<Inode, 'sb' | 'nodeid'>): void {
    this.dirtied.set(sb, nodeid);
    this.quietSync.changed();
  }

  /** A name of a directory stands for another inode: its own attributes are old, its listing is not. */
  renamedWithin(directory: Dentry): void {
    if (directory.inode !== undefined) directory.inode.attr = undefined;
    this.invalidations.invalidate(directory.path, false);
  }

  /**
   * An own change of a path was acknowledged: gives the stamp to take its reply in under, behind which older replies
   * stand back. Undefined: a directory above it changed meanwhile, so the reply says nothing of the path any more.
   */
  acknowledged(stamp: Stamp, path: RemotePath): Stamp | undefined {
    const elsewhere = this.invalidations.crossedAbove(stamp, path);
    this.invalidations.invalidate(path, true);
    return elsewhere ? undefined : this.invalidations.settled(performance.now());
  }

  /** Forgets what is known of a path, without links, and of all below it. */
  drop(path: RemotePath): void {
    this.invalidations.invalidate(path, true);
    const dentry = this.tree.dentries.at(path);
    if (dentry !== undefined) this.tree.dentries.drop(dentry);
  }

  /**
   * The host does not know the nodeid that was used, so the path is to be looked up again: it changed, or the agent
   * is another one. Of the root only the latter can be.
   */
  isOutdated(error: unknown, dentry: Dentry): boolean {
    return isStale(error) && dentry !== this.tree.dentries.root;
  }

  /** Forgets a name, and the right to it. */
  dropName(dentry: PositiveDentry): void {
    this.invalidations.invalidate(dentry.path, true);
    this.tree.dentries.drop(dentry);
  }

  /** The root's name; every path starts there. */
  get rootDentry(): PositiveDentry {
    return this.tree.dentries.root as PositiveDentry;
  }

  /** Ends the connection and tells the agent that nobody comes back. */
  dispose(): void {
    this.quietSync.dispose();
    this.bulk.dispose();
    void this.session.destroy();
  }

  private newTree(): Tree {
    return new Tree(
      this.forgets,
      this.invalidations,
      (path) => this.superblocks.covering(path).id,
      this.contents,
    );
  }

  /** Where a compound opened something and ended before its close: closes it. */
  closeOpened(
    result: CompoundResult,
    open: Part<'OPEN' | 'OPENDIR'>,
    close: Part<'RELEASE' | 'RELEASEDIR'>,
    op: 'RELEASE' | 'RELEASEDIR',
  ): void {
    if (!result.has(open) || result.has(close)) return;
    const { fh } = result.get(open) as OutOf<'OPEN'>;
    this.giveBack({ lookups: [], handles: [{ fh, op }] });
  }

  /** Gives back what a reply held that nobody took. */
  giveBack(leftovers: Leftovers): void {
    for (const nodeid of leftovers.lookups) this.forgets.add(nodeid, 1n);
    for (const { fh, op } of leftovers.handles) {
      const fixed = { fh, flags: 0, release_flags: 0, lock_owner: 0n };
      // Lost with the link, it is closed with the session.
      this.session.request(op, ROOT_ID, fixed).catch(() => undefined);
    }
  }
}

/** What the steps of a walk that ended with it show: they are resolved to the same error. */
const SHOWN_BY_STEPS: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP]);

export function isStale(error: unknown): boolean {
  return error instanceof ErrnoError && error.errno === Errno.ESTALE;
}
