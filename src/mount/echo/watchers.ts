import type { Disposable } from '../../base/dispose';
import { IN_ALL_EVENTS } from '../../protocol/mask';
import type { Mask } from '../../protocol/brand';
import { S_IFDIR } from '../../protocol/fuse';
import type { Mount } from '../mount';
import type { Node } from '../nodes';

/** A look at all processes takes some 10 ms; it takes no more than this part of the time. */
const LOOK_SHARE = 4;
const LOOK_REST_MS = 20;
/** On a machine that is busy a look takes seconds; nobody waits for the next one that much longer. */
const LOOK_REST_MOST_MS = 500;
/** What is known to be watched is looked at again after so long, in ms: a watch may have gone. */
const STALE_MS = 1000;
/** Watched directories that are groups of their own at most; all others are covered by the lease. */
const GROUPS_MAX = 1024;

/** Who watches what on the mount: the masks of the kernel's inotify groups, which become groups of the client core. */
export class Watchers implements Disposable {
  private device: number | undefined;
  private masks = new Map<bigint, number>();
  private readonly groups = new Map<Node, { readonly mask: number; readonly watch: Disposable }>();
  private tookMs = 0;
  /** When the last look began, by performance.now(). */
  lookedAt = Number.NEGATIVE_INFINITY;
  private looking: Promise<void> | undefined;
  private over = false;

  constructor(private readonly mount: Mount) {}

  start(device: number): void {
    this.device = device;
    this.lookedAt = Number.NEGATIVE_INFINITY;
  }

  dispose(): void {
    this.over = true;
    for (const { watch } of this.groups.values()) watch.dispose();
    this.groups.clear();
  }

  /** The OR of all masks on a node. */
  maskOf(node: Node): number {
    if (performance.now() - this.lookedAt > STALE_MS && this.masks.size > 0 && this.looking === undefined)
      void this.look();
    return this.masks.get(node.shownIno) ?? 0;
  }

  /** The watched directories in a tree. */
  below(top: Node): Node[] {
    const found: Node[] = [];
    for (const ino of this.masks.keys()) {
      const node = this.mount.nodes.shownAs(ino);
      if (node !== undefined && node.type === S_IFDIR && isBelow(node, top)) found.push(node);
    }
    return found;
  }

  /** Looks at all processes of this user, not too often. What was set before the call is found. */
  async look(): Promise<void> {
    const pause = Math.min(Math.max(LOOK_REST_MS, LOOK_SHARE * this.tookMs), LOOK_REST_MOST_MS);
    const rest = pause - (performance.now() - this.lookedAt);
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest).unref());
    if (this.looking !== undefined) await this.looking;
    if (this.over || this.device === undefined) {
      this.lookedAt = Number.POSITIVE_INFINITY;
      return;
    }
    this.looking = this.lookNow(this.device).finally(() => {
      this.looking = undefined;
    });
    await this.looking;
  }

  private async lookNow(device: number): Promise<void> {
    const began = performance.now();
    const found = await this.mount.device.watches([device]);
    const masks = new Map<bigint, number>();
    for (const { ino, mask } of found) masks.set(ino, (masks.get(ino) ?? 0) | mask);
    this.masks = masks;
    this.lookedAt = began;
    this.tookMs = performance.now() - began;
    this.regroup();
  }

  /** What is watched here is what somebody looks at on the host: it is watched first there when watches run short. */
  private regroup(): void {
    const wanted = new Map<Node, number>();
    for (const [ino, mask] of this.masks) {
      const node = this.mount.nodes.shownAs(ino);
      const events = mask & IN_ALL_EVENTS;
      if (node?.type === S_IFDIR && events !== 0 && wanted.size < GROUPS_MAX) wanted.set(node, events);
    }
    for (const [node, group] of this.groups) {
      if (wanted.get(node) === group.mask) continue;
      group.watch.dispose();
      this.groups.delete(node);
    }
    for (const [node, mask] of wanted) {
      if (this.groups.has(node)) continue;
      const path = this.mount.nodes.pathOf(node);
      if (path === undefined) continue;
      const watch = this.mount.options.watch(path, mask as Mask);
      this.groups.set(node, { mask, watch });
    }
  }
}

function isBelow(node: Node, top: Node): boolean {
  for (let at: Node | undefined = node; at !== undefined; at = [...at.names][0]?.parent)
    if (at === top) return true;
  return false;
}
