import type { Disposable } from '../../base/dispose';
import { onDispose } from '../../base/dispose';
import { decodeEvents, type FsEvent } from '../../protocol/events';
import type { SuperblockId } from '../../protocol/brand';
import { EVENT_PUBLISHED, type Version } from '../../protocol/livemount';
import type { Clock } from '../../base/clock';
import { BoundedMap } from '../../base/boundedMap';
import { sameVersion } from '../../protocol/attributes';
import type { EventInvalidation } from './invalidate';
import type { SuperblockTable } from '../superblocks/superblockTable';
import type { Fsnotify } from './fsnotify';
import type { OwnChanges } from './ownChanges';
import type { PlacedChange } from '../placedChange';
import { changeOf } from './change';
import { isWithin, type RemotePath } from '../../protocol/paths';
import { SmoothedTime } from '../session/smoothedTime';
import type { Superblock } from '../superblocks/superblock';
import type { ChangeKind } from '../vfs';

/** An event, and whether this client caused it. */
interface Judged {
  readonly event: FsEvent;
  readonly own: boolean;
}

/** What may be the echo of a save: its reply says so. */
const OF_A_SAVE: ReadonlySet<ChangeKind> = new Set(['modify', 'attrib', 'create']);

/**
 * Events of one file that wait for the reply of its save. A save makes a handful; who writes so much beside it is
 * somebody else, and is told of at once.
 */
const HELD_MAX = 64;

/** Last events kept for "explain", one per path. */
const LAST_MAX = 1024;

/** What taking in events needs. */
export interface IntakeParts {
  readonly superblocks: Pick<SuperblockTable, 'get'>;
  readonly ownChanges: OwnChanges;
  readonly invalidation: EventInvalidation;
  readonly groups: Pick<Fsnotify, 'dispatch'>;
  /** The events of a superblock up to a seq were taken in. */
  readonly caughtUp: (sb: SuperblockId, seq: bigint) => void;
  readonly clock: Clock;
}

/**
 * Takes in the host's events: first the caches lose what is not so any more, then the groups are told. Own writes are
 * known by the version they left; events of a file that is being saved wait for the reply that says which that is.
 */
export class EventIntake {
  private readonly held = new Map<string, { count: number; waiting: [SuperblockId, FsEvent][] }>();
  private readonly last = new BoundedMap<RemotePath, PlacedChange>(LAST_MAX);
  /** The last event of a path that the agent told of itself, where the host's own is to come. */
  private readonly published = new BoundedMap<
    RemotePath,
    { readonly kind: ChangeKind; readonly version: Version }
  >(LAST_MAX);
  /** From the host's event to here. */
  readonly delay = new SmoothedTime();

  /** Sees every event in the host's order, whosever it is; `change` says it with paths of the whole tree. For a mount. */
  observer: ((superblock: Superblock, event: FsEvent, change: PlacedChange) => void) | undefined;

  constructor(private readonly parts: IntakeParts) {}

  /** A FSNOTIFY notification. */
  take(body: Buffer): void {
    const { sb, events } = decodeEvents(body);
    this.parts.superblocks.get(sb)?.count(events.length, this.parts.clock.now());
    this.takeAll(sb, events);
    const newest = events.at(-1);
    if (newest === undefined) return;
    this.parts.caughtUp(sb, newest.seq);
    this.delay.add(Math.max(0, Date.now() - Number(newest.timeNs / 1_000_000n)));
  }

  /** The last change told of a path. */
  lastOf(path: RemotePath): PlacedChange | undefined {
    return this.last.get(path);
  }

  /** What is told of the content at a path waits until this is disposed: a save of it is under way. */
  hold(path: RemotePath): Disposable {
    const hold = this.held.get(path) ?? { count: 0, waiting: [] };
    this.held.set(path, hold);
    hold.count++;
    return onDispose(() => {
      if (--hold.count > 0) return;
      this.held.delete(path);
      for (const [sb, event] of hold.waiting) this.takeAll(sb, [event]);
    });
  }

  private takeAll(sb: SuperblockId, events: readonly FsEvent[], mayWait = true): void {
    const superblock = this.parts.superblocks.get(sb);
    if (superblock === undefined) return; // it went, and its groups were told so
    let judged: Judged[] = [];
    for (const event of events) {
      const change = changeOf(superblock, event);
      if (change === undefined) continue;
      const ofContent = OF_A_SAVE.has(change.kind);
      const hold = ofContent && mayWait ? this.held.get(change.path) : undefined;
      if (hold !== undefined && hold.waiting.length < HELD_MAX) {
        hold.waiting.push([sb, event]);
        // Whatever it turns out to be: until the reply is here nothing old is shown.
        this.parts.invalidation.take(event, change);
        continue;
      }
      const earlier = ofContent ? [] : this.heldWithin(change);
      if (earlier.length > 0) {
        this.parts.groups.dispatch(superblock, judged);
        judged = [];
        for (const [where, held] of earlier) this.takeAll(where, [held], false);
      }
      const whose = this.judge(superblock, event, change);
      this.observer?.(superblock, event, change);
      if (whose === 'echo') continue;
      this.remember(change);
      judged.push({ event, own: whose === 'own' });
    }
    this.parts.groups.dispatch(superblock, judged);
  }

  /** Events that wait and were told before a name above or at theirs was renamed or went: they can wait no longer. */
  private heldWithin({ path, to }: PlacedChange): [SuperblockId, FsEvent][] {
    if (this.held.size === 0) return [];
    const holds = [...this.held].filter(
      ([held]) => isWithin(held, path) || (to !== undefined && isWithin(held, to)),
    );
    return holds.flatMap(([, hold]) => hold.waiting.splice(0));
  }

  /** Invalidates what the event says, and tells whose it is; 'echo': our own write, which nobody is told of. */
  private judge(superblock: Superblock, event: FsEvent, change: PlacedChange): 'foreign' | 'own' | 'echo' {
    const { ownChanges } = this.parts;
    const path = change.to ?? change.path;
    const saved = OF_A_SAVE.has(change.kind) && ownChanges.wroteThis(path, event.version);
    const made = saved && change.kind === 'create' && ownChanges.isNews(path);
    if (saved && !made) {
      // A file that another one is renamed to may look made. Where somebody else had made it, the name is news here.
      if (change.kind === 'create') this.parts.invalidation.take(event, change);
      return 'echo';
    }
    this.parts.invalidation.take(event, change);
    if (change.kind === 'overflow') superblock.overflows++;
    if (this.isToldAgain(event, change)) return 'echo';
    const own = made || ownChanges.take(change.kind, change.path);
    if (change.kind === 'create' || change.kind === 'rename') ownChanges.told(path);
    return own ? 'own' : 'foreign';
  }

  /**
   * What is done through the agent is told by the agent, which need not wait for the host, and then by the host. The
   * second time nobody is told.
   */
  private isToldAgain(event: FsEvent, change: PlacedChange): boolean {
    const { path, kind } = change;
    const before = this.published.get(path);
    this.published.delete(path);
    if ((event.flags & EVENT_PUBLISHED) === 0) {
      return before !== undefined && before.kind === kind && sameVersion(before.version, event.version);
    }
    this.published.set(path, { kind, version: event.version });
    return false;
  }

  private remember(change: PlacedChange): void {
    this.last.set(change.path, change);
  }
}
