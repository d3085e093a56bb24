import { EVENT_COMPARED } from '../../../protocol/livemount';
import { In } from '../../../protocol/mask';
import type { Seen } from '../arming/backend';
import { flagsOf, GONE, LOOK, MADE, PUBLISHED, WRITTEN } from '../eventBits';
import { type First, firstOf, type Late, PendingEvents, type Renamed, type Touch } from './pendingEvents';
import { type BytePath, joined } from '../bytePath';
import { Kind } from '../change';
import { entryBefore } from './before';
import { DT, type EntryCode, entryCode, inoOf, NO_INO, typeOf, typeOfMode } from './entries';
import type { Looks } from './looks';
import { Renames } from './renames';
import { Scanner } from './scanner';
import type { ShadowHost } from './shadowHost';
import type { ShadowTree } from './shadowTree';
import { type DirNode, forwarded, isDirectory } from './tree';
import { UNSEEN } from './unwatched';

/**
 * The shadow of one superblock: the directories of interest as our events have reported them. A backend's event makes it
 * look; only the difference between the shadow and what is there becomes a change, and the shadow takes that step. So
 * whatever the backend's events were (merged, late, twice, of a directory that has moved on), whoever follows the changes
 * has the shadow, and when all events are settled the shadow is what is there.
 *
 * Its methods must not run at the same time (SuperblockWatch sees to that); events may come at any time.
 */
export class Shadow implements Looks {
  private pendingEvents = new PendingEvents();
  private batch = new PendingEvents();
  /** Names that nobody was under any more, though no event said that they went. */
  private ambiguous: Touch[] = [];
  /** Names in directories that the shadow doesn't know yet. */
  private unplaced: Late[] = [];
  readonly scanner: Scanner;
  private readonly renames: Renames;

