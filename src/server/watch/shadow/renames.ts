import { EVENT_PUBLISHED } from '../../../protocol/livemount';
import { In } from '../../../protocol/mask';
import type { Seen } from '../arming/backend';
import { GONE, LOOK, MADE, PUBLISHED, WRITTEN } from '../eventBits';
import type { PendingEvents, Renamed } from './pendingEvents';
import { type BytePath, joined } from '../bytePath';
import { Kind } from '../change';
import { entryBefore } from './before';
import { DT, type EntryCode, entryCode, inoOf, NO_INO, typeOf, typeOfMode } from './entries';
import type { Looks } from './looks';
import type { Scanner } from './scanner';
import type { ShadowHost } from './shadowHost';
import type { ShadowTree } from './shadowTree';
import { type DirNode, isDirectory } from './tree';

/** A rename that may be reported as one. */
interface Move {
  readonly event: Renamed;
  readonly from: DirNode;
  readonly to: DirNode;
  readonly path: BytePath;
  readonly path2: BytePath;
  /** What the shadow has under its old name. */
  readonly before: EntryCode;
}

/** Settles renames: as one event where that is still what happened, else as its two ends. */
export class Renames {
  constructor(
    private readonly tree: ShadowTree,
    private readonly host: ShadowHost,
    private readonly scanner: Scanner,
    private readonly looks: Looks,
  ) {}

  /**
   * Reports a rename as one, if both names are covered, the source is known and the target is its inode. `batch`: what
   * else was reported with it.
   */
  settle(event: Renamed, from: DirNode, to: DirNode, batch: PendingEvents): Promise<void> | undefined {
    const { tree, host } = this;
    const apart = () => this.lookApart(event, from, to, batch);
    if (!tree.isStanding(from) || !tree.isStanding(to)) return apart();
    // Taken away and made again before it moved: what moved is not what was reported.
    if ((event.bits & GONE) !== 0) return apart();
    const path = joined(tree.standing(from).path, event.fromName);
    const path2 = joined(tree.standing(to).path, event.toName);
    if (host.coverage.maskOf(path) === 0 || host.coverage.maskOf(path2) === 0) return apart();
    if (host.isCovered(path2)) return apart();
    const before = entryBefore(from, event.fromName, event.isDir, event.first);
    if (before === undefined) return apart();
    const move: Move = { event, from, to, path, path2, before };
    const seen = tree.stat(path2);
    if (seen instanceof Promise) return seen.then((found) => this.moved(move, found, batch));
    return this.moved(move, seen, batch);
  }

  /** The two ends of what can't be reported as a rename. */
  private async lookApart(event: Renamed, from: DirNode, to: DirNode, batch: PendingEvents): Promise<void> {
    const kind = event.isDir ? In.ISDIR : 0;
    if (from.isAttached) {
      await this.looks.look(from, event.fromName, event.bits | In.MOVED_FROM | kind, event.first);
    }
    if (!to.isAttached) return;
    const bits = (event.bits & ~MADE) | In.MOVED_TO | kind;
    // Where nothing was listed, an earlier event of the name says whether there was something to replace.
    const replaced = to.entries === undefined || to.unsure ? batch.touchOf(to, event.toName) : undefined;
    if (replaced !== undefined && (replaced.bits & LOOK) !== 0) replaced.bits |= bits;
    else await this.looks.look(to, event.toName, bits, 'made');
  }

  private moved(move: Move, seen: Seen | undefined, batch: PendingEvents): Promise<void> | undefined {
    const { event, from, to, path, path2, before } = move;
    const { tree } = this;
    if (seen?.isElsewhere) return this.lookApart(event, from, to, batch);
    tree.lookedAt(from);
    tree.lookedAt(to);
    if (event.next === undefined || event.next.done) {
      const isAnother = inoOf(before) !== NO_INO && inoOf(before) !== seen?.ino;
      if (seen === undefined || isAnother) return this.lookApart(event, from, to, batch);
    }
    const isDir = isDirectory(before);
    const flags = event.bits & PUBLISHED ? EVENT_PUBLISHED : 0;
    const over = to.entries?.get(event.toName);
    if (over !== undefined && (isDir || isDirectory(over))) this.looks.vanish(to, event.toName, over, flags);
    from.entries?.delete(event.fromName);
    const type = isDir ? DT.DIR : seen === undefined ? typeOf(before) : typeOfMode(seen.mode);
    to.entries?.set(event.toName, entryCode(inoOf(before) || (seen?.ino ?? NO_INO), type));
    const lost = isDir ? tree.lostBelow(path) : [];
    if (!isDir && seen !== undefined) tree.stamps.note(seen, to.id);
    this.host.report({ kind: Kind.RENAME, path, path2, isDir, seen, flags, lost });
    if (isDir) return this.moveNode(move, over !== undefined, seen?.ino ?? inoOf(before));
    if ((event.bits & WRITTEN) !== 0 && seen !== undefined) {
      tree.stamps.forget(seen.ino);
      tree.reportWritten(to, path2, seen, In.MODIFY);
    }
    return undefined;
  }

  /** `over`: there was something under the new name; it may have been this one, seen ahead, and reported there. */
  private async moveNode(
    { event: { fromName, toName }, from, to }: Move,
    over: boolean,
    ino: number,
  ): Promise<void> {
    const { tree, host, scanner } = this;
    const child = from.dirs?.get(fromName);
    const ahead = to.dirs?.get(toName);
    if (child === undefined) {
      // It was of no interest where it came from, so nothing of it was reported; or that was never listed.
      const reporting = from.entries === undefined || from.unsure ? 'silent' : 'report';
      if (host.coverage.needs(joined(to.path, toName)))
        await scanner.grow(ahead ?? to.adopt(toName), reporting);
      return;
    }
    tree.forgetStandings();
    if (ahead !== undefined) ahead.detach();
    child.moveTo(to, toName);
    tree.moved(child, ino, over);
    if (ahead !== undefined) {
      // Some of it was reported under its new name before the rename was: all of it is reported again.
      ahead.forward = child;
      await scanner.grow(child, 'report');
    }
    await scanner.retarget(child, 'report');
    await scanner.retryBelow(child);
  }
}
