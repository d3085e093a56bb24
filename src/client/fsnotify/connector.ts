import type { Mask } from '../../protocol/brand';
import { MARK_SUBTREE, MARK_VISIBLE } from '../../protocol/livemount';
import { aggregate, NO_EVENTS } from '../../protocol/mask';
import type { Superblock } from '../superblocks/superblock';
import type { Group } from './group';

/** Ties a group to an object with a mask. */
export interface Mark {
  readonly group: Group;
  readonly mask: Mask;
  readonly visible: boolean;
  /** Globs relative to the object's path. */
  readonly excludes: readonly string[];
}

/** What the host is asked for: the OR over an object's marks. */
export interface Aggregate {
  readonly mask: Mask;
  /** MARK_* bits */
  readonly flags: number;
  readonly excludes: readonly string[];
}

export const NO_AGGREGATE: Aggregate = { mask: NO_EVENTS, flags: 0, excludes: [] };

export function sameAggregate(a: Aggregate, b: Aggregate): boolean {
  return (
    a.mask === b.mask &&
    a.flags === b.flags &&
    a.excludes.length === b.excludes.length &&
    a.excludes.every((pattern, i) => pattern === b.excludes[i])
  );
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** An object of a superblock, with the marks on it (fsnotify_mark_connector). */
export class Connector {
  private readonly marks = new Set<Mark>();
  private waiters: Waiter[] = [];
  /** What the agent was last told, and what it has acknowledged. */
  sent: Aggregate = NO_AGGREGATE;
  inForce: Aggregate = NO_AGGREGATE;
  /** Of the update that made it so. */
  generation = 0n;

  constructor(
    readonly superblock: Superblock,
    /** Below the superblock's root, without a leading '/'; '' is the root. */
    readonly path: string,
    readonly subtree: boolean,
  ) {}

  get isEmpty(): boolean {
    return this.marks.size === 0;
  }

  /** The agent has acknowledged what is asked for now. */
  get isAcknowledged(): boolean {
    return sameAggregate(this.inForce, this.aggregate());
  }

  /** A path (below the superblock's root) is the object, its child, or in its tree. */
  covers(path: string): boolean {
    if (path === this.path) return true;
    if (this.path !== '' && !path.startsWith(`${this.path}/`)) return false;
    return this.subtree || !path.slice(this.path === '' ? 0 : this.path.length + 1).includes('/');
  }

  get all(): Iterable<Mark> {
    return this.marks;
  }

  add(mark: Mark): void {
    this.marks.add(mark);
  }

  remove(mark: Mark): void {
    this.marks.delete(mark);
  }

  /** The aggregated mask; excluded is only what every mark excludes. */
  aggregate(): Aggregate {
    const marks = [...this.marks];
    const [first, ...others] = marks;
    if (first === undefined) return NO_AGGREGATE;
    const shared = first.excludes.filter((pattern) =>
      others.every((mark) => mark.excludes.includes(pattern)),
    );
    const visible = marks.some((mark) => mark.visible);
    return {
      mask: aggregate(marks.map((mark) => mark.mask)),
      flags: (this.subtree ? MARK_SUBTREE : 0) | (visible ? MARK_VISIBLE : 0),
      excludes: [...new Set(shared)].sort(),
    };
  }

  /** Settles when the agent has acknowledged what is asked for now. */
  acknowledged(): Promise<void> {
    if (this.isAcknowledged) return Promise.resolve();
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  settle(error?: Error): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
  }
}
