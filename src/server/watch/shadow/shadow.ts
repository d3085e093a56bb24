import { EVENT_COMPARED, EVENT_PUBLISHED } from '../../../protocol/livemount';
import { In } from '../../../protocol/mask';
import type { Armed, Seen, Lister } from '../arming/backend';
import { flagsOf, GONE, LOOK, MADE, PUBLISHED, WRITTEN } from '../arming/eventBits';
import { absolute, type BytePath, joined, nameOf, parentOf, ROOT_PATH } from '../bytePath';
import { type Change, Kind } from '../change';
import type { Coverage } from '../arming/coverage';
import { DT, type EntryCode, entryCode, inoOf, NO_INO, typeOf, typeOfMode } from './entries';
import type { Poller } from './poller';
import {
  type First,
  firstOf,
  PendingEvents,
  type Late,
  type Renamed,
  type Touch,
} from '../arming/pendingEvents';
import { Scanner } from './scanner';
import { RecentStamps } from './stamps';
import { DirNode, forwarded, isDirectory } from './tree';
import { UnverifiedDirectories } from './unverified';
import { UNSEEN, unseen, UnwatchedDirectories } from './unwatched';

/** Where a directory is, and whether everything in it is of interest. */
interface Standing {
  readonly path: BytePath;
  readonly everything: boolean;
}

/** A rename that may be told as one. */
interface Move {
  readonly hint: Renamed;
  readonly from: DirNode;
  readonly to: DirNode;
  readonly path: BytePath;
  readonly path2: BytePath;
  /** What the shadow has under its old name. */
  readonly before: EntryCode;
}

/** A storm touches some hundred directories at a time. */
const KEPT_STANDINGS = 4096;

/** What a shadow needs around it. */
export interface ShadowHost {
  readonly fs: Lister;
  /** Where the superblock is mounted. */
  readonly base: BytePath;
  readonly coverage: Coverage;
  /** Every directory is heard without being armed or listed. */
  readonly watchesAll: boolean;
  arm(node: DirNode, path: BytePath): Armed | Promise<Armed>;
  disarm(node: DirNode): void;
  /** A directory of which nothing was to be seen is seen again. */
  seenAgain(node: DirNode): void;
  /** The superblock shows a single file. */
  isFile(): void;
  readonly poller: Pick<Poller, 'learn' | 'add'>;
  /** Everything that happened up to then (ns since the epoch) is in the shadow. */
  readonly knownUpToNs: bigint;
  /** Another mount stands on this path, so what is seen there is not ours. */
  isCovered(path: BytePath): boolean;
  tell(change: Change): void;
  /** Resolves soon, after what else waits for the event loop; undefined: there is still time. */
  yieldIfDue(): Promise<void> | undefined;
}

/**
 * The shadow of one superblock: the directories of interest as our events have told them. A hint makes it look; only
 * the difference between the shadow and what is there becomes an event, and the shadow takes that step. So whatever
 * the hints were (merged, late, twice, of a directory that has moved on), whoever follows the events has the shadow,
 * and when the hints are settled the shadow is what is there.
 *
 * Its methods must not run at the same time (SuperblockWatch sees to that); hints may come at any time.
 */
export class Shadow {
  readonly root = new DirNode(undefined, ROOT_PATH);
  private pendingEvents = new PendingEvents();
  private batch = new PendingEvents();
  readonly unverified = new UnverifiedDirectories();
  readonly unwatched = new UnwatchedDirectories();
  /** Names heard of that nobody was under any more, though nobody had said they went. */
  private ambiguous: Touch[] = [];
  /** Names in directories that the shadow doesn't know yet. */
  private unplaced: Late[] = [];
  /** Directories looked at by path since the host was last known to be quiet: a move that was not known then misled us. */
  private readonly looked = new Set<DirNode>();
  /** Those of them where a file that was known was looked at: its version may have been another one's. */
  private readonly lookedAtFiles = new Set<DirNode>();
  /** Directories told as made since then, by inode: one that was told of before its move was is known twice. */
  readonly appeared = new Map<number, DirNode>();
  readonly stamps = new RecentStamps();
  /** Directories whose place is known, until one moves or goes. */
  private readonly standings = new Map<DirNode, Standing>();
  readonly scanner: Scanner;

  constructor(readonly host: ShadowHost) {
    this.scanner = new Scanner(this);
  }

  touch(node: DirNode, name: BytePath, bits: number): void {
    this.pendingEvents.touch(node, name, bits);
  }

  renamed(from: DirNode, fromName: BytePath, to: DirNode, toName: BytePath, isDir: boolean): void {
    this.pendingEvents.renamed(from, fromName, to, toName, isDir);
  }

