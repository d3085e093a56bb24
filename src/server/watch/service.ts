import { backgroundClock, type Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';
import { messageOf } from '../../base/errors';
import type { SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { FsErrorRecord } from '../../protocol/fsError';
import { EVENT_FRESH, MountAction, type SbstatOut } from '../../protocol/livemount';
import { aggregate } from '../../protocol/mask';
import type { MountRecord } from '../../protocol/mountRecord';
import type { HostMount, HostMounts, MountChange } from '../host/hostFs';
import type { Backends } from './arming/backend';
import { Coverage, type Mark, type MarkPlace } from './arming/coverage';
import { absoluteFrom, baseOf, belowBase, type BytePath, ROOT_PATH, toBytes } from './bytePath';
import { type Change, Kind } from './change';
import type { Published, WatchService, WatchSession } from './contract';
import { FsErrors, type FsErrorReport } from './fsErrors';
import { Journal } from './journal';
import { MountRecords } from './mountRecords';
import { Subscriber, type SubscriberHost } from './subscriber';
import { SuperblockWatch } from './superblock/superblockWatch';
import { WatchedSuperblock } from './watchedSuperblock';

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

/**
 * The watch path of an agent: the marks of all sessions on one side, the host's backends on the other. It owns the
 * backends, and a watch on each superblock as long as any session has a mark there.
 */
export class Watches implements WatchService, SubscriberHost {
  seq = 0n;
  private readonly sessions = new Set<Subscriber>();
  private readonly watched = new Map<SuperblockId, WatchedSuperblock>();
  private readonly records: MountRecords;
  private readonly clock: Clock;
  private readonly mountListener: Disposable;

  constructor(private readonly options: WatchServiceOptions) {
    const { mounts, backends } = options;
    this.clock = options.clock ?? backgroundClock;
    const watchOn = (sb: SuperblockId) => this.watched.get(sb)?.watch;
    this.records = new MountRecords(mounts, backends, watchOn, (record) => this.spread(record));
    this.mountListener = mounts.onChange((changes) => this.mountsChanged(changes));
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
    return this.records.present();
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

  /** Resolves when everything that happened before the call was reported, polled superblocks included. */
  async caughtUp(): Promise<void> {
    for (const { watch } of this.watched.values()) await watch.caughtUp();
  }

  dispose(): void {
    this.mountListener.dispose();
    for (const watched of this.watched.values()) watched.dispose();
    this.watched.clear();
    this.sessions.clear();
    this.options.backends.dispose();
  }

  // Marks (SubscriberHost) -------------------------------------------------------------------------------------------

  journal(sb: SuperblockId): Journal | undefined {
    return this.watched.get(sb)?.journal;
  }

  nowNs(): bigint {
    return BigInt(Math.trunc((this.options.timeOfDay ?? Date.now)())) * 1_000_000n;
  }

  closed(session: Subscriber, marks: ReadonlyMap<SuperblockId, readonly MarkPlace[]>): void {
    this.sessions.delete(session);
    for (const [sb, places] of marks) {
      this.update(sb, places).catch((error: unknown) =>
        this.options.log?.(`taking marks away: ${messageOf(error)}`),
      );
    }
  }

  /** The marks of a session on a superblock changed: sets the host's watches to the new aggregate. */
  async update(sb: SuperblockId, changed: readonly MarkPlace[]): Promise<bigint> {
    const marks = this.marksOn(sb);
    const known = this.watched.get(sb);
    if (marks.length === 0) {
      known?.dispose();
      this.watched.delete(sb);
      return this.seq;
    }
    const watched = known ?? this.begin(sb);
    const { watch } = watched;
    await watch.setCoverage(new Coverage(marks), changed);
    // Another watch took its place meanwhile, and may have begun without these marks.
    if (watched.watch !== watch && this.watched.get(sb) === watched) return this.update(sb, changed);
    return watched.journal.lastSeq;
  }

  private marksOn(sb: SuperblockId): readonly Mark[] {
    return [...this.sessions].flatMap((session) => session.coverageOf(sb)?.marks ?? []);
  }

  publish(session: Subscriber, change: Published): void {
    this.watched.get(change.sb)?.publish(session, change);
  }

  private begin(sb: SuperblockId): WatchedSuperblock {
    const mount = this.options.mounts.get(sb);
    if (mount === undefined) throw new ErrnoError('ENODEV', `no superblock ${sb}`);
    const journal = new Journal(this.seq, this.options.journalEvents);
    const watch = this.startWatch(mount);
    const faults = new FsErrors(this.clock, (report) => this.fsError(sb, report));
    const watched = new WatchedSuperblock(watch, journal, faults);
    this.watched.set(sb, watched);
    this.records.chosen(mount, watch.choice);
    return watched;
  }

  private startWatch(mount: HostMount): SuperblockWatch {
    const { sb } = mount;
    return SuperblockWatch.start(mount, {
      clock: this.clock,
      nowNs: () => this.nowNs(),
      backends: this.options.backends,
      ...(this.options.pollIntervals && { pollIntervals: this.options.pollIntervals }),
      covered: () => this.mountpointsOn(mount),
      report: (changes) => this.report(sb, changes),
      fsError: (fault) => this.watched.get(sb)?.fsError(fault),
      deaf: () => this.startAgain(sb),
      chosen: (choice) => this.records.chosen(mount, choice),
      unwatchedChanged: () => this.records.changed(mount),
      paced: () => this.records.changed(mount),
      log: (message) => this.options.log?.(message),
    });
  }

  /**
   * A backend went deaf: another watch takes the place of the one that it served. Nobody knows what happened since the last
   * event, so what is cached is in doubt at once, and again when the new watch is in force: nothing says what happened
   * in between either.
   */
  private startAgain(sb: SuperblockId): void {
    const watched = this.watched.get(sb);
    const mount = this.options.mounts.get(sb);
    if (watched === undefined || mount === undefined) return;
    this.missed(sb);
    const watch = watched.replaceWatch(() => this.startWatch(mount));
    this.records.chosen(mount, watch.choice);
    this.options.log?.(`watching ${mount.mountpoint} anew: ${watch.choice.backend}, ${watch.choice.reason}`);
    watch
      .setCoverage(new Coverage(this.marksOn(sb)), [])
      .catch((error: unknown) => this.options.log?.(`watching anew: ${messageOf(error)}`))
      .finally(() => {
        if (watched.watch === watch) this.missed(sb);
      });
  }

  /** Nobody can say what happened on a superblock: everything there is to be asked again. */
  private missed(sb: SuperblockId): void {
    this.report(sb, [
      { kind: Kind.OVERFLOW, path: ROOT_PATH, isDir: true, seen: undefined, flags: EVENT_FRESH },
    ]);
  }

  // Reports ----------------------------------------------------------------------------------------------------------

  private report(sb: SuperblockId, changes: readonly Change[]): void {
    const watched = this.watched.get(sb);
    if (watched === undefined) return;
    const before = watched.journal.lastSeq;
    const entries = watched.record(changes, this.nowNs(), () => ++this.seq);
    for (const session of this.sessions) session.recorded(sb, entries, before);
  }

  private fsError(sb: SuperblockId, { fault, count, flags }: FsErrorReport): void {
    const { errno, ino, path } = fault;
    const record: FsErrorRecord = {
      sb,
      seq: ++this.seq,
      timeNs: this.nowNs(),
      ino,
      errno,
      count,
      flags,
      path: toBytes(path ?? ROOT_PATH),
    };
    for (const session of this.sessions) session.fsError(record);
  }

  private spread(record: MountRecord): void {
    for (const session of this.sessions) session.mount(record);
  }

  // Mounts -----------------------------------------------------------------------------------------------------------

  private mountsChanged(changes: readonly MountChange[]): void {
    for (const { kind, mount } of changes) {
      if (kind === 'went') this.went(mount);
      this.spread(this.records.of(mount, ACTIONS[kind]));
      if (kind !== 'changed') this.uncoverOrCover(mount, kind === 'came');
      if (kind === 'went') this.records.forget(mount.sb);
    }
  }

  /** The watchers of a superblock that went get one event of it, and their marks on it are gone. */
  private went(mount: HostMount): void {
    const watched = this.watched.get(mount.sb);
    if (watched === undefined) return;
    this.report(mount.sb, [{ kind: Kind.UNMOUNT, path: ROOT_PATH, isDir: true, seen: undefined, flags: 0 }]);
    watched.dispose();
    this.watched.delete(mount.sb);
    for (const session of this.sessions) session.forget(mount.sb);
  }

  private uncoverOrCover(mount: HostMount, came: boolean): void {
    const watched = this.watched.get(mount.parent);
    if (watched === undefined || mount.parent === mount.sb) return;
    const point = belowBase(watched.watch.base, absoluteFrom(mount.mountpoint));
    // What fails in it is in the log.
    if (point !== undefined) void watched.watch.mountsChanged(point, came).catch(() => {});
  }

  private mountpointsOn({ sb, mountpoint }: HostMount): ReadonlySet<BytePath> {
    const base = baseOf(mountpoint);
    const points = new Set<BytePath>();
    for (const mount of this.options.mounts.list()) {
      if (mount.parent !== sb || mount.sb === sb) continue;
      const point = belowBase(base, absoluteFrom(mount.mountpoint));
      if (point !== undefined) points.add(point);
    }
    return points;
  }
}

const ACTIONS = { came: MountAction.CAME, went: MountAction.WENT, changed: MountAction.CHANGED } as const;
