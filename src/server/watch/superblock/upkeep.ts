import { EVENT_FRESH } from '../../../protocol/livemount';
import type { Arming } from '../arming/arming';
import type { Schedule } from '../arming/schedule';
import { ROOT_PATH } from '../bytePath';
import { Kind } from '../change';
import type { Poller } from '../shadow/poller';
import type { Shadow } from '../shadow/shadow';
import type { ShadowTree } from '../shadow/shadowTree';
import type { SuperblockWatchOptions } from './options';
import type { TaskQueue } from './taskQueue';
import type { WatchContext } from './watchContext';

/** The parts that upkeep works on. */
export interface UpkeepParts {
  readonly options: SuperblockWatchOptions;
  readonly context: WatchContext;
  readonly tree: ShadowTree;
  readonly shadow: Shadow;
  readonly poller: Poller;
  readonly arming: Arming;
  readonly queue: TaskQueue;
}

/** Keeps the shadow true: looks into events, compares when the host is quiet and after an overflow, lists, polls. */
export class Upkeep {
  overflows = 0;
  private overflowed = false;
  private settles = 0;
  private warming: Promise<void> | undefined;
  private reportedPollMs = 0;
  private schedule: Schedule | undefined;

  constructor(private readonly parts: UpkeepParts) {}

  /** Called once: when the work is done. */
  begin(schedule: Schedule): void {
    this.schedule = schedule;
  }

  /** Looks into what was reported. */
  async settleNow(): Promise<void> {
    const { shadow, context } = this.parts;
    if (shadow.pending > 0) this.settles++;
    await shadow.settle();
    this.schedule?.settled();
    context.flush();
  }

  /** The look that the schedule asked for. */
  async settleDue(): Promise<void> {
    this.schedule?.awake();
    await this.settleNow();
    this.warm();
    this.schedule?.idle();
  }

  /** Where nothing had to be listed to be watched, that is done now, behind everything else. */
  warm(): void {
    const { shadow, arming } = this.parts;
    if (this.warming !== undefined || !shadow.scanner.isCold || arming.choice.backend === 'none') return;
    this.warming = this.warmUp().finally(() => {
      this.warming = undefined;
    });
  }

  private async warmUp(): Promise<void> {
    const { shadow, arming, queue } = this.parts;
    const { scanner } = shadow;
    while (scanner.isCold && !queue.isDisposed) {
      let more = false;
      await queue.run(async () => {
        more = await scanner.warm();
      });
      if (more) {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const mark = scanner.warmMark;
      await arming.sync();
      await queue.run(async () => {
        await this.settleNow();
        scanner.sure(mark);
      });
    }
  }

  /** Resolves when all that happened before is reported. */
  async caughtUp(): Promise<void> {
    const { shadow, context, poller, arming, queue } = this.parts;
    while (!queue.isDisposed) {
      await this.warming;
      await arming.sync();
      const { settles } = this;
      await queue.run(async () => {
        await this.settleNow();
        if (this.overflowed) await this.recover();
        if (poller.size > 0) await poller.round(true);
        await arming.promote();
        await this.compareUnverified();
        context.flush();
      });
      await arming.sync();
      const isQuiet = shadow.pending === 0 && !this.overflowed && this.warming === undefined;
      if (isQuiet && this.settles - settles <= 2) return;
    }
  }

  /** Nothing was reported for a while: compares where the shadow may have been misled, and notes that all is known. */
  async repair(): Promise<void> {
    const { options, shadow, context, tree, arming, queue } = this.parts;
    const asOf = options.nowNs();
    const { settles } = this;
    await arming.sync();
    await queue.run(async () => {
      if (await this.compareUnverified()) this.schedule?.idle();
      else if (shadow.pending === 0 && this.settles === settles && !this.overflowed) {
        tree.quiet();
        context.knowsUpTo(asOf);
      }
      context.flush();
      this.schedulePoll();
    });
  }

  private async compareUnverified(): Promise<boolean> {
    const { shadow, tree } = this.parts;
    const wasAmbiguous = await shadow.resolveAmbiguous(true);
    if (tree.unverified.size === 0) return wasAmbiguous;
    for (const [node, sinceNs] of tree.unverified.take()) await shadow.scanner.compare(node, sinceNs);
    return true;
  }

  /** The backend lost events: that is reported, and then the exact difference. */
  overflow(): void {
    const { context, shadow, queue } = this.parts;
    this.overflows++;
    if (this.overflowed) return;
    this.overflowed = true;
    // What was never listed can't be compared.
    const fresh = context.watchesAll && shadow.scanner.isCold ? EVENT_FRESH : 0;
    context.report({ kind: Kind.OVERFLOW, path: ROOT_PATH, isDir: true, seen: undefined, flags: fresh });
    context.flush();
    void queue.run(() => this.recover()).catch(() => {});
  }

  /** Arms everything again, and reports the exact difference between the shadow and what is there. */
  private async recover(): Promise<void> {
    const { options, shadow, context, tree, queue } = this.parts;
    while (this.overflowed && !queue.isDisposed) {
      const asOf = options.nowNs();
      this.overflowed = false;
      await this.settleNow();
      const since = context.knownUpToNs;
      for (const node of tree.root.subtree()) {
        if (!node.isAttached) continue;
        await shadow.scanner.compare(node, since);
        const pause = context.yieldIfDue();
        if (pause !== undefined) await pause;
      }
      await this.compareUnverified();
      context.flush();
      if (!this.overflowed) context.knowsUpTo(asOf);
    }
  }

  schedulePoll(): void {
    const due = this.parts.poller.dueIn;
    if (due !== undefined) this.schedule?.pollIn(due);
  }

  /** The round that the schedule asked for. */
  async pollDue(): Promise<void> {
    const { options, poller, arming, context, tree } = this.parts;
    this.schedule?.polled();
    await poller.round();
    await arming.promote();
    context.flush();
    if (arming.pollMs !== this.reportedPollMs) {
      this.reportedPollMs = arming.pollMs;
      options.paced();
    }
    if (tree.unverified.size > 0) this.schedule?.idle();
    this.schedulePoll();
  }
}
