import { In } from '../../../protocol/mask';
import { GONE, LOOK, MADE } from '../eventBits';
import type { BytePath } from '../bytePath';
import { type DirNode, forwarded } from './tree';

/** Whether the first event of a name made it or took it away: says what was there before where nothing was listed. */
export type First = 'made' | 'gone' | 'changed';

/** A name to look at. */
export interface Touch {
  readonly kind: 'touch';
  readonly node: DirNode;
  readonly name: BytePath;
  /** The OR of its events: IN_CREATE, IN_DELETE, IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_*, IN_ISDIR. */
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
  /** The events of the source before. */
  readonly bits: number;
  readonly first: First;
  /** A later rename that takes it on from `to`: until that one is reported, it isn't there. */
  next: Renamed | undefined;
  done: boolean;
}

/** A name and the directory it is in. */
export interface Place {
  readonly node: DirNode;
  readonly name: BytePath;
}

/** A touch in a directory whose node isn't known yet. */
export interface Late {
  /** `finish`: whoever is found there, even if it looks like another directory. */
  resolve(finish: boolean): Place | undefined;
  readonly bits: number;
}

export function firstOf(bits: number): First {
  // A record that holds both was merged by the kernel, of one inode: it was made, then taken away.
  if ((bits & MADE) !== 0) return 'made';
  return (bits & GONE) !== 0 ? 'gone' : 'changed';
}

/** The only thing in a directory, as yet. */
class Single<T> {
  constructor(
    readonly name: BytePath,
    public value: T | undefined,
  ) {}
}

/** Things by directory and name. In most of the directories that a batch speaks of it speaks of one name. */
class NameIndex<T> {
  private readonly byNode = new Map<DirNode, Single<T> | Map<BytePath, T>>();

  get(node: DirNode, name: BytePath): T | undefined {
    const here = this.byNode.get(node);
    if (!(here instanceof Single)) return here?.get(name);
    return here.name === name ? here.value : undefined;
  }

  set(node: DirNode, name: BytePath, value: T): void {
    const here = this.byNode.get(node);
    if (here === undefined) this.byNode.set(node, new Single(name, value));
    else if (!(here instanceof Single)) here.set(name, value);
    else if (here.name === name) here.value = value;
    else {
      const names = new Map([[name, value]]);
      if (here.value !== undefined) names.set(here.name, here.value);
      this.byNode.set(node, names);
    }
  }

  delete(node: DirNode, name: BytePath): void {
    const here = this.byNode.get(node);
    if (!(here instanceof Single)) here?.delete(name);
    else if (here.name === name) here.value = undefined;
  }
}

/** What the host said since the last look, coalesced: one touch a name, a chain of renames as one; each in its order. */
export class PendingEvents {
  readonly touches: Touch[] = [];
  readonly renames: Renamed[] = [];
  readonly late: Late[] = [];
  private readonly touched = new NameIndex<Touch>();
  private last: Touch | undefined;
  private readonly arriving = new NameIndex<Renamed>();

  get size(): number {
    return this.touches.length + this.renames.length + this.late.length;
  }

  /** An event is of a directory that has a node: what is below it may not stand there any more. */
  get speaksOfDirectories(): boolean {
    for (const { isDir } of this.renames) if (isDir) return true;
    for (const { node, name } of this.touches) if (forwarded(node).dirs?.has(name)) return true;
    return false;
  }

  touch(at: DirNode, name: BytePath, bits: number): void {
    const node = forwarded(at);
    // Made, written, closed: most touches are of the name before.
    const last = this.last;
    if (last?.node === node && last.name === name) {
      last.bits |= bits;
      return;
    }
    const known = this.touched.get(node, name);
    if (known !== undefined) {
      known.bits |= bits;
      return;
    }
    const touch: Touch = { kind: 'touch', node, name, bits, first: firstOf(bits), done: false };
    this.touched.set(node, name, touch);
    this.touches.push(touch);
    this.last = touch;
  }

  renamed(fromAt: DirNode, fromName: BytePath, toAt: DirNode, toName: BytePath, isDir: boolean): void {
    const from = forwarded(fromAt);
    const to = forwarded(toAt);
    const last = this.renames.at(-1);
    const goesOn = last !== undefined && last.to === from && last.toName === fromName;
    if (goesOn && !(last.from === to && last.fromName === toName)) {
      this.arriving.delete(from, fromName);
      last.to = to;
      last.toName = toName;
      this.arriving.set(to, toName, last);
      this.occupied(to, toName);
      this.touch(from, fromName, In.MOVED_FROM);
      return;
    }
    this.last = undefined;
    const earlier = this.arriving.get(from, fromName);
    const before = this.touched.get(from, fromName);
    if (before !== undefined) {
      before.done = true;
      this.touched.delete(from, fromName);
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
      next: undefined,
      done: false,
    };
    if (earlier !== undefined) earlier.next = rename;
    this.arriving.set(to, toName, rename);
    this.occupied(to, toName);
    this.renames.push(rename);
  }

  /** Events of a name before something moved there say nothing about what is there now. */
  private occupied(to: DirNode, toName: BytePath): void {
    const before = this.touched.get(to, toName);
    if (before !== undefined) before.bits |= LOOK;
  }

  /** The touch of a name that is still to be looked at. */
  touchOf(node: DirNode, name: BytePath): Touch | undefined {
    const touch = this.touched.get(node, name);
    return touch?.done ? undefined : touch;
  }
}
