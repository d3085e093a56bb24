import type { Generation, Mask } from '../../protocol/brand';
import { encodeMarks, type MarkUpdate } from '../../protocol/marks';
import { MARK_SUBTREE, UPDATE_RESET } from '../../protocol/livemount';
import { aggregate, In, NO_EVENTS } from '../../protocol/mask';
import type { InOf } from '../../protocol/opcodes';
import { bytesOf } from '../../protocol/names';
import { join, type RemotePath } from '../../protocol/paths';
import type { Superblock } from '../superblocks/superblock';
import type { Subject } from '../cache/policy';
import { type Aggregate, Connector, type Mark, NO_AGGREGATE, sameAggregate } from './connector';
import { Excludes } from '../../protocol/excludes';

/** A watch for all of these tells whatever could make a cached copy wrong: it is a lease. */
const LEASE_MASK = (In.MODIFY | In.ATTRIB | In.CREATE | In.DELETE | In.MOVED_FROM | In.MOVED_TO) as Mask;

function isLease(mask: Mask): boolean {
  return (mask & LEASE_MASK) === LEASE_MASK;
}

/**
 * What a connector's lease covers, since when. It begins when the agent acknowledges a mask that hears all changes of the
 * object, and ends when such a mask is about to be given up (before the agent hears of that), when the agent is another one,
 * or when the superblock goes. Nothing renews it: while it stands, what was asked for after its beginning is believed.
 */
interface Lease {
  /** On the clock of Invalidations: what was asked for later is covered. */
  readonly since: number;
  readonly excludes: Excludes;
}

/** One FSNOTIFY_UPDATE: the aggregates that changed. */
export interface MarksUpdate {
  readonly fixed: InOf<'FSNOTIFY_UPDATE'>;
  readonly data: Buffer;
  readonly changes: readonly { readonly connector: Connector; readonly aggregate: Aggregate }[];
}

/** The connectors of one superblock, what the agent knows of them, and what that vouches for. */
export class SuperblockMarks {
  private readonly connectors = new Map<string, Connector>();
  private readonly changed = new Set<Connector>();
  private readonly leases = new Map<Connector, Lease>();
  private generation = 0n;
  private reset = true;

  constructor(readonly superblock: Superblock) {}

  /** Some aggregate may differ from what the agent was told. */
  get isDirty(): boolean {
    return this.changed.size > 0;
  }

  get size(): number {
    return this.connectors.size;
  }

  all(): Iterable<Connector> {
    return this.connectors.values();
  }

  get(path: string, subtree: boolean): Connector | undefined {
    return this.connectors.get(key(path, subtree));
  }

  /** Puts a mark on an object. */
  add(path: string, subtree: boolean, mark: Mark): Connector {
    let connector = this.connectors.get(key(path, subtree));
    if (connector === undefined) {
      connector = new Connector(this.superblock, path, subtree);
      this.connectors.set(key(path, subtree), connector);
    }
    connector.add(mark);
    this.changed.add(connector);
    return connector;
  }

  remove(connector: Connector, mark: Mark): void {
    connector.remove(mark);
    this.changed.add(connector);
  }

  /** The connectors that an event at `path` concerns: on it, on its directory, and on the trees that hold it. */
  *concerned(path: string): Generator<Connector, void, void> {
    const own = this.get(path, false);
    if (own !== undefined) yield own;
    if (path !== '') {
      const parent = this.get(relativeParent(path), false);
      if (parent !== undefined) yield parent;
    }
    for (let at = path; ; at = relativeParent(at)) {
      const tree = this.get(at, true);
      if (tree !== undefined) yield tree;
      if (at === '') return;
    }
  }

  /** Since when a watch in force vouches for what is known of a path; undefined if none does. */
  leaseSince(path: string, subject: Subject): number | undefined {
    if (this.superblock.isUnwatched(path)) return undefined;
    let since: number | undefined;
    for (const connector of this.concerned(path)) {
      const lease = this.leases.get(connector);
      if (lease === undefined || !vouches(connector, lease, path, subject)) continue;
      if (since === undefined || lease.since < since) since = lease.since;
    }
    return since;
  }

  /** The absolute paths that a lease stands on, with its beginning. */
  *leased(): Generator<{ path: RemotePath; since: number }, void, void> {
    for (const [connector, { since }] of this.leases) {
      yield { path: join(this.superblock.mountpoint, connector.path), since };
    }
  }