  constructor(
    private readonly tree: ShadowTree,
    private readonly host: ShadowHost,
  ) {
    const looks: Looks = {
      look: (...name) => this.look(...name),
      vanish: (...name) => this.vanish(...name),
    };
    this.scanner = new Scanner(tree, host, looks);
    this.renames = new Renames(tree, host, this.scanner, looks);
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
   * Looks at every name that events speak of, and reports what it finds: renames first, in their order, so that what
   * happened in a directory before it moved is reported under its new name; then the names, where they are now.
   */
  async settle(): Promise<void> {
    while (this.pendingEvents.size > 0) {
      this.batch = this.pendingEvents;
      this.pendingEvents = new PendingEvents();
      if (this.batch.speaksOfDirectories) this.tree.forgetStandings();
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
      await this.resolveAmbiguous(false);
    }
  }

  /** Looks again at what fitted nothing; `finish`: what isn't there now is gone. */
  async resolveAmbiguous(finish: boolean): Promise<boolean> {
    const { ambiguous } = this;
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

  private settleTouch(touch: Touch): Promise<void> | undefined {
    const node = forwarded(touch.node);
    if (!this.tree.hasStanding(node)) return this.settleTouchBelow(touch, node);
    touch.done = true;
    return this.look(node, touch.name, touch.bits, touch.first);
  }

  private async settleTouchBelow(touch: Touch, node: DirNode): Promise<void> {
    touch.done = true;
    await this.settleAbove(node);
    if (node.isAttached) await this.look(node, touch.name, touch.bits, touch.first);
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

  private settleRename(event: Renamed): Promise<void> | undefined {
    event.done = true;
    const from = forwarded(event.from);
    const to = forwarded(event.to);
    if (this.tree.hasStanding(from) && this.tree.hasStanding(to))
      return this.renames.settle(event, from, to, this.batch);
    return this.settleRenameBelow(event, from, to);
  }

  private async settleRenameBelow(event: Renamed, from: DirNode, to: DirNode): Promise<void> {
    await this.settleAbove(from);
    await this.settleAbove(to);
    await this.renames.settle(event, from, to, this.batch);
  }

  look(node: DirNode, name: BytePath, bits: number, first: First): Promise<void> | undefined {
    const { path: directory, everything } = this.tree.standing(node);
    if (!everything && !this.host.coverage.wants(directory, name)) return undefined;
    const path = joined(directory, name);
    if (this.host.isCovered(path)) return undefined;
    // What was taken away and not made again need not be looked at: if it is there, an event of that is on its way.
    const isGone = (bits & (GONE | MADE | PUBLISHED | LOOK)) === In.DELETE;
    const seen = isGone ? undefined : this.tree.stat(path);
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
    const { tree } = this;
    if (seen?.isElsewhere) {
      if (seen === UNSEEN) tree.notSeen(node);
      return undefined;
    }
    tree.lookedAt(node);
    const isDir = bits === 0 ? node.dirs?.has(name) === true : (bits & In.ISDIR) !== 0;
    const type = seen === undefined ? DT.UNKNOWN : typeOfMode(seen.mode);
    const before = entryBefore(node, name, isDir, first, type);
    if (bits !== 0 && before !== undefined) tree.lookedAtFile(node);
    const flags = flagsOf(bits);
    if (seen === undefined) {
      if (before === undefined) {
        // Whoever made it has its reply, which says that it is there.
        if (bits & PUBLISHED && bits & (MADE | WRITTEN))
          this.vanish(node, name, entryCode(NO_INO, bits & In.ISDIR ? DT.DIR : DT.REG), flags);
        // Made, and no event says that it went: a mount may have hidden it for the moment of the look.
        else if ((bits & MADE) !== 0 && (bits & GONE) === 0) tree.unverified.add(node);
        return undefined;
      }
      // No event said that it went: perhaps the directory did, and that event is on its way.
      if ((bits & GONE) === 0 && bits !== 0)
        this.ambiguous.push({ kind: 'touch', node, name, bits, first, done: false });
      else this.vanish(node, name, before, flags);
      return undefined;
    }
    if (before === undefined) return this.appear(node, name, seen, flags);
    // An inode number from a listing need not be that of stat (btrfs subvolumes, some overlays): where no event said that
    // the name was made or taken away, it is still the same.
    const sameInode =
      inoOf(before) === NO_INO || inoOf(before) === seen.ino || (bits !== 0 && (bits & (MADE | GONE)) === 0);
    const madeAgain = (bits & GONE) !== 0 && (bits & MADE) !== 0;
    if (sameInode && typeOf(before) === type && !madeAgain) {
      // A number is given to the next file at once on some filesystems: made or taken away, it may be another one.
      const reported = (bits & (MADE | GONE)) !== 0 ? bits | In.MODIFY : bits;
      if ((reported & (WRITTEN | In.ATTRIB)) !== 0) tree.reportWritten(node, path, seen, reported, flags);
      return isDirectory(before) && bits !== 0 ? this.regrow(node, name, bits) : undefined;
    }
    if (typeOf(before) === type && type !== DT.DIR) {
      node.entries?.set(name, entryCode(seen.ino, type));
      tree.stamps.forget(seen.ino);
      tree.reportWritten(node, path, seen, In.MODIFY, flags);
      return undefined;
    }
    this.vanish(node, name, before, flags);
    return this.appear(node, name, seen, flags);
  }

  private appear(node: DirNode, name: BytePath, seen: Seen, flags: number): Promise<void> | undefined {
    const { tree, host } = this;
    const path = joined(tree.standing(node).path, name);
    const isDir = typeOfMode(seen.mode) === DT.DIR;
    node.entries?.set(name, entryCode(seen.ino, typeOfMode(seen.mode)));
    tree.stamps.note(seen, node.id);
    host.report({ kind: Kind.CREATE, path, isDir, seen, flags });
    if (!isDir || !host.coverage.needs(path)) return undefined;
    const child = node.dirs?.get(name) ?? node.adopt(name);
    tree.hasAppeared(seen.ino, child);
    return this.scanner.grow(child, flags & EVENT_COMPARED ? 'report-compared' : 'report');
  }

  vanish(node: DirNode, name: BytePath, before: EntryCode, flags: number): void {
    const { tree } = this;
    const path = joined(tree.standing(node).path, name);
    const isDir = isDirectory(before);
    if (isDir) tree.forgetStandings();
    const lost = isDir ? tree.lostBelow(path) : [];
    const child = node.dirs?.get(name);
    if (child !== undefined) tree.drop(child);
    node.entries?.delete(name);
    if (!isDir) tree.stamps.forget(inoOf(before));
    this.host.report({ kind: Kind.DELETE, path, isDir, seen: undefined, flags, lost });
  }

  /** A directory that is still (or again) there under its name: it may have been away in between. */
  private async regrow(node: DirNode, name: BytePath, bits: number): Promise<void> {
    const { tree, host, scanner } = this;
    const child = node.dirs?.get(name);
    if (child === undefined) {
      const reporting = node.entries === undefined || node.unsure ? 'silent' : 'report';
      if (host.coverage.needs(joined(node.path, name))) await scanner.grow(node.adopt(name), reporting);
      return;
    }
    if (child.entries === undefined) {
      // It could not be read before; now it may be.
      if (!host.watchesAll) await scanner.grow(child, 'report');
    } else if ((bits & (MADE | GONE)) !== 0) {
      for (const below of child.subtree()) {
        await scanner.rearm(below);
        tree.unverified.add(below);
      }
    }
    if ((bits & In.ATTRIB) !== 0) await scanner.mayBeClosed(child);
    await scanner.retryBelow(child);
  }
}
