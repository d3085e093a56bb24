import { BoundedMap } from '../../base/boundedMap';
import { type Disposable, onDispose } from '../../base/dispose';
import { Errno, ErrnoError } from '../../protocol/errno';
import { In } from '../../protocol/mask';
import type { HostMount } from '../../server/host/hostFs';
import type { Armed, BackendSession, EventSink } from '../../server/watch/arming/backend';
import { LOOK } from '../../server/watch/eventBits';
import { type BytePath, fromBytes, nameOf, parentOf, ROOT_PATH } from '../../server/watch/bytePath';
import type { Place } from '../../server/watch/shadow/pendingEvents';
import type { DirNode } from '../../server/watch/shadow/tree';
import type { DescriptorReserve } from '../libc/descriptorReserve';
import {
  Fan,
  type FanEvent,
  FanInit,
  FanMark,
  type FanObject,
  fanotifyInit,
  fanotifyMark,
  parseFanotify,
} from '../libc/fanotify';
import { close, openat } from '../libc/files';
import { AT_FDCWD, O } from '../libc/flags';
import { handleOfFd, openByHandle } from '../libc/handles';
import { cString } from '../libc/libc';
import { runSync } from '../libc/op';
import { fsid } from '../libc/statx';
import type { LocalLister } from './localLister';
import { BackendLost } from './backendLost';
import { HandlePaths, inoOfHandle } from './handlePaths';
import { isDead } from './mountHealth';
import { MarkedFilesystem, type MountSession } from './markedFilesystem';
import type { OpenSource, Source } from './source';

/** With the target's handle in it, only records of one inode merge, so that "made, deleted" keeps its order. */
const GROUP =
  FanInit.CLOEXEC |
  FanInit.NONBLOCK |
  FanInit.UNLIMITED_MARKS |
  FanInit.REPORT_FID |
  FanInit.REPORT_DIR_FID |
  FanInit.REPORT_NAME |
  FanInit.REPORT_TARGET_FID;
const CHANGES = Fan.CREATE | Fan.DELETE | Fan.MODIFY | Fan.ATTRIB | Fan.CLOSE_WRITE | Fan.RENAME | Fan.ONDIR;
/** The bits of a record that are inotify's, and mean the same. */
const HINTS = In.CREATE | In.DELETE | In.MODIFY | In.ATTRIB | In.CLOSE_WRITE | In.ISDIR;
/** The name a record has for the directory itself. */
const ITSELF = '.' as BytePath;
/** Directories remembered by handle, per superblock. */
const REMEMBERED_HANDLES = 65_536;
/** Times in a row that looking for a directory may fail. Each costs a comparison of the whole tree. */
const FAILURES_MAX = 8;
/** Filesystems remembered that can't be watched so any more. */
const LOST_FILESYSTEMS = 1024;

type Marked = MarkedFilesystem<FanotifySession>;

/** One fanotify group for all superblocks that can be marked whole. Needs CAP_SYS_ADMIN. (fanotify(7)) */
export class FanotifyQueue implements Disposable {
  private readonly fd: number;
  private readonly source: Source;
  /** By fsid. */
  private readonly filesystems = new Map<string, Marked>();
  /** Filesystems, by fsid, of which directories could not be found by their handles: they are watched in another way. */
  private readonly lost = new BoundedMap<string, BackendLost>(LOST_FILESYSTEMS);
  /** The record before was the rename of a file. */
  private lastRename: { readonly pid: number; readonly sessions: ReadonlySet<FanotifySession> } | undefined;
  private disposed = false;

  /**
   * EPERM without the capability, EINVAL where the kernel is too old (5.17), EMFILE. `failed`: it can't be read any more,
   * and is of no use.
   */
  constructor(
    openSource: OpenSource,
    private readonly failed: (why: BackendLost) => void,
    boundedQueue = false,
  ) {
    const group = boundedQueue ? GROUP : GROUP | FanInit.UNLIMITED_QUEUE;
    this.fd = runSync(fanotifyInit(group, O.CLOEXEC | O.LARGEFILE));
    this.source = openSource(
      this.fd,
      (bytes) => this.decode(bytes),
      (errno) => this.ended(errno),
    );
  }

