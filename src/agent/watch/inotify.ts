import type { Disposable } from '../../base/dispose';
import { Errno, ErrnoError } from '../../protocol/errno';
import { In } from '../../protocol/mask';
import type { Awaitable } from '../../server/host/hostFs';
import type { Armed, BackendSession, EventSink } from '../../server/watch/arming/backend';
import type { BytePath, AbsolutePath } from '../../server/watch/bytePath';
import { type DirNode, NO_WATCH } from '../../server/watch/shadow/tree';
import { decodeInotify, inotifyAddWatch, inotifyInit, inotifyRemoveWatch } from '../libc/inotify';
import { cString } from '../libc/libc';
import { runSync } from '../libc/op';
import type { Lane } from '../posix/lane';
import { BackendLost } from './backendLost';
import { PathBuffer } from './pathBuffer';
import type { OpenSource, Source } from './source';
import type { WatchBudget } from './watchBudget';
import { Watcher, WatchTable } from './watchTable';

/** What every watch of ours has besides the events asked for. */
const WATCH_FLAGS = In.ONLYDIR | In.DONT_FOLLOW | In.EXCL_UNLINK;

interface HeldMove {
  readonly node: DirNode;
  readonly sink: EventSink;
  readonly name: BytePath;
  readonly cookie: number;
  readonly isDir: boolean;
}

/** One inotify instance, shared by all superblocks that are watched this way: instances are as scarce as watches. */
export class InotifyQueue implements Disposable {
  private readonly fd: number;
  private readonly source: Source;
  private readonly watchers = new WatchTable();
  private readonly path = new PathBuffer();
  private readonly sinks = new Set<EventSink>();
  private disposed = false;
  /** IN_MOVED_FROM of the newest record, whose IN_MOVED_TO follows at once or not at all. */
  private held: HeldMove[] = [];

  /** EMFILE: no inotify instance is left for this user. `failed`: it can't be read any more, and is of no use. */
  constructor(
    openSource: OpenSource,
    readonly budget: WatchBudget,
    private readonly failed: (why: BackendLost) => void,
  ) {
    this.fd = runSync(inotifyInit());
    this.source = openSource(
      this.fd,
      (bytes) => this.decode(bytes),
      (errno) => this.ended(errno),
    );
  }

  /** `lane`: the superblock may not answer, so its paths are looked up there and not on this thread. */
  open(sink: EventSink, lane: Lane | undefined): BackendSession {
    this.sinks.add(sink);
    return new InotifySession(this, sink, lane);
  }

  arm(sink: EventSink, node: DirNode, path: AbsolutePath, mask: number): Armed {
    if (!this.isOpen(sink)) return 'gone';
    if (PathBuffer.isTooLong(path)) return 'refused';
    if (node.watch === NO_WATCH && !this.budget.take()) return 'full';
    const flags = (mask | WATCH_FLAGS) >>> 0;
    return this.armed(sink, node, runSync(inotifyAddWatch(this.fd, this.path.of(path), flags)));
  }

  /** The same from a thread, where looking up the path may take for ever. */
  async armSlowly(
    sink: EventSink,
    node: DirNode,
    path: AbsolutePath,
    mask: number,
    lane: Lane,
  ): Promise<Armed> {
    if (!this.isOpen(sink)) return 'gone';
    if (PathBuffer.isTooLong(path)) return 'refused';
    if (node.watch === NO_WATCH && !this.budget.take()) return 'full';
    const terminated = cString(Buffer.from(path, 'latin1'));
    const adding = lane.run(inotifyAddWatch(this.fd, terminated, (mask | WATCH_FLAGS) >>> 0), {
      background: true,
      // Where the kernel knows the directory already, its filesystem is not asked.
      provesNothing: true,
      discard: (wd) => this.unwanted(wd),
    });
    const wd = await adding.catch((error: unknown) => {
      if (error instanceof ErrnoError) return -error.errno;
      throw error;
    });
    return this.armed(sink, node, wd);
  }

  private unwatch(wd: number): void {
    runSync(inotifyRemoveWatch(this.fd, wd));
  }

  /** A watch that came when nobody waited for it any more. */
  private unwanted(wd: number): void {
    if (!this.disposed && !this.watchers.has(wd)) this.unwatch(wd);
  }

  /** A scan may still be under way when its superblock is closed; the descriptor may be somebody else's then. */
  private isOpen(sink: EventSink): boolean {
    return !this.disposed && this.sinks.has(sink);
  }

  /** Notes what inotify_add_watch(2) answered. */
  private armed(sink: EventSink, node: DirNode, wd: number): Armed {
    if (!this.isOpen(sink)) {
      if (wd >= 0) this.unwanted(wd);
      return 'gone';
    }
    if (wd < 0) {
      if (node.watch === NO_WATCH) this.budget.giveBack();
      return refusal(-wd);
    }
    if (node.watch === wd) return 'armed';
    const again = node.watch !== NO_WATCH;
    if (again) this.forget(sink, node);
    // The same inode by another path: a bind mount, or it moved while it was scanned and the other is stale.
    for (let other = this.watchers.of(wd); other !== undefined; other = other.next)
      if (other.sink === sink) sink.lost(other.node);
    this.watchers.add(wd, new Watcher(node, sink));
    node.watch = wd;
    if (again) this.budget.take();
    return 'armed';
  }

  disarm(sink: EventSink, node: DirNode): void {
    const wd = node.watch;
    if (wd === NO_WATCH || !this.isOpen(sink)) return;
    this.forget(sink, node);
    if (!this.watchers.has(wd)) this.unwatch(wd);
  }