  touchLater(late: Late): void {
    this.pendingEvents.late.push(late);
  }

  get pending(): number {
    return this.pendingEvents.size;
  }

  /**
   * Looks at everything hinted at, and tells what it finds: renames first, in their order, so that what happened in a
   * directory before it moved is told under its new name; then the names, where they are now.
   */
  async settle(): Promise<void> {
    while (this.pendingEvents.size > 0) {
      this.batch = this.pendingEvents;
      this.pendingEvents = new PendingEvents();
      if (this.batch.speaksOfDirectories) this.standings.clear();
      for (const rename of this.batch.renames) {
        const settling = this.settleRename(rename);
        if (settling !== undefined) await settling;
      }
      for (const touch of this.batch.touches) {
        const settling = touch.done ? undefined : this.settleTouch(touch);
        if (settling !== undefined) await settling;
        const pause = this.host.yieldIfDue();
        if (pause !== undefined) await pause;
      }
      this.unplaced.push(...this.batch.late);
      this.batch = new PendingEvents();
      await this.solve(false);
    }
  }

  /** Looks again at what was a puzzle; `finish`: who isn't there now is gone. */
  async solve(finish: boolean): Promise<boolean> {
    const ambiguous = this.ambiguous;
    this.ambiguous = [];
    for (const { node: at, name, bits, first } of ambiguous) {
      const node = forwarded(at);
      if (node.isAttached) await this.look(node, name, finish ? bits | In.DELETE : bits, first);
    }
    const { unplaced } = this;
    this.unplaced = [];
    for (const late of unplaced) {
      const place = late.resolve(finish);
      if (place !== undefined) await this.look(place.node, place.name, late.bits, firstOf(late.bits));
      else if (!finish) this.unplaced.push(late);
    }
    return ambiguous.length + unplaced.length > 0;
  }

  /** What is of interest changed. */
  retargeted(): void {
    this.standings.clear();
  }

  /** The host is quiet, and was since before the last look: what was seen by path was right. */
  quiet(): void {
    for (const node of this.looked) if (node.entries?.isUnpacked) node.entries.pack();
    this.looked.clear();
    this.lookedAtFiles.clear();
    this.appeared.clear();
  }

  private settleTouch(touch: Touch): Promise<void> | undefined {
    const node = forwarded(touch.node);
    if (!this.standings.has(node)) return this.settleTouchBelow(touch, node);
    touch.done = true;
    return this.look(node, touch.name, touch.bits, touch.first);
  }

  private async settleTouchBelow(touch: Touch, node: DirNode): Promise<void> {
    touch.done = true;
    await this.settleAbove(node);
    if (node.isAttached) await this.look(node, touch.name, touch.bits, touch.first);
  }

  private isStanding(node: DirNode): boolean {
    return this.standings.has(node) || node.isAttached;
  }

  private standing(node: DirNode): Standing {
    const known = this.standings.get(node);
    if (known !== undefined) return known;
    const path = node.path;
    const everything = this.host.coverage.over(path).some((mark) => mark.excludes.length === 0);
    const standing = { path, everything };
    if (this.standings.size >= KEPT_STANDINGS) this.standings.clear();
    this.standings.set(node, standing);
    return standing;
  }

  /** A directory's own fate goes first: what happened in one that is gone is of no interest. */
  private async settleAbove(node: DirNode): Promise<void> {
    const chain: DirNode[] = [];
    for (let above = node; above.parent !== undefined; above = above.parent) chain.push(above);
    for (let above = chain.pop(); above !== undefined; above = chain.pop()) {
      const touch = above.parent && this.batch.touchOf(above.parent, above.name);
      if (touch !== undefined) await this.settleTouch(touch);
    }
  }

  /** Compares one name with the shadow. `bits` 0: nothing was heard of it, it is looked at for comparison. */
  look(node: DirNode, name: BytePath, bits: number, first: First): Promise<void> | undefined {
    const { path: directory, everything } = this.standing(node);
    if (!everything && !this.host.coverage.wants(directory, name)) return undefined;
    const path = joined(directory, name);
    if (this.host.isCovered(path)) return undefined;
    // What was taken away and not made again need not be looked at: if it is there, word of that is on its way.
    const isGone = (bits & (GONE | MADE | PUBLISHED | LOOK)) === In.DELETE;
    const seen = isGone ? undefined : this.stat(path);
    if (seen instanceof Promise)
      return seen.then((found) => this.compare(node, name, path, found, bits, first));
    return this.compare(node, name, path, seen, bits, first);
  }

