import type { Mask, SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { FsEvent } from '../../protocol/events';
import type { FsErrorRecord } from '../../protocol/fsError';
import type { MarkUpdate } from '../../protocol/marks';
import type { MountRecord } from '../../protocol/mountRecord';
import { MARK_SUBTREE } from '../../protocol/livemount';
import type { Cursors } from '../../protocol/resume';
import type { Published, WatchSession, WatchSink } from './contract';
import { fromBytes } from './bytePath';
import { compileMark, Coverage, type Mark, type MarkPlace } from './arming/coverage';
import type { Journal, JournalEntry } from './journal';
import { freshRecord, translate } from './translate';

/** Events in one FSNOTIFY notification at most. */
const BATCH_EVENTS = 256;

/** What a session needs of the service. */
export interface SubscriberHost {
  update(sb: SuperblockId, changed: readonly MarkPlace[]): Promise<bigint>;
  publish(session: Subscriber, change: Published): void;
  journal(sb: SuperblockId): Journal | undefined;
  /** The session ended, with the marks it had. */
  closed(session: Subscriber, marks: ReadonlyMap<SuperblockId, readonly MarkPlace[]>): void;
  nowNs(): bigint;
  readonly seq: bigint;
}

/** A session's marks on one superblock, and how far events of it were delivered. */
class Subscription {
  readonly marks = new Map<string, Mark>();
  coverage = new Coverage([]);
  generation = -1n;

  constructor(public cursor: bigint) {}
}

/** One client: its marks, and a cursor in the journal of each superblock it watches. */
export class Subscriber implements WatchSession {
  private readonly subscriptions = new Map<SuperblockId, Subscription>();
  private sink: WatchSink | undefined;
  private full = false;
  /** Up to this seq events are delivered again after a resume. */
  private replayUpTo = 0n;
  private errors: FsErrorRecord[] = [];

  constructor(private readonly host: SubscriberHost) {}

  coverageOf(sb: SuperblockId): Coverage | undefined {
    return this.subscriptions.get(sb)?.coverage;
  }

  async update(
    sb: SuperblockId,
    generation: bigint,
    updates: readonly MarkUpdate[],
    reset: boolean,
  ): Promise<bigint> {
    // All marks are compiled before one is changed: a bad one leaves everything as it was.
    const compiled = updates.map((update) => ({
      update,
      mark: update.mask === 0 ? undefined : compileMark(update),
    }));
    const subscription =
      this.subscriptions.get(sb) ?? new Subscription(this.host.journal(sb)?.lastSeq ?? this.host.seq);
    if (generation < subscription.generation) {
      throw new ErrnoError('EINVAL', `generation ${generation} is older than ${subscription.generation}`);
    }
    subscription.generation = generation;
    const changed: MarkPlace[] = [];
    if (reset) {
      changed.push(...subscription.marks.values());
      subscription.marks.clear();
    }
    for (const { update, mark } of compiled) {
      const path = fromBytes(update.path);
      changed.push({ path, subtree: (update.flags & MARK_SUBTREE) !== 0 });
      const key = `${update.flags & MARK_SUBTREE}:${path}`;
      if (mark === undefined) subscription.marks.delete(key);
      else subscription.marks.set(key, mark);
    }
    subscription.coverage = new Coverage([...subscription.marks.values()]);
    if (subscription.marks.size === 0) this.subscriptions.delete(sb);
    else this.subscriptions.set(sb, subscription);
    return this.host.update(sb, changed);
  }

  publish(change: Published): void {
    this.host.publish(this, change);
  }

  attach(sink: WatchSink, cursors: Cursors): void {
    this.sink = sink;
    this.full = false;
    this.replayUpTo = this.host.seq;
    for (const [sb, subscription] of this.subscriptions) {
      const cursor = cursors.get(sb);
      if (cursor !== undefined && cursor < subscription.cursor) subscription.cursor = cursor;
    }
    this.drain();
  }

  detach(): void {
    this.sink = undefined;
  }

  drained(): void {
    this.full = false;
    this.drain();
  }

  /** Sends what the journals hold beyond the cursors, as far as the channel takes it. */
  drain(): void {
    for (const record of this.errors.splice(0)) this.sink?.fsError(record);
    for (const sb of this.subscriptions.keys()) this.drainSuperblock(sb);
  }

  /** New events, the first of which follows `before` in the journal. A session that is up to date takes them as they are. */
  recorded(sb: SuperblockId, batch: readonly JournalEntry[], before: bigint): void {
    const subscription = this.subscriptions.get(sb);
    if (subscription === undefined) return;
    let taken = 0;
    while (taken < batch.length && this.sink !== undefined && !this.full && subscription.cursor >= before) {
      const part = batch.slice(taken, taken + BATCH_EVENTS);
      taken += part.length;
      this.deliver(sb, subscription, part, false);
    }
    if (taken < batch.length) this.drainSuperblock(sb);
  }

  drainSuperblock(sb: SuperblockId): void {
    const subscription = this.subscriptions.get(sb);
    const journal = this.host.journal(sb);
    if (subscription === undefined || journal === undefined) return;
    while (this.sink !== undefined && !this.full && subscription.cursor < journal.lastSeq) {
      if (!journal.reaches(subscription.cursor)) {
        subscription.cursor = journal.lastSeq;
        this.send(sb, [freshRecord(journal.lastSeq, this.host.nowNs())], false);
        continue;
      }
      const replay = subscription.cursor < this.replayUpTo;
      this.deliver(sb, subscription, journal.after(subscription.cursor, BATCH_EVENTS), replay);
    }
  }

  private deliver(
    sb: SuperblockId,
    subscription: Subscription,
    batch: readonly JournalEntry[],
    replay: boolean,
  ): void {
    const events: FsEvent[] = [];
    for (const entry of batch) {
      subscription.cursor = entry.seq;
      if (entry.except !== this) translate(entry, subscription.coverage, events);
    }
    if (events.length > 0) this.send(sb, events, replay);
  }

  private send(sb: SuperblockId, events: readonly FsEvent[], replay: boolean): void {
    if (this.sink !== undefined && !this.sink.events(sb, events, replay)) this.full = true;
  }

  mount(record: MountRecord): void {
    this.sink?.mount(record);
  }

  /** While the channel is full or away, errors of one superblock are counted into the first. */
  fsError(record: FsErrorRecord): void {
    if (!this.subscriptions.has(record.sb)) return;
    if (this.sink !== undefined && !this.full) {
      this.sink.fsError(record);
      return;
    }
    const first = this.errors.findIndex((earlier) => earlier.sb === record.sb);
    const earlier = this.errors[first];
    if (earlier === undefined) this.errors.push(record);
    else
      this.errors[first] = {
        ...earlier,
        count: earlier.count + record.count,
        flags: earlier.flags | record.flags,
      };
  }

  /** The superblock is gone, and the marks on it. */
  forget(sb: SuperblockId): void {
    this.subscriptions.delete(sb);
  }

  watched(): SuperblockId[] {
    return [...this.subscriptions.keys()];
  }

  maskOn(sb: SuperblockId): Mask | undefined {
    return this.subscriptions.get(sb)?.coverage.mask;
  }

  dispose(): void {
    this.sink = undefined;
    const watched = this.watched();
    const changed = new Map(watched.map((sb) => [sb, this.subscriptions.get(sb)?.coverage.marks ?? []]));
    this.subscriptions.clear();
    this.host.closed(this, changed);
  }
}
