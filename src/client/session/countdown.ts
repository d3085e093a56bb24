import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';

/** A timer that comes later than this, in ms, belongs to a process that was stopped or a machine that slept. */
const LATE_MS = 500;

/**
 * Calls once after a time in which an answer could have been heard. Who was asleep comes late to its own timers, and they
 * run before what arrived meanwhile is read: it starts over then.
 */
export class Countdown implements Disposable {
  private timer: Disposable | undefined;
  private due = 0;

  constructor(
    private readonly delayMs: number,
    private readonly expired: () => void,
    private readonly clock: Clock,
  ) {
    this.restart();
  }

  /** The whole time from now. */
  restart(): void {
    this.dispose();
    this.due = this.clock.now() + this.delayMs;
    if (this.delayMs === Number.POSITIVE_INFINITY) return;
    this.timer = this.clock.after(this.delayMs, () => {
      if (this.clock.now() - this.due > LATE_MS) this.restart();
      else this.expired();
    });
  }

  dispose(): void {
    this.timer?.dispose();
  }
}
