import { In } from '../../protocol/mask';
import type { BytePath } from './bytePath';
import { type DirNode, forwarded } from './tree';

/** Whether the first thing heard of a name made it or took it away: tells what was there before where nothing was listed. */
export type First = 'made' | 'gone' | 'changed';

/** A name to look at. */
export interface Touch {
  readonly kind: 'touch';
  readonly node: DirNode;
  readonly name: BytePath;
  /** The OR of what was heard: IN_CREATE, IN_DELETE, IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_*, IN_ISDIR. */
  bits: number;
  readonly first: First;
  done: boolean;
}

/** A name that became another one. */
export interface Renamed {
  readonly kind: 'renamed';
  readonly from: DirNode;
  readonly fromName: BytePath;
  to: DirNode;
  toName: BytePath;
  readonly isDir: boolean;
  /** What was heard of the source before. */
  readonly bits: number;
  readonly first: First;
  /** A later rename takes it on from here, so it isn't at `to` any more. */
  chained: boolean;
  done: boolean;
}

export type Hint = Touch | Renamed;

const MADE = In.CREATE | In.MOVED_TO;
const GONE = In.DELETE | In.MOVED_FROM;

function firstOf(bits: number): First {
  // A record that holds both was merged by the kernel, of one inode: it was made, then taken away.
  if ((bits & MADE) !== 0) return 'made';
  return (bits & GONE) !== 0 ? 'gone' : 'changed';
}

class NameIndex<T> {
  private readonly byNode = new Map<DirNode, Map<BytePath, T>>();

  get(node: DirNode, name: BytePath): T | undefined {
    return this.byNode.get(node)?.get(name);
  }

  set(node: DirNode, name: BytePath, value: T): void {
    const names = this.byNode.get(node);
    if (names === undefined) this.byNode.set(node, new Map([[name, value]]));
    else names.set(name, value);
  }

  delete(node: DirNode, name: BytePath): void {
    this.byNode.get(node)?.delete(name);
  }
}

/**
 * What the host said since the last look, coalesced: one touch a name, a chain of renames as one. Order is kept
 * between renames, and a name's touch stands where it was first heard of.
 */
export class Hints {
  private list: Hint[] = [];
  private readonly touches = new NameIndex<Touch>();
  private readonly leaving = new NameIndex<Renamed>();
  private readonly arriving = new NameIndex<Renamed>();
  private lastRename: Renamed | undefined;

  get size(): number {
    return this.list.length;
  }

  [Symbol.iterator](): IterableIterator<Hint> {
    return this.list[Symbol.iterator]();
  }

  touch(at: DirNode, name: BytePath, bits: number): void {
    const node = forwarded(at);
    const known = this.touches.get(node, name);
    if (known !== undefined) {
      known.bits |= bits;
      return;
    }
    const touch: Touch = { kind: 'touch', node, name, bits, first: firstOf(bits), done: false };
    this.touches.set(node, name, touch);
    this.list.push(touch);
  }

  renamed(fromAt: DirNode, fromName: BytePath, toAt: DirNode, toName: BytePath, isDir: boolean): void {
    const from = forwarded(fromAt);
    const to = forwarded(toAt);
    const last = this.lastRename;
    const goesOn = last !== undefined && last.to === from && last.toName === fromName;
    if (goesOn && !(last.from === to && last.fromName === toName)) {
      this.arriving.delete(from, fromName);
      last.to = to;
      last.toName = toName;
      this.arriving.set(to, toName, last);
      this.touch(from, fromName, In.MOVED_FROM);
      return;
    }
    const earlier = this.arriving.get(from, fromName);
    if (earlier !== undefined) earlier.chained = true;
    const before = this.touches.get(from, fromName);
    if (before !== undefined) {
      before.done = true;
      this.touches.delete(from, fromName);
    }
    const rename: Renamed = {
      kind: 'renamed',
      from,
      fromName,
      to,
      toName,
      isDir,
      bits: before?.bits ?? 0,
      first: before?.first ?? 'changed',
      chained: false,
      done: false,
    };
    this.leaving.set(from, fromName, rename);
    this.arriving.set(to, toName, rename);
    // What is heard of either name from now on happened after the rename, and must be looked at after it.
    this.touches.delete(to, toName);
    this.lastRename = rename;
    this.list.push(rename);
  }

  /** The touch of a name that is still to be looked at. */
  touchOf(node: DirNode, name: BytePath): Touch | undefined {
    return undone(this.touches.get(node, name));
  }

  /** The rename that took a name away, if it is still to be told. */
  leavingFrom(node: DirNode, name: BytePath): Renamed | undefined {
    return undone(this.leaving.get(node, name));
  }

  /** The rename that put something under a name, if it is still to be told. */
  arrivingAt(node: DirNode, name: BytePath): Renamed | undefined {
    return undone(this.arriving.get(node, name));
  }
}

function undone<T extends Hint>(hint: T | undefined): T | undefined {
  return hint === undefined || hint.done ? undefined : hint;
}
