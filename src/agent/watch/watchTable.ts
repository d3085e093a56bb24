import type { EventSink } from '../../server/watch/arming/backend';
import type { DirNode } from '../../server/watch/shadow/tree';

/** A directory that a watch descriptor stands for. */
export class Watcher {
  /** Another one of the same descriptor: mounted twice, or moved while it was scanned. */
  next: Watcher | undefined;

  constructor(
    readonly node: DirNode,
    readonly sink: EventSink,
  ) {}
}

/** What the watch descriptors of an inotify instance stand for: a hundred thousand of them, nearly all for one directory. */
export class WatchTable {
  private readonly first = new Map<number, Watcher>();

  has(wd: number): boolean {
    return this.first.has(wd);
  }

  /** The first one; the others follow by `next`. */
  of(wd: number): Watcher | undefined {
    return this.first.get(wd);
  }

  add(wd: number, watcher: Watcher): void {
    watcher.next = this.first.get(wd);
    this.first.set(wd, watcher);
  }

  /** Takes away those that `isMeant` says; gives how many they were. */
  remove(wd: number, isMeant: (watcher: Watcher) => boolean): number {
    let removed = 0;
    let kept: Watcher | undefined;
    for (let watcher = this.first.get(wd); watcher !== undefined; ) {
      const { next } = watcher;
      if (isMeant(watcher)) removed++;
      else {
        watcher.next = kept;
        kept = watcher;
      }
      watcher = next;
    }
    if (removed === 0 && kept === undefined) return 0;
    if (kept === undefined) this.first.delete(wd);
    else this.first.set(wd, kept);
    return removed;
  }

  get descriptors(): IterableIterator<number> {
    return this.first.keys();
  }

  count(sink: EventSink): number {
    let count = 0;
    for (const first of this.first.values())
      for (let watcher: Watcher | undefined = first; watcher !== undefined; watcher = watcher.next)
        if (watcher.sink === sink) count++;
    return count;
  }

  clear(): void {
    this.first.clear();
  }
}
