import type { Disposable } from '../../base/dispose';
import { onDispose } from '../../base/dispose';
import { decodeEvents, type FsEvent } from '../../protocol/events';
import type { SuperblockId } from '../../protocol/brand';
import { EVENT_PUBLISHED, type Version } from '../../protocol/livemount';
import type { ClientCore } from '../state';
import { sameVersion, trim } from './ownChanges';
import { changeOf, type PlacedChange } from './change';
import { isSymlink } from '../tree/inodes';
import { baseOf, isWithin, parentOf, type RemotePath } from '../../protocol/paths';
import { versionOf } from '../ops/stat';
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

/**
 * Takes in the host's events: first the caches lose what is not so any more, then the groups are told. Own writes are
 * known by the version they left; events of a file that is being saved wait for the reply that says which that is.
 */
export class Events {
  private readonly held = new Map<string, { count: number; waiting: [SuperblockId, FsEvent][] }>();
  private readonly last = new Map<RemotePath, PlacedChange>();
  /** The last event of a path that the agent told of itself, where the host's own is to come. */
  private readonly published = new Map<string, { readonly kind: ChangeKind; readonly version: Version }>();
  /** From the host's event to here. */
  readonly delay = new SmoothedTime();

  /** Sees every event in the host's order, whosever it is; `change` says it with paths of the whole tree. For a mount. */
  observer: ((superblock: Superblock, event: FsEvent, change: PlacedChange) => void) | undefined;

  constructor(private readonly core: ClientCore) {}

  /** A FSNOTIFY notification. */
  take(body: Buffer): void {
    const { sb, events } = decodeEvents(body);
    this.core.superblocks.get(sb)?.count(events.length, performance.now());
    this.takeAll(sb, events);
    const newest = events.at(-1);
    if (newest === undefined) return;
    this.core.session.caughtUp(sb, newest.seq);
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
    const superblock = this.core.superblocks.get(sb);
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
        this.invalidate(event, change);
        continue;
      }
      const earlier = ofContent ? [] : this.heldWithin(change);
      if (earlier.length > 0) {
        this.core.fsnotify.dispatch(superblock, judged);
        judged = [];
        for (const [where, held] of earlier) this.takeAll(where, [held], false);
      }
      const whose = this.judge(superblock, event, change);
      this.observer?.(superblock, event, change);
      if (whose === 'echo') continue;
      this.remember(change);
      judged.push({ event, own: whose === 'own' });
    }
    this.core.fsnotify.dispatch(superblock, judged);
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
    const { core } = this;
    const path = change.to ?? change.path;
    const saved = OF_A_SAVE.has(change.kind) && core.echoes.wroteThis(path, event.version);
    const made = saved && change.kind === 'create' && core.echoes.isNews(path);
    if (saved && !made) {
      // A file that another one is renamed to may look made. Where somebody else had made it, the name is news here.
      if (change.kind === 'create') this.invalidate(event, change);
      return 'echo';
    }
    this.invalidate(event, change);
    if (change.kind === 'overflow') superblock.overflows++;
    if (this.isToldAgain(event, change)) return 'echo';
    const own = made || core.echoes.take(change.kind, change.path);
    if (change.kind === 'create' || change.kind === 'rename') core.echoes.told(path);
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
    trim(this.published, LAST_MAX);
    return false;
  }

  /** Exactly what the event is about: its neighbours stay. */
  private invalidate(event: FsEvent, change: PlacedChange): void {
    const { core } = this;
    const { path, to } = change;
    this.directories(parentOf(path), change.kind !== 'delete');
    switch (change.kind) {
      case 'modify':
        this.replaced(path, event);
        this.attributes(path);
        this.content(path);
        return;
      case 'attrib':
        this.attributes(path);
        return;
      case 'create':
        this.appeared(path, event);
        return;
      case 'rename':
        if (to !== undefined) this.appeared(to, event);
        this.vanished(path);
        return;
      case 'delete':
        this.vanished(path);
        return;
      default:
        core.drop(path);
        this.attributes(path);
    }
  }

  /**
   * The event tells of the directories above its path, too: where something happens there is no negative entry; and
   * where something is gone, a directory above it may be what went, unless its own watch says otherwise.
   */
  private directories(directory: RemotePath, areThere: boolean): void {
    const { core } = this;
    const known = core.tree.dentries.deepest(directory);
    if (known.inode === undefined) core.drop(known.path);
    if (areThere) return;
    for (let at = core.tree.dentries.at(directory); at?.parent !== undefined; at = at.parent) {
      if (core.fsnotify.watches(at.path)) return;
      at.crossed = true;
    }
  }

  /** A name stands for something new, unless it has been looked up since and is just that. */
  private appeared(path: RemotePath, event: FsEvent): void {
    const known = this.isKnown(path, event);
    this.entries(path, known);
    if (!known) this.core.drop(path);
  }

  private vanished(path: RemotePath): void {
    this.entries(path, !this.core.tree.dentries.at(path)?.inode);
    // The file's other names count one link less.
    const inode = this.core.tree.dentries.at(path)?.inode;
    if (inode !== undefined && inode.dentries.size > 1) inode.attr = undefined;
    this.core.drop(path);
  }

  private isKnown(path: RemotePath, event: FsEvent): boolean {
    const attr = this.core.tree.dentries.at(path)?.inode?.attr;
    return attr !== undefined && !attr.crossed && sameVersion(versionOf(attr.value), event.version);
  }

  /** Another inode has the name: the directory's own attributes have changed, too. */
  private replaced(path: RemotePath, event: FsEvent): void {
    const inode = this.core.tree.dentries.at(path)?.inode;
    if (inode?.attr?.value.ino !== event.version.ino) this.attributes(parentOf(path));
    // A link is not written to: it is another one, which may lead elsewhere.
    if (inode !== undefined && isSymlink(inode)) this.core.drop(path);
  }

  private attributes(path: RemotePath): void {
    this.core.invalidations.invalidate(path, false);
    const inode = this.core.tree.dentries.at(path)?.inode;
    if (inode !== undefined) inode.attr = undefined;
  }

  private content(path: RemotePath): void {
    const inode = this.core.tree.dentries.at(path)?.inode;
    if (inode !== undefined) this.core.contents.doubt(inode);
  }

  /**
   * A directory got or lost a name: its own attributes are old. So is its listing, unless it was read since and agrees
   * with the event (`known`: what it says of the name is).
   */
  private entries(path: RemotePath, known: boolean): void {
    const directory = parentOf(path);
    const dentry = this.core.tree.dentries.at(directory);
    const there = this.core.tree.dentries.at(path)?.inode !== undefined;
    const agrees = known && dentry?.listing !== undefined && dentry.listing.names.has(baseOf(path)) === there;
    if (dentry !== undefined && !agrees) dentry.listing = undefined;
    this.attributes(directory);
  }

  private remember(change: PlacedChange): void {
    this.last.delete(change.path);
    this.last.set(change.path, change);
    trim(this.last, LAST_MAX);
  }
}
