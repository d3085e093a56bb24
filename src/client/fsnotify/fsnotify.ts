import type { SuperblockId } from '../../protocol/brand';
import type { Disposable } from '../../base/dispose';
import { asError } from '../../base/errors';
import { onDispose } from '../../base/dispose';
import { Errno, ErrnoError } from '../../protocol/errno';
import type { FsEvent } from '../../protocol/events';
import { isBelow, isWithin, relativeTo, type RemotePath } from '../../protocol/paths';
import type { Superblock } from '../superblocks/superblock';
import type { SuperblockTable } from '../superblocks/superblockTable';
import type { PlacedChange } from '../placedChange';
import { changeOf, seenBy } from './change';
import type { Connector, Mark } from './connector';
import { rebase } from './excludes';
import type { Group } from './group';
import { Leases } from './leases';
import type { Subject } from '../cache/policy';
import { type MarksUpdate, SuperblockMarks } from './superblockMarks';

/** What groups and marks need. */
export interface FsnotifyParts {
  readonly superblocks: SuperblockTable;
  /** Sends one FSNOTIFY_UPDATE; resolves when the agent has acknowledged it, with the seq it reports events from. */
  readonly send: (update: MarksUpdate) => Promise<bigint>;
  /** A moment of its own on the clock of Invalidations. */
  readonly moment: () => number;
  /** Whether a path is known to stand for something. */
  readonly exists: (path: RemotePath) => boolean;
  /** A superblock's events are reported from a seq on; undefined: no more. */
  readonly subscribed: (sb: SuperblockId, seq: bigint | undefined) => void;
}

/** An update that travels in a compound of somebody else's: what follows in the frame is covered by it. */
export interface TakenUpdate {
  readonly update: MarksUpdate;
  /** The agent acknowledged it and tells events from `seq` on; gives the moment from which on it is a lease. */
  acknowledge(seq: bigint): number;
  refuse(error: Error): void;
}

/**
 * Groups, their marks, and what of it the agent knows. Only aggregated masks leave the client, and only when they
 * change: one FSNOTIFY_UPDATE per superblock and turn of the event loop. Events come back and are told to the groups.
 */
export class Fsnotify {
  private readonly bySuperblock = new Map<SuperblockId, SuperblockMarks>();
  private readonly groups = new Set<Group>();
  /** Updates that are not acknowledged. They leave in the order of their generations. */
  private readonly underWay = new Set<MarksUpdate>();
  private readonly leases: Leases;
  private scheduled = false;

  constructor(private readonly parts: FsnotifyParts) {
    this.leases = new Leases(parts.superblocks, this.bySuperblock, parts.exists);
  }

  /** Connectors on all superblocks. */
  get size(): number {
    let sum = 0;
    for (const marks of this.bySuperblock.values()) sum += marks.size;
    return sum;
  }

  connectors(superblock: Superblock): Iterable<Connector> {
    return this.bySuperblock.get(superblock.id)?.all() ?? [];
  }

  /** Adds a group; its marks go out with this turn's update. Disposing it takes them away. */
  subscribe(group: Group): Disposable & { readonly ready: Promise<void> } {
    this.groups.add(group);
    this.place(group);
    const ready = this.ready(group);
    const disposal = onDispose(() => {
      this.groups.delete(group);
      this.displace(group);
    });
    return { ready, dispose: () => disposal.dispose() };
  }

  /** Since when a watch vouches for what is known of a path. */
  leaseSince(path: RemotePath, subject: Subject): number | undefined {
    return this.leases.since(path, subject);
  }

  /** A watch in force tells of this very path: when it goes, an event says so. */
  watches(path: RemotePath): boolean {
    return this.leases.of(path, 'entry') !== undefined;
  }

  /** The pending update of a superblock, to be sent before something else in the same frame. */
  take(superblock: Superblock): TakenUpdate | undefined {
    const marks = this.bySuperblock.get(superblock.id);
    if (marks === undefined || !marks.isDirty || !superblock.isReal) return undefined;
    const update = marks.nextUpdate();
    if (update === undefined) return undefined;
    this.leases.changed();
    this.underWay.add(update);
    return {
      update,
      acknowledge: (seq) => this.acknowledged(marks, update, seq),
      refuse: (error) => this.refused(marks, update, error),
    };
  }