  /** Marks a superblock. EOPNOTSUPP, ENODEV, EXDEV, EPERM: this filesystem can't be watched this way. */
  open(mount: HostMount, sink: EventSink, lister: LocalLister, reserve: DescriptorReserve): BackendSession {
    const fsid = identify(mount.mountpoint);
    const lost = this.lost.get(fsid);
    if (lost !== undefined) throw lost;
    this.mark(FanMark.ADD, mount.mountpoint);
    const session = new FanotifySession(this, mount, fsid, sink, lister, reserve);
    let filesystem = this.filesystems.get(fsid);
    if (filesystem === undefined) {
      filesystem = new MarkedFilesystem();
      this.filesystems.set(fsid, filesystem);
    }
    filesystem.add(session);
    return session;
  }

  /** Several mounts share a filesystem's mark: it goes with the last of them. */
  closed(session: FanotifySession): void {
    const filesystem = this.filesystems.get(session.fsid);
    filesystem?.remove(session);
    if (!filesystem?.isUnused || this.disposed) return;
    this.filesystems.delete(session.fsid);
    try {
      // After an unmount the mark is gone, and what lies beneath stands there: its own mark must stay.
      if (identify(session.mount.mountpoint) !== session.fsid) return;
      this.mark(FanMark.REMOVE, session.mount.mountpoint);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
    }
  }

  /** Resolves when every record queued before the call has been taken apart. */
  async sync(): Promise<void> {
    if (!this.disposed) await this.source.drain();
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.source.dispose();
  }

  private mark(action: number, mountpoint: Buffer): void {
    const path = cString(mountpoint);
    const flags = action | FanMark.FILESYSTEM;
    try {
      runSync(fanotifyMark(this.fd, flags, CHANGES | Fan.FS_ERROR, AT_FDCWD, path));
    } catch (error) {
      if (!(error instanceof ErrnoError) || error.errno !== Errno.EINVAL) throw error;
      runSync(fanotifyMark(this.fd, flags, CHANGES, AT_FDCWD, path));
    }
  }

  /** The kernel has closed the group or somebody else did: its marks are gone, and whoever relies on them is told. */
  private ended(errno: number): void {
    if (this.disposed) return;
    this.disposed = true;
    this.failed(BackendLost.unreadable(errno));
    for (const session of [...this.allSessions()]) session.sink.deaf();
  }

  private decode(bytes: Buffer): void {
    const failed = new Set<Marked>();
    try {
      for (const event of parseFanotify(bytes)) this.event(event, failed);
    } catch (error) {
      // What the rest of the records said is lost: everybody compares.
      for (const session of this.allSessions()) session.sink.overflow();
      if (!(error instanceof ErrnoError)) throw error;
    } finally {
      for (const session of this.allSessions()) session.release();
    }
    for (const filesystem of failed) this.misread(filesystem);
  }

  /**
   * In a batch of records of this filesystem a directory could not be looked for: everybody compares. Where that happens
   * batch after batch, comparing would never end, so that the filesystem is to be watched in another way.
   */
  private misread(filesystem: Marked): void {
    const sessions = [...filesystem];
    if (sessions.every(({ paths }) => paths.failures < FAILURES_MAX)) {
      for (const session of sessions) session.sink.overflow();
      return;
    }
    const reason = 'folders could not be found by what the kernel calls them';
    for (const { fsid } of sessions) this.lost.set(fsid, new BackendLost(Errno.EOPNOTSUPP, reason));
    for (const session of sessions) session.sink.deaf();
  }

  private event(event: FanEvent, failed: Set<Marked>): void {
    if ((event.mask & Fan.Q_OVERFLOW) !== 0n) {
      for (const session of this.allSessions()) session.sink.overflow();
      return;
    }
    const { lastRename } = this;
    this.lastRename = undefined;
    const where = event.directory ?? event.from ?? event.to;
    if (where === undefined && event.error === undefined) {
      // Its link count: the file that the rename before replaced has lost a name. (fsnotify_move, linux/fsnotify.h)
      if (lastRename?.pid === event.pid && (event.mask & Fan.ATTRIB) !== 0n)
        for (const session of lastRename.sessions) session.replaced();
      return;
    }
    const filesystem = this.filesystems.get((where ?? event.self)?.fsid.toString('latin1') ?? '');
    if (filesystem === undefined) return;
    if (event.error !== undefined || where === undefined) {
      for (const session of filesystem) session.event(event);
      return;
    }
    if (failed.has(filesystem)) return;
    try {
      this.happened(event, filesystem, where);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      failed.add(filesystem);
    }
  }