  close(sink: EventSink): void {
    if (!this.sinks.delete(sink) || this.disposed) return;
    for (const wd of [...this.watchers.descriptors]) {
      const removed = this.watchers.remove(wd, (watcher) => watcher.sink === sink);
      for (let i = 0; i < removed; i++) this.budget.giveBack();
      if (removed > 0 && !this.watchers.has(wd)) this.unwatch(wd);
    }
  }

  /** Resolves when every event queued before the call has been decoded. */
  async sync(): Promise<void> {
    if (this.disposed) return;
    await this.source.drain();
    this.release();
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.source.dispose();
    this.watchers.clear();
  }

  /** The kernel has closed it or somebody else did: its watches are gone, and whoever relies on them is told. */
  private ended(errno: number): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const wd of [...this.watchers.descriptors])
      for (let left = this.watchers.remove(wd, () => true); left > 0; left--) this.budget.giveBack();
    this.held = [];
    this.failed(BackendLost.unreadable(errno));
    for (const sink of [...this.sinks]) sink.deaf();
  }

  private forget(sink: EventSink, node: DirNode): void {
    const wd = node.watch;
    node.watch = NO_WATCH;
    const removed = this.watchers.remove(wd, (watcher) => watcher.node === node && watcher.sink === sink);
    if (removed > 0) this.budget.giveBack();
  }

  private decode(bytes: Buffer): void {
    try {
      decodeInotify(bytes, (wd, mask, cookie, name) => {
        if ((mask & In.Q_OVERFLOW) !== 0) this.overflow();
        else if ((mask & In.IGNORED) !== 0) this.ignored(wd);
        else this.event(wd, mask, cookie, name as BytePath);
      });
    } catch (error) {
      // What the rest of the records said is lost: everybody compares.
      this.overflow();
      throw error;
    }
    // The other half of a move is queued right behind it, but not with it: it may be in the next read.
    if (this.held.length > 0) setImmediate(() => this.release());
  }

  private event(wd: number, mask: number, cookie: number, name: BytePath): void {
    if ((mask & In.MOVED_TO) === 0 || this.held[0]?.cookie !== cookie) this.release();
    const isDir = (mask & In.ISDIR) !== 0;
    for (let watcher = this.watchers.of(wd); watcher !== undefined; watcher = watcher.next) {
      const { node, sink } = watcher;
      if (name === '') {
        if ((mask & (In.DELETE_SELF | In.MOVE_SELF | In.UNMOUNT)) !== 0) sink.lost(node);
        continue;
      }
      if ((mask & In.MOVED_FROM) !== 0) this.held.push({ node, sink, name, cookie, isDir });
      else if ((mask & In.MOVED_TO) !== 0) this.arrived(node, sink, name, isDir);
      else sink.touch(node, name, mask);
    }
    if ((mask & In.MOVED_TO) !== 0) this.release();
  }

  private arrived(node: DirNode, sink: EventSink, name: BytePath, isDir: boolean): void {
    const index = this.held.findIndex((held) => held.sink === sink);
    const held = this.held[index];
    if (held === undefined) {
      sink.touch(node, name, In.MOVED_TO | (isDir ? In.ISDIR : 0));
      return;
    }
    this.held.splice(index, 1);
    sink.renamed(held.node, held.name, node, name, isDir);
  }

  /** Moves whose other half isn't coming went out of what is watched. */
  private release(): void {
    if (this.held.length === 0) return;
    for (const { sink, node, name, isDir } of this.held.splice(0)) {
      sink.touch(node, name, In.MOVED_FROM | (isDir ? In.ISDIR : 0));
    }
  }

  private overflow(): void {
    this.release();
    for (const sink of this.sinks) sink.overflow();
  }

  /** The kernel took a watch away: its directory is gone, or we did it ourselves. */
  private ignored(wd: number): void {
    const lost: Watcher[] = [];
    for (let watcher = this.watchers.of(wd); watcher !== undefined; watcher = watcher.next)
      lost.push(watcher);
    for (const { node, sink } of lost) {
      this.forget(sink, node);
      sink.lost(node);
    }
  }

  count(sink: EventSink): number {
    return this.watchers.count(sink);
  }
}

function refusal(errno: number): Armed {
  if (errno === Errno.ENOENT || errno === Errno.ENOTDIR || errno === Errno.ESTALE) return 'gone';
  return errno === Errno.ENOSPC || errno === Errno.ENOMEM ? 'full' : 'refused';
}

class InotifySession implements BackendSession {
  readonly name = 'inotify';
  readonly watchesAll = false;

  constructor(
    private readonly queue: InotifyQueue,
    private readonly sink: EventSink,
    private readonly lane: Lane | undefined,
  ) {}

  get watches(): number {
    return this.queue.count(this.sink);
  }

  get room(): number {
    return this.queue.budget.left;
  }

  get reserve(): number {
    return this.queue.budget.reserve;
  }

  arm(node: DirNode, path: AbsolutePath, mask: number): Awaitable<Armed> {
    if (this.lane !== undefined) return this.queue.armSlowly(this.sink, node, path, mask, this.lane);
    return this.queue.arm(this.sink, node, path, mask);
  }

  disarm(node: DirNode): void {
    this.queue.disarm(this.sink, node);
  }

  retargeted(): void {}

  sync(): Promise<void> {
    return this.queue.sync();
  }

  dispose(): void {
    this.queue.close(this.sink);
  }
}
