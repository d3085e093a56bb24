import type { SuperblockId } from '../../protocol/brand';
import { backgroundClock, type Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import type { FsErrorRecord } from '../../protocol/fsError';
import type { MountRecord } from '../../protocol/mountRecord';
import { EVENT_PUBLISHED, MOUNT_FOREIGN_WRITES, MountAction, type SbstatOut } from '../../protocol/livemount';
import { aggregate, In } from '../../protocol/mask';
import type { HostMount, HostMounts, MountChange } from '../host/hostFs';
import type { Published, WatchService, WatchSession } from './contract';
import type { Backends, Choice } from './arming/backend';
import {
  baseOf,
  belowBase,
  type BytePath,
  fromBytes,
  nameOf,
  parentOf,
  ROOT_PATH,
  toBytes,
} from './bytePath';
import { type Change, Kind } from './change';
import { Coverage, type MarkPlace } from './arming/coverage';
import { FsErrors, type FsErrorReport } from './fsErrors';
import { Journal, type Told } from './journal';
import { PUBLISHED } from './arming/eventBits';
import { VISIBLE_INTERVAL_MS } from './shadow/poller';
import { SuperblockWatch } from './superblock/superblockWatch';
import { Subscriber, type SubscriberHost } from './subscriber';

export interface WatchServiceOptions {
  readonly mounts: HostMounts;
  readonly backends: Backends;
  readonly clock?: Clock;
  /** Milliseconds since the epoch, for the times of events and to compare with those of files. */
  readonly timeOfDay?: () => number;
  /** Events kept of each superblock. */
  readonly journalEvents?: number;
  readonly pollIntervals?: { visible: number; hidden: number };
  readonly log?: (message: string) => void;
}

/** Published changes that wait for their look at most. */
const NOTED_MAKERS = 1024;

/** One superblock that somebody watches. */
interface Watched {
  readonly watch: SuperblockWatch;
  readonly journal: Journal;
  readonly faults: FsErrors;
  /** Who made the changes that wait to be looked at; undefined: several. */
  readonly makers: Map<BytePath, Subscriber | undefined>;
  events: number;
  errors: number;
}

/** The watch path of an agent: the marks of all sessions on one side, the host's backends on the other. */
export class Watches implements WatchService, SubscriberHost {
  seq = 0n;
  private readonly sessions = new Set<Subscriber>();
  private readonly watched = new Map<SuperblockId, Watched>();
  private readonly choices = new Map<SuperblockId, Choice>();
  private readonly clock: Clock;
  private readonly mountListener: Disposable;

  constructor(private readonly options: WatchServiceOptions) {
    this.clock = options.clock ?? backgroundClock;
    this.mountListener = options.mounts.onChange((changes) => this.mountsChanged(changes));
  }

  open(): WatchSession {
    const session = new Subscriber(this);
    this.sessions.add(session);
    return session;
  }

  drained(session: WatchSession): void {
    for (const known of this.sessions) if (known === session) known.drained();
  }

  superblocks(): readonly MountRecord[] {
    return this.options.mounts.list().map((mount) => this.record(mount, MountAction.PRESENT));
  }

  stat(sb: SuperblockId): Omit<SbstatOut, 'dirty' | '_padding'> {
    const watched = this.watched.get(sb);
    if (watched === undefined && this.options.mounts.get(sb) === undefined) throw new ErrnoError('ENODEV');
    const watch = watched?.watch;
    return {
      events: BigInt(watched?.events ?? 0),
      overflows: BigInt(watch?.overflows ?? 0),
      errors: BigInt(watched?.errors ?? 0),
      watches: BigInt(watch?.watches ?? 0),
      polled: BigInt(watch?.polled ?? 0),
      queued: BigInt(watch?.queued ?? 0),
      aggregated: aggregate([...this.sessions].map((session) => session.maskOn(sb) ?? (0 as never))),
    };
  }

  /** Resolves when everything that happened before the call was told, polled superblocks included. */
  async caughtUp(): Promise<void> {
    for (const { watch } of this.watched.values()) await watch.caughtUp();
  }

  dispose(): void {
    this.mountListener.dispose();
    for (const { watch, faults } of this.watched.values()) {
      watch.dispose();
      faults.dispose();
    }
    this.watched.clear();
    this.sessions.clear();
    this.options.backends.dispose();
  }

  // SubscriberHost ------------------------------------------------------------------------------------------------------

  journal(sb: SuperblockId): Journal | undefined {
    return this.watched.get(sb)?.journal;
  }

  nowNs(): bigint {
    return BigInt(Math.trunc((this.options.timeOfDay ?? Date.now)())) * 1_000_000n;
  }

  closed(session: Subscriber, marks: ReadonlyMap<SuperblockId, readonly MarkPlace[]>): void {
    this.sessions.delete(session);
    for (const [sb, places] of marks) {
      this.update(sb, places).catch((error: unknown) => this.options.log?.(`taking marks away: ${error}`));
    }
  }

  /** The marks of a session on a superblock changed: sets the host's watches to the new aggregate. */
  async update(sb: SuperblockId, changed: readonly MarkPlace[]): Promise<bigint> {
    const marks = [...this.sessions].flatMap((session) => session.coverageOf(sb)?.marks ?? []);
    const known = this.watched.get(sb);
    if (marks.length === 0) {
      known?.watch.dispose();
      known?.faults.dispose();
      this.watched.delete(sb);
      return this.seq;
    }
    const { watch, journal } = known ?? this.begin(sb);
    await watch.setCoverage(new Coverage(marks), changed);
    return journal.lastSeq;
  }

  publish(session: Subscriber, change: Published): void {
    const watched = this.watched.get(change.sb);
    if (watched === undefined) return;
    const { watch } = watched;
    const path = belowBase(watch.base, fromBytes(change.path));
    if (path === undefined || path === ROOT_PATH) return;
    this.noteMaker(watched, path, session);
    const isDir = change.isDir ? In.ISDIR : 0;
    const bits = PUBLISHED | isDir;
    const path2 = change.path2 && belowBase(watch.base, fromBytes(change.path2));
    if (change.kind === 'rename' && path2 !== undefined) {
      watch.publishedRename(parentOf(path), nameOf(path), parentOf(path2), nameOf(path2), change.isDir);
    } else watch.published(parentOf(path), nameOf(path), bits | PUBLISHED_BITS[change.kind]);
  }

  /**
   * Where the host tells nothing, whoever made a change need not hear of it. Where it does, everybody hears
   * everything, with the version to know the own by: somebody else may have written there at the same moment.
   */
  private noteMaker(watched: Watched, path: BytePath, session: Subscriber): void {
    if (watched.watch.choice.backend !== 'none') return;
    const { makers } = watched;
    if (makers.size >= NOTED_MAKERS) makers.clear();
    makers.set(path, makers.has(path) && makers.get(path) !== session ? undefined : session);
  }

  private makerOf({ makers }: Watched, { path, flags }: Change): Subscriber | undefined {
    if ((flags & EVENT_PUBLISHED) === 0) return undefined;
    const maker = makers.get(path);
    makers.delete(path);
    return maker;
  }

  private begin(sb: SuperblockId): Watched {
    const mount = this.options.mounts.get(sb);
    if (mount === undefined) throw new ErrnoError('ENODEV', `no superblock ${sb}`);
    const journal = new Journal(this.seq, this.options.journalEvents);
    const watch = SuperblockWatch.start(mount, {
      clock: this.clock,
      nowNs: () => this.nowNs(),
      backends: this.options.backends,
      ...(this.options.pollIntervals && { pollIntervals: this.options.pollIntervals }),
      covered: () => this.mountpointsOn(mount),
      report: (changes) => this.tell(sb, changes),
      fsError: (fault) => {
        watched.errors += fault.count;
        watched.faults.add(fault);
      },
      chosen: (choice) => this.chosen(mount, choice),
      unwatchedChanged: () => this.spread(this.record(mount, MountAction.CHANGED)),
      paced: () => this.spread(this.record(mount, MountAction.CHANGED)),
      log: (message) => this.options.log?.(message),
    });
    const faults = new FsErrors(this.clock, (report) => this.fsError(sb, report));
    const watched: Watched = { watch, journal, faults, makers: new Map(), events: 0, errors: 0 };
    this.watched.set(sb, watched);
    this.chosen(mount, watch.choice);
    return watched;
  }

  private tell(sb: SuperblockId, changes: readonly Change[]): void {
    const watched = this.watched.get(sb);
    if (watched === undefined) return;
    const timeNs = this.nowNs();
    const { journal } = watched;
    const before = journal.lastSeq;
    const batch: Told[] = [];
    for (const change of changes) {
      const except = this.makerOf(watched, change);
      const seq = ++this.seq;
      const told: Told = { seq, timeNs, change, except };
      batch.push(told);
      journal.append(told);
    }
    watched.events += batch.length;
    for (const session of this.sessions) session.told(sb, batch, before);
  }

  private fsError(sb: SuperblockId, { fault, count, flags }: FsErrorReport): void {
    const { errno, ino, path } = fault;
    const place = toBytes(path ?? ROOT_PATH);
    const record: FsErrorRecord = {
      sb,
      seq: ++this.seq,
      timeNs: this.nowNs(),
      ino,
      errno,
      count,
      flags,
      path: place,
    };
    for (const session of this.sessions) session.fsError(record);
  }

  // Mounts -----------------------------------------------------------------------------------------------------------

  private mountsChanged(changes: readonly MountChange[]): void {
    for (const { kind, mount } of changes) {
      if (kind === 'went') this.went(mount);
      this.spread(this.record(mount, ACTIONS[kind]));
      if (kind !== 'changed') this.uncoverOrCover(mount, kind === 'came');
      if (kind === 'went') this.choices.delete(mount.sb);
    }
  }

  /** The watchers of a superblock that went hear of it once, and their marks on it are gone. */
  private went(mount: HostMount): void {
    const watched = this.watched.get(mount.sb);
    if (watched === undefined) return;
    this.tell(mount.sb, [{ kind: Kind.UNMOUNT, path: ROOT_PATH, isDir: true, seen: undefined, flags: 0 }]);
    watched.watch.dispose();
    watched.faults.dispose();
    this.watched.delete(mount.sb);
    for (const session of this.sessions) session.forget(mount.sb);
  }

  private uncoverOrCover(mount: HostMount, came: boolean): void {
    const watched = this.watched.get(mount.parent);
    if (watched === undefined || mount.parent === mount.sb) return;
    const point = belowBase(watched.watch.base, fromBytes(mount.mountpoint));
    if (point !== undefined) void watched.watch.mountsChanged(point, came);
  }

  private mountpointsOn({ sb, mountpoint }: HostMount): ReadonlySet<BytePath> {
    const base = baseOf(mountpoint);
    const points = new Set<BytePath>();
    for (const mount of this.options.mounts.list()) {
      if (mount.parent !== sb || mount.sb === sb) continue;
      const point = belowBase(base, fromBytes(mount.mountpoint));
      if (point !== undefined) points.add(point);
    }
    return points;
  }

  private chosen(mount: HostMount, choice: Choice): void {
    const before = this.choices.get(mount.sb) ?? this.options.backends.prospect(mount);
    this.choices.set(mount.sb, choice);
    if (before.backend !== choice.backend || before.reason !== choice.reason) {
      this.spread(this.record(mount, MountAction.CHANGED));
    }
  }

  private record(mount: HostMount, action: number): MountRecord {
    const choice = this.choices.get(mount.sb) ?? this.options.backends.prospect(mount);
    const { root: _root, kind: _kind, slow: _slow, ...shown } = mount;
    const foreign = choice.foreignWrites ? MOUNT_FOREIGN_WRITES : 0;
    const { backend } = choice;
    const watch = this.watched.get(mount.sb)?.watch;
    const polled = backend === 'poll' || backend === 'inotify+poll' ? VISIBLE_INTERVAL_MS : 0;
    // Before the first round nobody knows how long one takes.
    const pollMs = watch?.pollMs || polled;
    const unwatched = watch?.unwatched ?? [];
    const reason = choice.reason + blindness(unwatched.length);
    return {
      ...shown,
      action,
      flags: mount.flags | foreign,
      backend,
      pollMs,
      reason,
      unwatched: unwatched.map(toBytes),
    };
  }

  private spread(record: MountRecord): void {
    for (const session of this.sessions) session.mount(record);
  }
}

function blindness(folders: number): string {
  if (folders === 0) return '';
  const which = folders === 1 ? 'one folder' : `${folders} folders`;
  return `; ${which} can't be watched (closed to the agent's user, too deep, or nothing is left to open it with): nothing from there is kept without asking`;
}

const ACTIONS = { came: MountAction.CAME, went: MountAction.WENT, changed: MountAction.CHANGED } as const;

const PUBLISHED_BITS = {
  create: In.CREATE,
  modify: In.MODIFY,
  attrib: In.ATTRIB,
  delete: In.DELETE,
  rename: In.MOVED_FROM,
} as const;