  /** ErrnoError: a directory can't be looked for, for want of a descriptor for example. */
  private happened(event: FanEvent, filesystem: Marked, where: FanObject): void {
    const sessions = new Set(filesystem.showing(keyOf(where), where.handle));
    if (event.from !== undefined && event.to !== undefined) {
      for (const session of filesystem.showing(keyOf(event.to), event.to.handle)) sessions.add(session);
      if ((event.mask & Fan.ONDIR) !== 0n) filesystem.moved();
      else this.lastRename = { pid: event.pid, sessions };
    }
    for (const session of sessions) session.event(event);
  }

  private *allSessions(): Generator<FanotifySession> {
    for (const filesystem of this.filesystems.values()) yield* filesystem;
  }
}

/** One superblock of the group. */
class FanotifySession implements BackendSession, MountSession {
  readonly name = 'fanotify';
  readonly watchesAll = true;
  readonly watches = 1;
  readonly room = Number.POSITIVE_INFINITY;
  readonly reserve = 0;
  /** null: of no interest. */
  private readonly nodes = new BoundedMap<string, DirNode | null>(REMEMBERED_HANDLES);
  /** Directories, by handle, that are of no interest to their parent either. */
  private readonly ignored = new BoundedMap<string, true>(REMEMBERED_HANDLES);
  /** Where the last rename led. */
  private target: Place | null | undefined;
  readonly paths: HandlePaths;
  private readonly closing = onDispose(() => this.queue.closed(this));

  constructor(
    private readonly queue: FanotifyQueue,
    readonly mount: HostMount,
    readonly fsid: string,
    readonly sink: EventSink,
    lister: LocalLister,
    reserve: DescriptorReserve,
  ) {
    this.paths = new HandlePaths(mount.mountpoint, lister, reserve);
  }

  arm(): Armed {
    return 'armed';
  }

  disarm(): void {}

  /** What was of no interest may be now. */
  retargeted(): void {
    for (const [key, node] of this.nodes) if (node === null) this.nodes.delete(key);
    this.ignored.clear();
  }

  sync(): Promise<void> {
    return this.queue.sync();
  }

  dispose(): void {
    this.release();
    this.closing.dispose();
  }

  knows(key: string): boolean {
    return this.nodes.has(key);
  }

  release(): void {
    this.paths.end();
  }

  event(event: FanEvent): void {
    if (event.error !== undefined) {
      const { errno, count } = event.error;
      const ino = event.self === undefined ? 0n : inoOfHandle(event.self.handle);
      this.sink.fsError({ errno, count, ino, path: undefined, died: isDead(this.mount.mountId) });
      return;
    }
    const bits = Number(event.mask & 0xffff_ffffn) & HINTS;
    const isDir = (bits & In.ISDIR) !== 0;
    if (event.from !== undefined && event.to !== undefined) this.renamed(event.from, event.to, isDir);
    else if (event.directory?.name !== undefined) this.named(event.directory, event.directory.name, bits);
  }

  private named(directory: FanObject, bytes: Buffer, bits: number): void {
    const name = fromBytes(bytes);
    const node = this.nodeOf(directory);
    if (node === null) {
      if (name === ITSELF) this.itself(directory, bits);
      return;
    }
    const place = node && placeIn(node, name);
    if (place !== undefined) this.sink.touch(place.node, place.name, bits);
    else if (node === undefined) this.later(directory, name, bits);
  }