  /** Takes the step from what the shadow has under a name to what was seen there. */
  private compare(
    node: DirNode,
    name: BytePath,
    path: BytePath,
    seen: Seen | undefined,
    bits: number,
    first: First,
  ): Promise<void> | undefined {
    if (seen?.isElsewhere) {
      if (seen === UNSEEN) this.notSeen(node);
      return undefined;
    }
    this.looked.add(node);
    const isDir = bits === 0 ? node.dirs?.has(name) === true : (bits & In.ISDIR) !== 0;
    const type = seen === undefined ? DT.UNKNOWN : typeOfMode(seen.mode);
    const before = this.before(node, name, isDir, first, type);
    if (bits !== 0 && before !== undefined) this.lookedAtFiles.add(node);
    const flags = flagsOf(bits);
    if (seen === undefined) {
      if (before === undefined) {
        // Whoever made it has its reply, which says that it is there.
        if (bits & PUBLISHED && bits & (MADE | WRITTEN))
          this.vanish(node, name, entryCode(NO_INO, bits & In.ISDIR ? DT.DIR : DT.REG), flags);
        return undefined;
      }
      // Nobody said that it went: perhaps the directory did, and the word is on its way.
      if ((bits & GONE) === 0 && bits !== 0)
        this.ambiguous.push({ kind: 'touch', node, name, bits, first, done: false });
      else this.vanish(node, name, before, flags);
      return undefined;
    }
    if (before === undefined) return this.appear(node, name, seen, flags);
    // An inode number from a listing need not be that of stat (btrfs subvolumes, some overlays): where nobody said that
    // the name was made or taken away, it is still the same.
    const sameInode =
      inoOf(before) === NO_INO || inoOf(before) === seen.ino || (bits !== 0 && (bits & (MADE | GONE)) === 0);
    const madeAgain = (bits & GONE) !== 0 && (bits & MADE) !== 0;
    if (sameInode && typeOf(before) === type && !madeAgain) {
      // A number is given to the next file at once on some filesystems: made or taken away, it may be another one.
      const heard = (bits & (MADE | GONE)) !== 0 ? bits | In.MODIFY : bits;
      if ((heard & (WRITTEN | In.ATTRIB)) !== 0) this.tellWritten(node, path, seen, heard, flags);
      return isDirectory(before) && bits !== 0 ? this.regrow(node, name, bits) : undefined;
    }
    if (typeOf(before) === type && type !== DT.DIR) {
      node.entries?.set(name, entryCode(seen.ino, type));
      this.stamps.forget(seen.ino);
      this.tellWritten(node, path, seen, In.MODIFY, flags);
      return undefined;
    }
    this.vanish(node, name, before, flags);
    return this.appear(node, name, seen, flags);
  }

  private settleRename(hint: Renamed): Promise<void> | undefined {
    hint.done = true;
    const from = forwarded(hint.from);
    const to = forwarded(hint.to);
    if (this.standings.has(from) && this.standings.has(to)) return this.move(hint, from, to);
    return this.settleRenameBelow(hint, from, to);
  }

  private async settleRenameBelow(hint: Renamed, from: DirNode, to: DirNode): Promise<void> {
    await this.settleAbove(from);
    await this.settleAbove(to);
    await this.move(hint, from, to);
  }

  /** Tells a rename as one, if it still is one: both names covered, the source known, the target its inode. */
  private move(hint: Renamed, from: DirNode, to: DirNode): Promise<void> | undefined {
    if (!this.isStanding(from) || !this.isStanding(to)) return this.lookApart(hint, from, to);
    // Taken away and made again before it moved: what moved is not what was told.
    if ((hint.bits & GONE) !== 0) return this.lookApart(hint, from, to);
    const { coverage } = this.host;
    const path = joined(this.standing(from).path, hint.fromName);
    const path2 = joined(this.standing(to).path, hint.toName);
    if (coverage.maskOf(path) === 0 || coverage.maskOf(path2) === 0) return this.lookApart(hint, from, to);
    if (this.host.isCovered(path2)) return this.lookApart(hint, from, to);
    const before = this.before(from, hint.fromName, hint.isDir, hint.first);
    if (before === undefined) return this.lookApart(hint, from, to);
    const move: Move = { hint, from, to, path, path2, before };
    const seen = this.stat(path2);
    if (seen instanceof Promise) return seen.then((found) => this.moved(move, found));
    return this.moved(move, seen);
  }

