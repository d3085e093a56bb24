import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';

/** Waits before the first attempts after a drop, in ms; the last one repeats for ever. */
const RECONNECT_DELAYS_MS: readonly number[] = [0, 1000, 2000, 5000, 10_000, 30_000];

export interface ReconnectEvents {
  /** Tries once; rejects if it did not work. Never called while the last one is under way. */
  attempt(): Promise<void>;
  /** Whether waiting can help after this error; else the schedule stops until `requestNow`. */
  isTransient(error: unknown): boolean;
  /** The next attempt is at this time of the clock; for people. */
  scheduled?(at: number, attempt: number): void;
  /** It stopped: nothing will happen before `requestNow`. */
  stopped?(error: unknown): void;
}

/**
 * When to try again after a drop: at once, then after growing waits, for ever; and at once whenever it is asked for
 * (by the user, or when the machine wakes). It knows time only through its clock.
 */
export class ReconnectSchedule implements Disposable {
  private waiting: Disposable | undefined;
  private attempts = 0;
  /** When the last attempt succeeded. */
  private connectedAt = 0;
  private running = false;
  private wanted = false;
  /** Lost again before the attempt that made it was over. */
  private lost: 'lost' | 'refused' | undefined;
  private disposed = false;

  constructor(
    private readonly events: ReconnectEvents,
    private readonly clock: Clock,
  ) {}

  /**
   * The connection was lost: starts over with the shortest wait. One that was ended because of what came over it
   * ('refused') goes on with the waits where they were, unless it held longer than the longest of them. Does nothing
   * while attempts are being made.
   */
  start(why: 'lost' | 'refused' = 'lost'): void {
    if (this.waiting !== undefined || this.disposed) return;
    if (this.running) {
      this.lost = why;
      return;
    }
    const held = this.clock.now() - this.connectedAt >= Math.max(...RECONNECT_DELAYS_MS);
    if (why === 'lost' || held) this.attempts = 0;
    this.wait();
  }

  /** Tries now instead of at the end of the wait; if an attempt is under way and fails, the next follows at once. */
  requestNow(): void {
    if (this.disposed) return;
    this.attempts = 0;
    if (this.running) {
      this.wanted = true;
      return;
    }
    this.waiting?.dispose();
    this.waiting = undefined;
    void this.run();
  }

  /** Ends the wait for the next attempt: the machine slept. Where nothing is waited for, nobody asked for anything. */
  hurry(): void {
    if (this.waiting !== undefined) this.requestNow();
  }

  dispose(): void {
    this.disposed = true;
    this.waiting?.dispose();
    this.waiting = undefined;
  }

  private wait(): void {
    const last = RECONNECT_DELAYS_MS.length - 1;
    const delayMs = RECONNECT_DELAYS_MS[Math.min(this.attempts, last)] ?? 0;
    this.events.scheduled?.(this.clock.now() + delayMs, this.attempts + 1);
    this.waiting = this.clock.after(delayMs, () => {
      this.waiting = undefined;
      void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    this.wanted = false;
    this.lost = undefined;
    this.attempts++;
    let failure: { readonly error: unknown } | undefined;
    try {
      await this.events.attempt();
    } catch (error) {
      failure = { error };
    }
    this.running = false;
    if (this.disposed) return;
    if (failure === undefined) {
      this.connectedAt = this.clock.now();
      if (this.lost) this.start(this.lost);
      return;
    }
    // A question that was closed is not asked again because somebody was impatient while it was open.
    if (!this.events.isTransient(failure.error)) this.events.stopped?.(failure.error);
    else if (this.wanted) void this.run();
    else this.wait();
  }
}
