import type { Disposable } from '../../../base/dispose';
import { In } from '../../../protocol/mask';
import type { HostMount } from '../../host/hostFs';
import { Arming } from '../arming/arming';
import type { Choice } from '../arming/backend';
import type { Coverage, MarkPlace } from '../arming/coverage';
import { PUBLISHED } from '../eventBits';
import { Schedule } from '../arming/schedule';
import { type BytePath, ROOT_PATH, type BasePath } from '../bytePath';
import { Mountpoints } from '../shadow/mountpoints';
import { Poller } from '../shadow/poller';
import { Shadow } from '../shadow/shadow';
import { ShadowTree } from '../shadow/shadowTree';
import type { DirNode } from '../shadow/tree';
import { BackendEvents } from './backendEvents';
import type { SuperblockWatchOptions } from './options';
import { TaskQueue } from './taskQueue';
import { Upkeep } from './upkeep';
import { WatchContext } from './watchContext';

/** What a watch on one superblock is made of. */
interface Parts {
  readonly options: SuperblockWatchOptions;
  readonly context: WatchContext;
  readonly tree: ShadowTree;
  readonly shadow: Shadow;
  readonly mountpoints: Mountpoints;
  readonly poller: Poller;
  readonly arming: Arming;
  readonly queue: TaskQueue;
  readonly upkeep: Upkeep;
  readonly schedule: Schedule;
  readonly events: BackendEvents;
}

/**
 * The watch on one superblock, as the service sees it. `start` makes it; it watches what its coverage says until it is
 * disposed.
 */
export class SuperblockWatch implements Disposable {
  /** Makes all the parts, and opens the backend last: from then on it may report. */
  static start(mount: HostMount, options: SuperblockWatchOptions): SuperblockWatch {
    const context = new WatchContext(mount, options);
    const tree = new ShadowTree(context);
    const shadow = new Shadow(tree, context);
    const mountpoints = new Mountpoints(tree, context, shadow, shadow.scanner);
    const poller = new Poller(tree, context, shadow.scanner, options, options.pollIntervals);
    const arming = new Arming(context, poller, options);
    context.connect(arming, poller);
    const queue = new TaskQueue(
      async (task) => {
        context.startSlice();
        await task();
        if (tree.unwatched.takeChanged()) options.unwatchedChanged();
      },
      (message) => options.log(`watch of ${mount.mountpoint}: ${message}`),
    );
    const upkeep = new Upkeep({ options, context, tree, shadow, poller, arming, queue });
    const inBackground = (task: () => Promise<void>) => void queue.run(task).catch(() => {});
    const schedule = new Schedule(options.clock, {
      settle: () => inBackground(() => upkeep.settleDue()),
      repair: () => void upkeep.repair().catch(() => {}),
      poll: () => inBackground(() => upkeep.pollDue()),
    });
    upkeep.begin(schedule);
    const events: BackendEvents = new BackendEvents(tree, shadow, context, schedule, {
      overflow: () => upkeep.overflow(),
      deaf: () => {
        if (!queue.isDisposed) options.deaf();
      },
      unseen: (path) =>
        inBackground(async () => {
          const node = events.nodeAt(path);
          if (node) tree.notSeen(node);
        }),
      fsError: (fault) => options.fsError(fault),
    });
    arming.begin(options.backends.open(mount, events));
    return new SuperblockWatch({
      options,
      context,
      tree,
      shadow,
      mountpoints,
      poller,
      arming,
      queue,
      upkeep,
      schedule,
      events,
    });
  }

  private constructor(private readonly parts: Parts) {}

  /** Where the superblock is mounted. */
  get base(): BasePath {
    return this.parts.context.base;
  }

  get choice(): Choice {
    return this.parts.arming.choice;
  }

  get overflows(): number {
    return this.parts.upkeep.overflows;
  }

  /** How long a change may take to be found by polling, in ms, in steps of two; 0: nothing is polled. */
  get pollMs(): number {
    return this.parts.arming.pollMs;
  }

  /** Directories, and files that are mounted, which are polled. */
  get polled(): number {
    return this.parts.poller.size;
  }