  /** The two ends of what can't be told as a rename. */
  private async lookApart(hint: Renamed, from: DirNode, to: DirNode): Promise<void> {
    const kind = hint.isDir ? In.ISDIR : 0;
    if (from.isAttached) {
      await this.look(from, hint.fromName, hint.bits | In.MOVED_FROM | kind, hint.first);
    }
    if (!to.isAttached) return;
    const bits = (hint.bits & ~MADE) | In.MOVED_TO | kind;
    // Where nothing was listed, what was heard of the name before tells whether there was something to replace.
    const replaced = to.entries === undefined || to.unsure ? this.batch.touchOf(to, hint.toName) : undefined;
    if (replaced !== undefined && (replaced.bits & LOOK) !== 0) replaced.bits |= bits;
    else await this.look(to, hint.toName, bits, 'made');
  }

  private moved(move: Move, seen: Seen | undefined): Promise<void> | undefined {
    const { hint, from, to, path, path2, before } = move;
    if (seen?.isElsewhere) return this.lookApart(hint, from, to);
    this.looked.add(from).add(to);
    if (hint.next === undefined || hint.next.done) {
      if (seen === undefined) return this.lookApart(hint, from, to);
      if (inoOf(before) !== NO_INO && inoOf(before) !== seen.ino) return this.lookApart(hint, from, to);
    }
    const isDir = isDirectory(before);
    const flags = hint.bits & PUBLISHED ? EVENT_PUBLISHED : 0;
    const over = to.entries?.get(hint.toName);
    if (over !== undefined && (isDir || isDirectory(over))) this.vanish(to, hint.toName, over, flags);
    from.entries?.delete(hint.fromName);
    const type = isDir ? DT.DIR : seen === undefined ? typeOf(before) : typeOfMode(seen.mode);
    to.entries?.set(hint.toName, entryCode(inoOf(before) || (seen?.ino ?? NO_INO), type));
    const lost = isDir ? this.lostBelow(path) : [];
    if (!isDir && seen !== undefined) this.stamps.tell(seen, to.id);
    this.host.tell({ kind: Kind.RENAME, path, path2, isDir, seen, flags, lost });
    if (isDir) return this.moveNode(move, over !== undefined, seen?.ino ?? inoOf(before));
    if ((hint.bits & WRITTEN) !== 0 && seen !== undefined) {
      this.stamps.forget(seen.ino);
      this.tellWritten(to, path2, seen, In.MODIFY);
    }
    return undefined;
  }

  /** `over`: there was something under the new name; it may have been this one, seen ahead, and heard of there. */
  private async moveNode(
    { hint: { fromName, toName }, from, to }: Move,
    over: boolean,
    ino: number,
  ): Promise<void> {
    const child = from.dirs?.get(fromName);
    const twin = this.appeared.get(ino);
    // What happened in it may have been told of the other node, wherever that is by now.
    const seenAhead = over || (twin !== undefined && twin !== child);
    const ahead = to.dirs?.get(toName);
    const path = joined(to.path, toName);
    if (child === undefined) {
      // It was of no interest where it came from, so nothing of it was told; or where it came from was never listed.
      const telling = from.entries === undefined || from.unsure ? 'silent' : 'tell';
      if (this.host.coverage.needs(path)) await this.scanner.grow(ahead ?? to.adopt(toName), telling);
      return;
    }
    this.standings.clear();
    if (ahead !== undefined) ahead.detach();
    child.moveTo(to, toName);
    const all = this.host.coverage.hasExcludes;
    for (const node of child.subtree()) {
      if (seenAhead || this.lookedAtFiles.has(node)) this.unverified.add(node, this.host.knownUpToNs);
      else if (all || this.looked.has(node)) this.unverified.add(node);
    }
    if (ahead !== undefined) {
      // Some of it was told under its new name before the rename was heard of: tell it all again.
      ahead.forward = child;
      await this.scanner.grow(child, 'tell');
    }
    await this.scanner.retarget(child, 'tell');
    await this.retryBelow(child);
  }

  /** What the shadow had under a name, or, where it was never listed, what must have been there. `now`: the type seen. */
  private before(
    node: DirNode,
    name: BytePath,
    isDir: boolean,
    first: First,
    now: number = DT.UNKNOWN,
  ): EntryCode | undefined {
    if (node.entries !== undefined && !node.unsure) return node.entries.get(name);
    if (first === 'made') return undefined;
    if (isDir) return entryCode(NO_INO, DT.DIR);
    // What was only changed is of the type that it was.
    return entryCode(NO_INO, first === 'changed' && now !== DT.UNKNOWN && now !== DT.DIR ? now : DT.REG);
  }

