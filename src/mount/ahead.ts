import { BoundedMap } from '../base/boundedMap';
import { S_IFDIR } from '../protocol/fuse';
import { LIST_TREES_MAX } from '../protocol/livemount';
import { decodeTrees, encodeRoots } from '../protocol/trees';
import type { Call } from './call';
import type { Mount } from './mount';
import type { Node } from './nodes';
import { complete, list, takeIn } from './ops/directories';

/** A directory that is larger than this is not listed because of two names in it. In bytes, as the host has it. */
const LISTED_MAX = 256n << 10n;
/** Directories that are remembered because a name of theirs was asked. */
const ASKED_MAX = 1024;
/** Two listings in so short a time, of directories side by side or one in the other, are a walk. In ms. */
const WALK_MS = 2000;
/** What the first guess costs at most; each that was right may cost twice as much, up to a whole frame. In bytes. */
const FIRST_BYTES = 64 << 10;
const MOST_BYTES = 1 << 20;
/** Directories that were listed ahead and not asked for, beyond which the guess is taken for wrong. */
const UNUSED_MAX = 4096;
/** Ahead of the walk there are to be so many, or the next are asked for. */
const UNUSED_LOW = 1024;

/**
 * Listings ahead of who asks for them. A program that walks a tree lists one directory after the other, and each would
 * cost a round trip: after the second, what comes next in such a walk (what is below, then what is beside) is asked for
 * in few frames, more with every guess that is right, and nothing any more when what was fetched is not asked for.
 */
export class Ahead {
  private readonly listing = new Map<Node, Promise<void>>();
  /** Listed ahead, and not asked for yet. */
  private readonly unused = new Set<Node>();
  private last: { readonly node: Node; readonly at: number } | undefined;
  private fetching: { readonly roots: ReadonlySet<Node>; readonly done: Promise<void> } | undefined;
  private bytes = FIRST_BYTES;
  /** Directories of which a name was asked, and when. */
  private readonly asked = new BoundedMap<Node, number>(ASKED_MAX);

  constructor(private readonly mount: Mount) {}

  /** Lists a directory; several who ask at once ask the host once. */
  async list(node: Node, call: Call | undefined): Promise<void> {
    const { fetching } = this;
    if (fetching !== undefined && isBelowOne(node, fetching.roots)) {
      // It is likely to be in there.
      await fetching.done;
      if (this.mount.host.listingMs(node) > 0) return;
    }
    const present = this.listing.get(node);
    if (present !== undefined) return present;
    const listed = list(this.mount, node, call).finally(() => this.listing.delete(node));
    this.listing.set(node, listed);
    return listed;
  }

  /**
   * A name of a directory is asked of the host. Who asks for a second one (git, of every file it knows) will ask for the
   * others: true where the directory was listed instead.
   */
  async listsInstead(directory: Node, call: Call): Promise<boolean> {
    const now = performance.now();
    const before = this.asked.get(directory);
    this.asked.set(directory, now);
    const size = directory.seen?.size ?? 0n;
    if (before === undefined || now - before > WALK_MS || size > LISTED_MAX) return false;
    try {
      await this.list(directory, call);
    } catch {
      // It may be looked up in and not be read; whoever asked hears of the name itself.
      this.asked.delete(directory);
      return false;
    }
    this.opened(directory);
    return true;
  }

  /** A program opens a directory: what will it open next? */
  opened(node: Node): void {
    const { last } = this;
    const now = performance.now();
    this.last = { node, at: now };
    const wasUnused = this.unused.delete(node);
    if (wasUnused) this.bytes = Math.min(2 * this.bytes, MOST_BYTES);
    const walks =
      last !== undefined && last.node !== node && now - last.at < WALK_MS && isNext(last.node, node);
    if (!wasUnused && !walks) {
      // Somebody looks around; what was fetched for another walk was a wrong guess.
      if (this.unused.size > 0) this.bytes = FIRST_BYTES;
      this.unused.clear();
      return;
    }
    if (this.fetching === undefined && this.unused.size < UNUSED_LOW) this.fetch(node);
  }

  private fetch(from: Node): void {
    const roots = this.next(from);
    if (roots.length === 0) return;
    const done = this.fetchTrees(roots)
      .catch(() => undefined) // Whoever needs them asks, and hears why.
      .finally(() => {
        this.fetching = undefined;
      });
    this.fetching = { roots: new Set(roots), done };
  }

  private async fetchTrees(roots: readonly Node[]): Promise<void> {
    const { mount } = this;
    const { host, core } = mount;
    const known = roots.filter((node) => node.remote !== undefined && node.epoch === core.epoch);
    const [first] = known;
    if (first === undefined) return;
    const fixed = { count: known.length, size: this.bytes, directories: UNUSED_MAX, flags: 0 };
    await host.stamped(async (stamp) => {
      const data = encodeRoots(known.map((node) => node.remote ?? (0n as never)));
      const { epoch } = core;
      const body = await host.ask(first, 'LIST_TREES', fixed, undefined, { data });
      for (const tree of decodeTrees(body)) {
        const node = mount.nodes.ofRemote(tree.nodeid, epoch);
        if (tree.error !== 0 || node === undefined) continue;
        const seen = new Set<string>();
        takeIn(mount, node, tree.body, stamp, seen);
        complete(mount, node, stamp, seen);
        this.unused.add(node);
      }
    });
    if (this.unused.size > UNUSED_MAX) {
      this.bytes = FIRST_BYTES;
      for (const oldest of this.unused) {
        this.unused.delete(oldest);
        if (this.unused.size <= UNUSED_MAX) break;
      }
    }
  }

  /** The directories that a walk comes to after this one and that are not listed: below it, beside it, beside what is above it. */
  private next(from: Node): Node[] {
    const found: Node[] = [];
    const add = (node: Node): boolean => {
      if (node.type !== S_IFDIR || node.sb !== from.sb) return true;
      if (this.mount.host.listingMs(node) > 0) {
        for (const { node: child } of node.children.values())
          if (child !== undefined && !add(child)) return false;
      } else found.push(node);
      return found.length < LIST_TREES_MAX;
    };
    for (const { node: child } of from.children.values())
      if (child !== undefined && !add(child)) return found;
    for (let at: Node | undefined = from; at !== undefined; ) {
      const above: Node | undefined = [...at.names][0]?.parent;
      if (above === undefined) return found;
      let isBehind = false;
      for (const { node: beside } of above.children.values()) {
        if (beside === at) isBehind = true;
        else if (isBehind && beside !== undefined && !add(beside)) return found;
      }
      at = above;
    }
    return found;
  }
}

/** A walk that was at one directory comes to the other: its child, or something beside it or beside what is above it. */
function isNext(before: Node, after: Node): boolean {
  const parent = parentOf(after);
  if (parent === undefined) return false;
  for (let at: Node | undefined = before; at !== undefined; at = parentOf(at)) if (at === parent) return true;
  return false;
}

function isBelowOne(node: Node, roots: ReadonlySet<Node>): boolean {
  for (let at: Node | undefined = node; at !== undefined; at = parentOf(at)) if (roots.has(at)) return true;
  return false;
}

function parentOf(node: Node): Node | undefined {
  return [...node.names][0]?.parent;
}
