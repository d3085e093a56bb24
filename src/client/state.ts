import type { Clock } from '../base/clock';
import { type NodeId, ROOT_ID, type SuperblockId } from '../protocol/brand';
import { ErrnoError } from '../protocol/errno';
import type { RemotePath } from '../protocol/paths';
import { ContentCache } from './cache/content';
import { EventInvalidation } from './fsnotify/invalidate';
import { Invalidations } from './cache/invalidations';
import type { CacheMode } from './cache/mode';
import type { Cached, Right, Subject } from './cache/policy';
import { EventIntake } from './fsnotify/eventIntake';
import { Fsnotify } from './fsnotify/fsnotify';
import { OwnChanges } from './fsnotify/ownChanges';
import type { MarksUpdate } from './fsnotify/superblockMarks';
import { Flushes } from './ops/flushes';
import { questions } from './ops/questions';
import type { CompoundRequest, CompoundResult } from './session/compoundRequest';
import type { Link } from './session/link';
import {
  DATA_DEADLINE_MS,
  type RequestOptions,
  type SessionListener,
  type SessionOptions,
} from './session/options';
import { Returns } from './session/returns';
import { Session } from './session/session';
import { AgentUser } from './superblocks/agentUser';
import type { Superblock } from './superblocks/superblock';
import { SuperblockTable } from './superblocks/superblockTable';
import { Stripes } from './transfer/stripes';
import { Forgets } from './tree/forgets';
import { KnownTree } from './tree/knownTree';
import { type Found, Lookup } from './tree/lookup';
import { Rights } from './tree/rights';
import type { Tree } from './tree/tree';
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

/**
 * The parts of one connection, made in order, each with what it uses; disposed in reverse. Operations (ops/) take the whole:
 * they are where the parts meet.
 */
export class ClientCore {
  readonly clock: Clock;
  /** Who may believe what, and since when: cache/. */
  readonly invalidations = new Invalidations();
  readonly contents: ContentCache;
  readonly rights: Rights;
  /** What is known of the host: tree/ and superblocks/. */
  readonly superblocks: SuperblockTable;
  readonly forgets: Forgets;
  readonly known: KnownTree;
  readonly paths: Lookup;
  readonly agentUser: AgentUser;
  /** The wire: session/ and transfer/. */
  readonly session: Session;
  readonly stripes: Stripes;
  readonly returns: Returns;
  /** Watches and events: fsnotify/. */
  readonly fsnotify: Fsnotify;
  readonly ownChanges = new OwnChanges();
  readonly events: EventIntake;
  readonly flushes: Flushes;

  constructor(
    link: Link,
    listener: SessionListener & { suspected(superblock: Superblock): void },
    private readonly options: CoreOptions,
  ) {
    const { clock } = options;
    const { invalidations, ownChanges } = this;
    this.clock = clock;
    const contents = new ContentCache(options.contentBytes);
    const session = new Session(link, listener, options);
    const superblocks = new SuperblockTable((superblock) => listener.suspected(superblock));
    const forgets = new Forgets((op, nodeid, fixed, data) => session.post(op, nodeid, fixed, data));
    const sbOf = (path: RemotePath) => superblocks.covering(path).id;
    const known = new KnownTree({ forgets, invalidations, contents, sbOf, clock });
    const fsnotify = new Fsnotify({
      superblocks,
      send: (update) => sendMarks(session, update),
      moment: () => invalidations.moment(),
      exists: (path) => known.tree.dentries.at(path)?.inode !== undefined,
      subscribed: (sb, seq) => session.subscribed(sb, seq),
    });
    this.rights = new Rights({
      superblocks,
      leaseSince: (path, subject) => fsnotify.leaseSince(path, subject),
      isConnected: () => session.state === 'connected',
      modeOf: (superblock) => options.modeOf?.(superblock) ?? 'lease',
    });
    const host = questions(session, superblocks, fsnotify);
    this.paths = new Lookup({ known, rights: this.rights, invalidations, host, clock });
    this.events = new EventIntake({
      superblocks,
      ownChanges,
      invalidation: new EventInvalidation(known, contents, (path) => fsnotify.watches(path)),
      groups: fsnotify,
      caughtUp: (sb, seq) => session.caughtUp(sb, seq),
      clock,
    });
    this.flushes = new Flushes({
      session,
      superblocks,
      paths: this.paths,
      clock,
      isQuiet: () => this.durability === 'syncfs',
      failed: (error) => options.flushFailed?.(error),
    });
    this.agentUser = new AgentUser(this.paths);
    this.stripes = new Stripes(session, clock);
    this.returns = new Returns((nodeid, nlookup) => forgets.add(nodeid, nlookup), session);
    this.contents = contents;
    this.session = session;
    this.superblocks = superblocks;
    this.forgets = forgets;
    this.known = known;
    this.fsnotify = fsnotify;
  }

  get tree(): Tree {
    return this.known.tree;
  }

  /** Grows when the agent knows no nodeid and no handle of ours any more. */
  get epoch(): number {
    return this.known.epoch;
  }

  get durability(): Durability {
    return this.options.durability?.() ?? 'none';
  }

  /** The agent knows no nodeid of ours any more: everything starts from the root. */
  forgetTree(): void {
    // The nodeids in what waits would be other nodes' at the new agent.
    for (const superblock of this.superblocks.all()) superblock.dismiss();
    this.known.forget();
  }

  /** By what right something cached of a path may be used. */
  right(
    cached: Cached,
    path: RemotePath,
    subject: Subject,
    aliased: boolean,
    nowMs = this.clock.now(),
  ): Right {
    return this.rights.to(cached, path, subject, aliased, nowMs);
  }

  /** Finds what a path stands for, with attributes: from the cache, or in one round trip. ENOENT, ENOTDIR, ELOOP, ... */
  lookup(path: RemotePath, follow: boolean, signal?: AbortSignal): Promise<Found> {
    return this.paths.find(path, follow, signal);
  }

  /** Sends a compound against a path's superblock, within its bound. */
  compound(
    path: RemotePath,
    compound: CompoundRequest,
    options: RequestOptions = {},
  ): Promise<CompoundResult> {
    const superblock = this.superblocks.covering(path);
    return superblock.run(() => this.session.compound(compound, options), options.signal);
  }

  /** This session wrote to the inode, or changed names in it: its superblock is to be flushed. */
  madeDirty({ sb, nodeid }: { readonly sb: SuperblockId; readonly nodeid: NodeId }): void {
    this.flushes.dirty(sb, nodeid);
  }

  /** Ends the connection and tells the agent that nobody comes back. */
  dispose(): void {
    this.flushes.dispose();
    this.stripes.dispose();
    void this.session.destroy();
  }
}

async function sendMarks(session: Session, { fixed, data }: MarksUpdate): Promise<bigint> {
  const options = { data, deadlineMs: DATA_DEADLINE_MS };
  const { generation, seq } = await session.request('FSNOTIFY_UPDATE', ROOT_ID, fixed, options);
  if (generation === fixed.generation) return seq;
  throw new ErrnoError('EIO', `generation ${fixed.generation} was acknowledged as ${generation}`);
}