  /** Tells the groups of a batch of events of one superblock; each gets its changes in one call. */
  dispatch(
    superblock: Superblock,
    events: readonly { readonly event: FsEvent; readonly own: boolean }[],
  ): void {
    const touched = new Set<Group>();
    for (const { event, own } of events) {
      const change = changeOf(superblock, event);
      if (change === undefined) continue;
      for (const group of this.concerned(superblock, change)) {
        if (own && !group.own) continue;
        // Overflows and unmounts are told whatever was asked for.
        const always = change.kind === 'overflow' || change.kind === 'unmount';
        if (!always && (event.mask & group.mask) === 0) continue;
        const seen = seenBy(change, (path) => group.covers(path)) ?? fromAbove(change, group);
        if (seen === undefined) continue;
        group.take(seen);
        touched.add(group);
      }
    }
    for (const group of touched) group.deliver();
  }

  /** Tells a change that no event stands for: a mount, an error, a loss of everything known. */
  announce(change: PlacedChange): void {
    for (const group of this.groups) {
      const seen = group.covers(change.path) ? change : fromAbove(change, group);
      if (seen === undefined) continue;
      group.take(seen);
      group.deliver();
    }
  }

  /**
   * The same, to each group once its marks are in force (or can't be): who compares then misses nothing that changes
   * afterwards.
   */
  announceInForce(change: PlacedChange): void {
    for (const group of this.groups) {
      const seen = group.covers(change.path) ? change : fromAbove(change, group);
      if (seen === undefined) continue;
      const tell = () => {
        if (!this.groups.has(group)) return;
        group.take(seen);
        group.deliver();
      };
      this.ready(group).then(tell, tell);
    }
  }

  /** A superblock came, or moved: marks belong where their paths are now. */
  replace(): void {
    for (const group of this.groups) this.place(group);
  }

  /** A superblock is gone, and its marks with it. */
  drop(superblock: Superblock): void {
    this.bySuperblock.get(superblock.id)?.end();
    this.bySuperblock.delete(superblock.id);
    this.parts.subscribed(superblock.id, undefined);
    this.leases.changed();
    for (const group of this.groups) {
      for (const connector of [...group.placements.keys()]) {
        if (connector.superblock === superblock) group.placements.delete(connector);
      }
    }
    this.replace();
  }

  /** The agent knows none of our marks: all are told again. */
  forgotten(): void {
    this.leases.changed();
    this.underWay.clear();
    for (const marks of this.bySuperblock.values()) marks.forgotten();
    this.schedule();
  }

  private *concerned(superblock: Superblock, change: PlacedChange): Generator<Group, void, void> {
    if (change.kind === 'overflow' || (change.isDirectory && change.kind !== 'create')) {
      // It also concerns those whose root lies below it.
      yield* this.groups;
      return;
    }
    const seen = new Set<Group>();
    const marks = this.bySuperblock.get(superblock.id);
    const paths = change.to === undefined ? [change.path] : [change.path, change.to];
    for (const path of paths) {
      for (const connector of marks?.concerned(relativeTo(path, superblock.mountpoint)) ?? []) {
        for (const { group } of connector.all) {
          if (seen.has(group)) continue;
          seen.add(group);
          yield group;
        }
      }
    }
  }