  /** A directory changed whose entries are of no interest: it may be one itself, as an entry of its parent. */
  private itself(directory: FanObject, bits: number): void {
    const key = keyOf(directory);
    if (this.ignored.has(key)) return;
    const place = this.placeOf(directory);
    if (place === undefined || place.path === ROOT_PATH) return;
    const parent = this.sink.nodeAt(parentOf(place.path));
    if (parent) this.sink.touch(parent, nameOf(place.path), bits);
    else if (parent === null) {
      this.ignored.set(key, true);
    } else {
      const { path } = place;
      this.sink.touchLater({
        resolve: () => {
          const node = this.sink.nodeAt(parentOf(path));
          return node ? { node, name: nameOf(path) } : undefined;
        },
        bits,
      });
    }
  }

  private renamed(from: FanObject, to: FanObject, isDir: boolean): void {
    if (from.name === undefined || to.name === undefined) return;
    const fromName = fromBytes(from.name);
    const toName = fromBytes(to.name);
    const source = this.nodeOf(from);
    const target = this.nodeOf(to);
    const kind = isDir ? In.ISDIR : 0;
    this.target = target && { node: target, name: toName };
    if (source && target) this.sink.renamed(source, fromName, target, toName, isDir);
    else {
      if (source) this.sink.touch(source, fromName, In.MOVED_FROM | kind);
      else if (source === undefined) this.later(from, fromName, In.MOVED_FROM | kind);
      if (target) this.sink.touch(target, toName, In.MOVED_TO | kind);
      else if (target === undefined) this.later(to, toName, In.MOVED_TO | kind);
    }
    // Directories that were of no interest may have come to where they are.
    if (isDir && target !== null) this.retargeted();
  }

  /** null: of no interest, or gone; undefined: the shadow has yet to learn of it. */
  private nodeOf(object: FanObject, finish = false): DirNode | null | undefined {
    const key = keyOf(object);
    const known = this.nodes.get(key);
    if (known === null || known?.isAttached) return known;
    const place = this.placeOf(object);
    const node = place === undefined ? null : this.sink.nodeAt(place.path, finish ? undefined : place.ino);
    if (node === undefined) return undefined;
    this.nodes.set(key, node);
    return node;
  }

  /** Undefined: it is gone, or not to be seen here. ErrnoError: nobody can say, and nothing is remembered of it. */
  private placeOf({ handle }: FanObject): { path: BytePath; ino: number } | undefined {
    const place = this.paths.placeOf(handle);
    if (place === undefined || 'path' in place) return place;
    this.sink.unseen(place.tooDeepBelow);
    return undefined;
  }

  /** There was a file under the new name of the last rename. */
  replaced(): void {
    if (this.target) this.sink.touch(this.target.node, this.target.name, In.DELETE | LOOK);
  }

  private later({ fsid, handle }: FanObject, name: BytePath, bits: number): void {
    const object = { fsid, handle: { type: handle.type, bytes: Buffer.from(handle.bytes) }, name: undefined };
    this.sink.touchLater({
      resolve: (finish) => {
        const node = this.found(object, finish);
        this.release();
        return node ? placeIn(node, name) : undefined;
      },
      bits,
    });
  }

  /** Where a directory can't be looked for, everybody compares. */
  private found(object: FanObject, finish: boolean): DirNode | null | undefined {
    try {
      return this.nodeOf(object, finish);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.sink.overflow();
      return null;
    }
  }
}

/** "." stands for the directory itself: its parent has the name. */
function placeIn(node: DirNode, name: BytePath): Place | undefined {
  if (name !== ITSELF) return { node, name };
  return node.parent && { node: node.parent, name: node.name };
}

function keyOf({ handle }: FanObject): string {
  return `${handle.type}:${handle.bytes.toString('latin1')}`;
}

/** The fsid of a mount, once opening by handle is known to work on it. */
function identify(mountpoint: Buffer): string {
  const fd = runSync(openat(AT_FDCWD, cString(mountpoint), O.RDONLY | O.DIRECTORY));
  try {
    const handle = runSync(handleOfFd(fd));
    if (handle === undefined) throw new ErrnoError('EOPNOTSUPP', 'name_to_handle_at');
    runSync(close(runSync(openByHandle(fd, handle, O.PATH))));
    return runSync(fsid(fd));
  } finally {
    runSync(close(fd));
  }
}