  /** The changes since the last update, as the next one; undefined if the aggregates are what they were. */
  nextUpdate(): MarksUpdate | undefined {
    const changes: { connector: Connector; aggregate: Aggregate }[] = [];
    for (const connector of this.changed) {
      const next = connector.aggregate();
      if (sameAggregate(connector.sent, next)) {
        if (sameAggregate(connector.inForce, next)) connector.settle();
        if (connector.isEmpty && connector.sent === NO_AGGREGATE) this.connectors.delete(keyOf(connector));
        continue;
      }
      connector.sent = next;
      const lease = this.leases.get(connector);
      const kept =
        isLease(next.mask) &&
        sameAggregate({ ...connector.inForce, mask: next.mask, flags: next.flags }, next);
      if (lease !== undefined && !kept) this.leases.delete(connector);
      changes.push({ connector, aggregate: next });
    }
    this.changed.clear();
    if (changes.length === 0) return undefined;
    const data = encodeMarks(changes.map(({ connector, aggregate: next }) => updateOf(connector, next)));
    this.generation += 1n;
    const fixed = {
      sb: this.superblock.id,
      generation: this.generation as Generation,
      count: changes.length,
      flags: this.reset ? UPDATE_RESET : 0,
    };
    this.reset = false;
    return { fixed, data, changes };
  }

  /** The agent has set its watches to the update; what was asked for after `moment` is covered. */
  acknowledge(update: MarksUpdate, moment: number): void {
    const { generation } = update.fixed;
    for (const { connector, aggregate: acknowledged } of update.changes) {
      // The agent may be done with a later update first: that one has the last word.
      if (connector.generation > generation) continue;
      connector.generation = generation;
      connector.inForce = acknowledged;
      if (connector.isEmpty && connector.sent === NO_AGGREGATE) this.connectors.delete(keyOf(connector));
      if (isLease(acknowledged.mask) && isLease(connector.sent.mask) && !this.leases.has(connector)) {
        this.leases.set(connector, {
          since: moment,
          excludes: Excludes.compileThose(acknowledged.excludes).excludes,
        });
      }
      if (sameAggregate(acknowledged, connector.aggregate())) connector.settle();
    }
    if (generation > this.superblock.generation) this.superblock.generation = generation;
    this.superblock.aggregated = aggregate([...this.connectors.values()].map((one) => one.inForce.mask));
  }

  /** The agent refused the update: its objects are as they were, unless a later one has changed them. */
  refuse(update: MarksUpdate, error: Error): void {
    if (update.fixed.generation < this.generation) {
      // Repeated after a drop, behind a later one that was done before it. Then all is told again.
      this.forgotten();
      return;
    }
    for (const { connector, aggregate: refused } of update.changes) {
      if (connector.sent !== refused) continue;
      connector.sent = connector.inForce;
      connector.settle(error);
      if (connector.isEmpty) this.connectors.delete(keyOf(connector));
    }
  }

  /** The agent knows no mark of ours any more: the next update tells all of them. */
  forgotten(): void {
    this.leases.clear();
    this.reset = true;
    this.superblock.generation = 0n;
    this.superblock.aggregated = NO_EVENTS;
    for (const connector of [...this.connectors.values()]) {
      connector.sent = NO_AGGREGATE;
      connector.inForce = NO_AGGREGATE;
      connector.generation = 0n;
      if (connector.isEmpty) this.connectors.delete(keyOf(connector));
      else this.changed.add(connector);
    }
  }

  /** The superblock is gone: nobody waits for its acknowledgement any more. */
  end(): void {
    this.leases.clear();
    for (const connector of this.connectors.values()) connector.settle();
    this.connectors.clear();
    this.changed.clear();
  }
}

function updateOf(connector: Connector, next: Aggregate): MarkUpdate {
  return {
    path: bytesOf(connector.path),
    mask: next.mask,
    flags: next.flags | (connector.subtree ? MARK_SUBTREE : 0),
    excludes: next.excludes,
  };
}

/**
 * A directory's own attributes change with its entries, so the watch of its parent does not vouch for them, and where
 * something below it is excluded no watch does.
 */
function vouches(connector: Connector, lease: Lease, path: string, subject: Subject): boolean {
  const below = subject === 'directory' || subject === 'names';
  if (!connector.subtree && below && connector.path !== path) return false;
  const relative = connector.path === '' ? path : path.slice(connector.path.length + 1);
  return below ? !lease.excludes.matchBelow(relative) : !lease.excludes.match(relative);
}

function key(path: string, subtree: boolean): string {
  return subtree ? `${path}/` : path;
}

function keyOf(connector: Connector): string {
  return key(connector.path, connector.subtree);
}

/** The directory of a path that is relative to a superblock's root. */
function relativeParent(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}