  /** Puts the group's marks where they belong: its root's superblock, and with `recursive` every one mounted below. */
  private place(group: Group): void {
    const wanted = new Map<
      string,
      { superblock: Superblock; path: string; subtree: boolean; below: string }
    >();
    const want = (superblock: Superblock, path: string, below: string) => {
      const subtree = group.recursive;
      wanted.set(`${superblock.id}:${path}`, { superblock, path, subtree, below });
    };
    const holder = this.parts.superblocks.covering(group.root);
    want(holder, relativeTo(group.root, holder.mountpoint), '');
    if (group.recursive) {
      for (const superblock of this.parts.superblocks.below(group.root)) {
        const below = relativeTo(superblock.mountpoint, group.root);
        if (!group.excludes.match(below)) want(superblock, '', below);
      }
    }
    for (const [connector, mark] of [...group.placements]) {
      const key = `${connector.superblock.id}:${connector.path}`;
      if (wanted.delete(key)) continue;
      this.marksOf(connector.superblock).remove(connector, mark);
      group.placements.delete(connector);
      if (connector.isEmpty) connector.settle();
    }
    for (const { superblock, path, subtree, below } of wanted.values()) {
      const mark: Mark = {
        group,
        mask: group.mask,
        visible: group.visible,
        excludes: rebase(group.excludes.patterns, below),
      };
      group.placements.set(this.marksOf(superblock).add(path, subtree, mark), mark);
    }
    this.schedule();
  }

  private displace(group: Group): void {
    for (const [connector, mark] of group.placements) {
      this.marksOf(connector.superblock).remove(connector, mark);
    }
    group.placements.clear();
    this.schedule();
  }

  /**
   * Settles when the agent has acknowledged the group's marks. Only that of its root may fail it; a submount that
   * can't be watched says so in its record. Marks that move meanwhile (a mount came) are waited for where they are.
   */
  private async ready(group: Group): Promise<void> {
    for (let waited = new Set<Connector>(); this.groups.has(group); ) {
      const next = [...group.placements.keys()].filter((connector) => !waited.has(connector));
      if (next.length === 0) return;
      waited = new Set([...waited, ...next]);
      const root = this.parts.superblocks.covering(group.root);
      await Promise.all(
        next.map((connector) => {
          const acknowledged = connector.acknowledged();
          return connector.superblock === root ? acknowledged : acknowledged.catch(() => undefined);
        }),
      );
    }
  }

  private marksOf(superblock: Superblock): SuperblockMarks {
    let marks = this.bySuperblock.get(superblock.id);
    if (marks === undefined) {
      marks = new SuperblockMarks(superblock);
      this.bySuperblock.set(superblock.id, marks);
    }
    return marks;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      for (const marks of [...this.bySuperblock.values()]) this.flush(marks);
    });
  }

  private flush(marks: SuperblockMarks): void {
    if (!marks.isDirty || !marks.superblock.isReal) return;
    this.leases.changed();
    const update = marks.nextUpdate();
    if (update === undefined) return;
    this.underWay.add(update);
    this.parts.send(update).then(
      (seq) => this.acknowledged(marks, update, seq),
      (error: unknown) => this.refused(marks, update, asError(error)),
    );
  }

  private acknowledged(marks: SuperblockMarks, update: MarksUpdate, seq: bigint): number {
    const moment = this.parts.moment();
    // Not of a session that is gone: its marks are told again already.
    if (this.underWay.delete(update)) {
      this.leases.changed();
      marks.acknowledge(update, moment);
      this.parts.subscribed(marks.superblock.id, marks.size === 0 ? undefined : seq);
    }
    return moment;
  }

  private refused(marks: SuperblockMarks, update: MarksUpdate, error: Error): void {
    if (!this.underWay.delete(update)) return;
    const lost = error instanceof ErrnoError && error.errno === Errno.ESTALE;
    if (!lost) marks.refuse(update, error);
    if (marks.isDirty) this.schedule();
  }
}

/** What happened to a directory above the group's root, as the group sees it: its root went, or may have changed. */
function fromAbove(change: PlacedChange, group: Group): PlacedChange | undefined {
  const { kind, path, to } = change;
  if (kind === 'overflow') return isBelow(group.root, path) ? { ...change, path: group.root } : undefined;
  const { to: _target, ...rest } = change;
  if (kind === 'mount' && isBelow(group.root, path)) return { ...rest, kind: 'overflow', path: group.root };
  if ((kind === 'delete' || kind === 'unmount' || kind === 'rename') && isBelow(group.root, path)) {
    return { ...rest, kind: 'delete', path: group.root };
  }
  if (kind === 'rename' && to !== undefined && isWithin(group.root, to)) {
    return { ...rest, kind: 'create', path: group.root };
  }
  return undefined;
}
