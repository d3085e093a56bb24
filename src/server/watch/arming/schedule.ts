import type { Clock } from '../../../base/clock';
import type { Disposable } from '../../../base/dispose';

/** The first event goes out at once; what follows within this time goes out together. A storm comes gathered already. */
export const COALESCE_MS = 6;
/** What only went away waits so long for what takes its place. */
const GONE_MS = 16;
/** The last look is so recent that a storm is on, which has its windows. */
const STORM_MS = 50;
/** Quiet for so long, the shadow is checked where it may have been misled. */
const REPAIR_AFTER_MS = 60;

export interface ScheduledWork {
  /** Looks into the pending events. */
  settle(): void;
  /** No event came for a while. */
  repair(): void;
  /** Polling is due. */
  poll(): void;
}

/** When the work on a superblock is done. */
export class Schedule implements Disposable {
  private waking: Disposable | undefined;
  private wakingAt = 0;
  private idling: Disposable | undefined;
  private polling: Disposable | undefined;
  private lastSettle = 0;
  private disposed = false;

  constructor(
    private readonly clock: Clock,
    private readonly beats: ScheduledWork,
  ) {}

  /** The pending events have been looked into. */
  settled(): void {
    this.lastSettle = this.clock.now();
  }

  /**
   * At once if the last look is long ago, else at the end of its window. What only went away waits a window in any
   * case: mostly something takes its place (a checkout, a save), and that is one change.
   */
  wake(onlyGone = false): void {
    if (this.disposed) return;
    // An event that comes while a window is open changes nothing: no look comes sooner than its end.
    if (this.waking !== undefined && this.wakingAt <= this.lastSettle + COALESCE_MS) return;
    const now = this.clock.now();
    const waits = onlyGone && now - this.lastSettle > STORM_MS;
    const due = waits ? now + GONE_MS : Math.max(now, this.lastSettle + COALESCE_MS);
    if (this.waking !== undefined) {
      if (due >= this.wakingAt) return;
      this.waking.dispose();
    }
    this.wakingAt = due;
    this.waking = this.clock.after(due - now, () => this.beats.settle());
  }

  /** The look that `wake` asked for has begun: an event from now on asks for another. */
  awake(): void {
    this.waking = undefined;
  }

  idle(): void {
    if (this.disposed) return;
    this.idling?.dispose();
    this.idling = this.clock.after(REPAIR_AFTER_MS, () => {
      this.idling = undefined;
      this.beats.repair();
    });
  }

  /** One poll at a time is waited for. */
  pollIn(ms: number): void {
    if (this.polling !== undefined || this.disposed) return;
    this.polling = this.clock.after(ms, () => this.beats.poll());
  }

  /** The poll that was due has begun. */
  polled(): void {
    this.polling = undefined;
  }

  dispose(): void {
    this.disposed = true;
    for (const timer of [this.waking, this.idling, this.polling]) timer?.dispose();
  }
}
