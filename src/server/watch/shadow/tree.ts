import { type BytePath, joined, ROOT_PATH } from '../bytePath';
import type { Stamp } from './stamps';
import { DT, type EntryCode, type Entries, typeOf } from './entries';

/** Not armed. */
export const NO_WATCH = -1;

let lastId = 0;

/** One directory of the shadow: what it held when it was last looked at, as our events have reported it. */
export class DirNode {
  /** Undefined: never listed (a filesystem mark needs no listing); what was there follows from the events alone. */
  entries: Entries | undefined;
  /** Listed while events of before were still on their way: what was there before still follows from the events. */
  unsure = false;
  /** Its subdirectories that are in the shadow. */
  dirs: Map<BytePath, DirNode> | undefined;
  /** Never that of another node. */
  readonly id = ++lastId;
  /** The backend's handle on it. */
  watch = NO_WATCH;
  /** It is polled, because there was no watch left for it, or because there is nothing better. */
  polled = false;
  /** Of a polled directory: the version of each entry when it was last looked at, and of itself under ''. */
  stamps: Map<BytePath, Stamp> | undefined;
  /** A later node stands for the same directory: what is meant for this one goes there. */
  forward: DirNode | undefined;

  constructor(
    public parent: DirNode | undefined,
    public name: BytePath,
  ) {}

  get path(): BytePath {
    if (this.parent === undefined) return ROOT_PATH;
    return joined(this.parent.path, this.name);
  }

  /** It still hangs below the root of its shadow. */
  get isAttached(): boolean {
    let node: DirNode = this;
    while (node.parent !== undefined) {
      if (node.parent.dirs?.get(node.name) !== node) return false;
      node = node.parent;
    }
    return node.name === ROOT_PATH;
  }

  /** A new subdirectory's node. */
  adopt(name: BytePath): DirNode {
    const child = new DirNode(this, name);
    this.attach(child);
    return child;
  }

  private attach(child: DirNode): void {
    this.dirs ??= new Map();
    this.dirs.set(child.name, child);
  }

  /** Takes a subtree out of the shadow. */
  detach(): void {
    const parent = this.parent;
    if (parent?.dirs?.get(this.name) !== this) return;
    parent.dirs.delete(this.name);
    if (parent.dirs.size === 0) parent.dirs = undefined;
  }

  /** Moves a subtree. What stands at the new place must be gone before. */
  moveTo(parent: DirNode, name: BytePath): void {
    this.detach();
    this.parent = parent;
    this.name = name;
    parent.attach(this);
  }

  /** The node and all below it, parents first. */
  *subtree(): IterableIterator<DirNode> {
    const stack: DirNode[] = [this];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      yield node;
      if (node.dirs !== undefined) stack.push(...node.dirs.values());
    }
  }
}

/** The node that a hint for `node` is for now. */
export function forwarded(node: DirNode): DirNode {
  let now = node;
  while (now.forward !== undefined) now = now.forward;
  return now;
}

export function isDirectory(code: EntryCode): boolean {
  return typeOf(code) === DT.DIR;
}