  get watches(): number {
    return this.parts.arming.watches;
  }

  /** Events and changes on their way. */
  get queued(): number {
    return this.parts.shadow.pending + this.parts.context.unsent;
  }

  /** Directories that nothing is seen of, below the superblock's root. */
  get unwatched(): readonly BytePath[] {
    return this.parts.tree.unwatched.paths();
  }

  /** Sets what is of interest; resolves when the host's watches are set to it. */
  setCoverage(coverage: Coverage, changed: readonly MarkPlace[]): Promise<void> {
    const { context, tree, shadow, arming, queue, upkeep } = this.parts;
    return queue.run(async () => {
      const before = context.coverage;
      context.coverage = coverage;
      context.mountsChanged();
      tree.forgetStandings();
      arming.retargeted();
      await upkeep.settleNow();
      const between = () => upkeep.settleNow();
      if (before.marks.length === 0) await shadow.scanner.grow(tree.root, 'silent', between);
      else {
        const rank = ({ path }: MarkPlace) => (coverage.visible(path) ? 0 : 1);
        for (const place of [...changed].sort((a, b) => rank(a) - rank(b)))
          await this.retarget(before, place, between);
      }
      upkeep.schedulePoll();
      upkeep.warm();
    });
  }

  /** Arms the way to a place where marks changed, and what lies there; or disarms what nobody needs any more. */
  private async retarget(
    before: Coverage,
    { path, subtree }: MarkPlace,
    between: () => Promise<void>,
  ): Promise<void> {
    const { tree, context, shadow } = this.parts;
    const { scanner } = shadow;
    let node: DirNode = tree.root;
    await scanner.refresh(node, before);
    for (const name of path === ROOT_PATH ? [] : (path.split('/') as BytePath[])) {
      const next = node.dirs?.get(name);
      if (next === undefined) return;
      if (!context.coverage.needs(next.path)) {
        tree.drop(next);
        return;
      }
      node = next;
      await scanner.refresh(node, before);
    }
    const isSame = before.coversAllBelow(path) && context.coverage.coversAllBelow(path);
    if (!subtree || isSame) return;
    await scanner.retarget(node, 'silent', before, between);
  }

  /** A change made by a session, to be looked at like any other. */
  published(directory: BytePath, name: BytePath, bits: number): void {
    const { events } = this.parts;
    const found = events.nodeAt(directory);
    if (found) events.touch(found, name, bits);
    if (found !== undefined) return;
    events.touchLater({
      resolve: () => {
        const node = events.nodeAt(directory);
        return node ? { node, name } : undefined;
      },
      bits,
    });
  }

  publishedRename(from: BytePath, fromName: BytePath, to: BytePath, toName: BytePath, isDir: boolean): void {
    const { events } = this.parts;
    const source = events.nodeAt(from);
    const target = events.nodeAt(to);
    const bits = PUBLISHED | (isDir ? In.ISDIR : 0);
    if (source && target) {
      // The rename takes over what is pending of its source: that it is published.
      events.touch(source, fromName, bits);
      events.renamed(source, fromName, target, toName, isDir);
    } else if (source) events.touch(source, fromName, bits | In.MOVED_FROM);
    else if (target) events.touch(target, toName, bits | In.MOVED_TO);
  }

  /** Another mount came to stand on this superblock, or went from it. */
  mountsChanged(path: BytePath, came: boolean): Promise<void> {
    const { context, mountpoints, arming, queue, upkeep } = this.parts;
    return queue.run(async () => {
      context.mountsChanged();
      arming.retargeted();
      if (!context.coverage.needs(path)) return;
      await upkeep.settleNow();
      await (came ? mountpoints.cover(path) : mountpoints.uncover(path));
      context.flush();
    });
  }

  /** Resolves when all that happened before is reported. */
  caughtUp(): Promise<void> {
    return this.parts.upkeep.caughtUp();
  }

  dispose(): void {
    if (this.parts.queue.isDisposed) return;
    this.parts.queue.dispose();
    this.parts.schedule.dispose();
    this.parts.arming.dispose();
  }
}
