/**
 * When a request began, and when its reply was taken in. What is cached from the reply carries it as its stamp, so it lives as
 * long as anything that came with that reply. `Invalidations.begin` makes it before the request leaves, and `end` sets its time
 * when the reply was taken in; from then on it does not change. `settled` makes one for what needs no reply.
 */
export interface Stamp {
  /** On the clock of Invalidations: everything invalidated later than this outranks the reply. */
  readonly start: number;
  /** Milliseconds on the local clock: the reply, and until it is there the request. */
  at: number;
  /** When the reply was taken in, on the clock of `start`; undefined: it is still under way. */
  end?: number;
  /** It travelled in one frame behind a watch: covered by the lease that began at this moment, and by no other so new. */
  under?: number;
}

/**
 * The stamp of what two replies agree on. One that travelled with a watch is not weakened by one that was asked for
 * before that watch was in force, only because it came later.
 */
export function stronger(known: Stamp, next: Stamp): Stamp {
  return known.under !== undefined && next.start < known.under ? known : next;
}

/**
 * Both requests were under way at the same time: which of them the host answered first is not known, so where they
 * disagree neither is vouched for.
 */
export function overlap(known: Stamp, next: Stamp): boolean {
  // What is settled outranks whatever was under way.
  if (known === next || next.end !== undefined) return false;
  return known.end === undefined || known.end > next.start;
}

/** Paths remembered at most; beyond, every reply under way counts as crossed. */
const REMEMBERED_MAX = 4096;

/**
 * Attribute versions (fc->attr_version of fs/fuse/inode.c), by path: a reply to a request that began before an
 * invalidation must not bring back what was invalidated. Only what requests under way could collide with is kept.
 */
export class Invalidations {
  private clock = 0;
  /** Requests under way, oldest first. */
  private readonly underWay = new Set<Stamp>();
  private readonly exact = new Map<string, number>();
  private readonly subtrees = new Map<string, number>();
  /** Whatever began before this is crossed. */
  private floor = 0;

  /** A moment of its own: later than everything before. */
  moment(): number {
    return ++this.clock;
  }

  begin(nowMs: number): Stamp {
    const stamp: Stamp = { start: ++this.clock, at: nowMs };
    this.underWay.add(stamp);
    return stamp;
  }

  /**
   * The stamp of what is known for certain now: an own change that was just acknowledged. Replies still under way may
   * not bring back what was before it, so invalidate its path first.
   */
  settled(nowMs: number): Stamp {
    const now = ++this.clock;
    return { start: now, at: nowMs, end: now };
  }

  /** The reply was taken in, or there is none. */
  end(stamp: Stamp, nowMs: number): void {
    stamp.at = nowMs;
    stamp.end = ++this.clock;
    this.underWay.delete(stamp);
    if (this.underWay.size > 0) return;
    this.exact.clear();
    this.subtrees.clear();
  }

  /** What is known of the path (with `subtree`: and of all below it) is not so any more. */
  invalidate(path: string, subtree: boolean): void {
    const now = ++this.clock;
    if (this.underWay.size === 0) return;
    const map = subtree ? this.subtrees : this.exact;
    map.delete(path);
    map.set(path, now);
    if (map.size > REMEMBERED_MAX) this.prune(map);
  }

  /** The path was invalidated since the request began: its reply may be used, but not kept. */
  crossed(stamp: Stamp, path: string): boolean {
    if ((this.exact.get(path) ?? 0) > stamp.start) return true;
    return (this.subtrees.get(path) ?? 0) > stamp.start || this.crossedAbove(stamp, path);
  }

  /** A tree that holds the path was invalidated since the request began. */
  crossedAbove(stamp: Stamp, path: string): boolean {
    if (stamp.start <= this.floor) return true;
    if (this.subtrees.size === 0) return false;
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      if ((this.subtrees.get(path.slice(0, end)) ?? 0) > stamp.start) return true;
    }
    return (this.subtrees.get('/') ?? 0) > stamp.start;
  }

  private prune(map: Map<string, number>): void {
    const [oldest] = this.underWay;
    for (const [path, at] of map) {
      if (oldest !== undefined && at > oldest.start) break;
      map.delete(path);
    }
    if (map.size <= REMEMBERED_MAX) return;
    map.clear();
    this.floor = this.clock;
  }
}