  private appear(node: DirNode, name: BytePath, seen: Seen, flags: number): Promise<void> | undefined {
    const path = joined(this.standing(node).path, name);
    const isDir = typeOfMode(seen.mode) === DT.DIR;
    node.entries?.set(name, entryCode(seen.ino, typeOfMode(seen.mode)));
    this.stamps.tell(seen, node.id);
    this.host.tell({ kind: Kind.CREATE, path, isDir, seen, flags });
    if (!isDir || !this.host.coverage.needs(path)) return undefined;
    const child = node.dirs?.get(name) ?? node.adopt(name);
    this.appeared.set(seen.ino, child);
    return this.scanner.grow(child, flags & EVENT_COMPARED ? 'tell-compared' : 'tell');
  }

  vanish(node: DirNode, name: BytePath, before: EntryCode, flags: number): void {
    const path = joined(this.standing(node).path, name);
    const isDir = isDirectory(before);
    if (isDir) this.standings.clear();
    const lost = isDir ? this.lostBelow(path) : [];
    const child = node.dirs?.get(name);
    if (child !== undefined) this.drop(child);
    node.entries?.delete(name);
    if (!isDir) this.stamps.forget(inoOf(before));
    this.host.tell({ kind: Kind.DELETE, path, isDir, seen: undefined, flags, lost });
  }

  /** Takes a subtree out of the shadow without telling. */
  drop(top: DirNode): void {
    this.standings.clear();
    for (const node of top.subtree()) {
      this.host.disarm(node);
      this.unverified.delete(node);
      this.unwatched.delete(node);
      this.looked.delete(node);
      this.lookedAtFiles.delete(node);
    }
    top.detach();
  }

  /** A directory that is still (or again) there under its name: it may have been away in between. */
  private async regrow(node: DirNode, name: BytePath, bits: number): Promise<void> {
    const child = node.dirs?.get(name);
    if (child === undefined) {
      const telling = node.entries === undefined || node.unsure ? 'silent' : 'tell';
      if (this.host.coverage.needs(joined(node.path, name)))
        await this.scanner.grow(node.adopt(name), telling);
    } else if (child.entries === undefined) {
      // It could not be read before; now it may be.
      if (!this.host.watchesAll) await this.scanner.grow(child, 'tell');
    } else if ((bits & (MADE | GONE)) !== 0) {
      for (const below of child.subtree()) {
        await this.scanner.rearm(below);
        this.unverified.add(below);
      }
    }
    if (child === undefined) return;
    if ((bits & In.ATTRIB) !== 0) await this.scanner.mayBeClosed(child);
    await this.retryBelow(child);
  }

  /** A directory changed in a way that may have opened it: looks again where nothing was to be seen in it. */
  private async retryBelow(top: DirNode): Promise<void> {
    if (this.unwatched.size === 0) return;
    for (const node of [...top.subtree()]) if (this.unwatched.has(node)) await this.scanner.retry(node);
  }

  /** Nothing is to be seen in a directory for now: it is looked at again now and then. */
  notSeen(node: DirNode, sinceNs = this.host.knownUpToNs): void {
    this.unwatched.add(node, sinceNs);
    this.host.poller.add(node);
  }

  /** `node`: the directory that the object lies in. */
  tellWritten(node: DirNode, path: BytePath, seen: Seen, bits: number, flags = 0): void {
    const isDir = typeOfMode(seen.mode) === DT.DIR;
    const kind = (bits & WRITTEN) !== 0 && !isDir ? Kind.MODIFY : Kind.ATTRIB;
    const isNew =
      kind === Kind.MODIFY ? this.stamps.tell(seen, node.id) : this.stamps.tellAttributes(seen, node.id);
    if (isNew) this.host.tell({ kind, path, isDir, seen, flags });
  }

  private lostBelow(path: BytePath): BytePath[] {
    return this.host.coverage.marksBelow(path).filter((marked) => this.knows(marked));
  }

  /** The shadow has an entry for a path. */
  knows(path: BytePath): boolean {
    return this.find(parentOf(path))?.entries?.get(nameOf(path)) !== undefined;
  }

  find(path: BytePath): DirNode | undefined {
    let node: DirNode | undefined = this.root;
    if (path === ROOT_PATH) return node;
    for (const name of path.split('/')) node = node?.dirs?.get(name as BytePath);
    return node;
  }

  /** What can't be looked at (no permission, an I/O error) stays what it was: it counts as elsewhere. */
  stat(path: BytePath): Promise<Seen | undefined> | Seen | undefined {
    try {
      const seen = this.host.fs.stat(absolute(this.host.base, path));
      return seen instanceof Promise ? seen.catch(unseen) : seen;
    } catch (error) {
      return unseen(error);
    }
  }

  lookedAt(node: DirNode): void {
    this.looked.add(node);
  }
}
