import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';

/** What comes within this time is one refresh, in ms: a checkout touches thousands of files. */
export const FOLD_MS = 300;
/** A refresh that took long is not begun again before so many times its duration have passed. */
const REST = 2;
/** However long it took, it is not put off further, in ms. */
const MAX_REST_MS = 60_000;

/**
 * When a status is asked for: once after changes were heard of, never two at a time, and on a huge tree at most a third of
 * the time. The owner disposes it; a refresh under way is then not followed by another.
 */
export class RefreshSchedule implements Disposable {
  private timer: Disposable | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  private restUntil = 0;
  private disposed = false;

  /** @param refresh does the work; what it throws is its own business, and it must not reject. */
  constructor(
    private readonly clock: Clock,
    private readonly refresh: () => Promise<void>,
  ) {}

  /** Something changed. */
  changed(): void {
    if (this.disposed) return;
    if (this.running) {
      this.again = true;
      return;
    }
    if (this.timer) return;
    const wait = Math.max(FOLD_MS, this.restUntil - this.clock.now());
    this.timer = this.clock.after(wait, () => {
      this.timer = undefined;
      void this.start();
    });
  }

  /** A person asked, or a command of ours ended: at once. Resolves when a refresh that began after this call has ended. */
  async now(): Promise<void> {
    if (this.disposed) return;
    if (this.running) {
      // The one under way may have looked before the change.
      this.again = false;
      await this.running;
    }
    if (this.disposed) return;
    this.timer?.dispose();
    this.timer = undefined;
    await this.start();
  }

  dispose(): void {
    this.disposed = true;
    this.timer?.dispose();
    this.timer = undefined;
  }

  private start(): Promise<void> {
    if (this.running) return this.running;
    const began = this.clock.now();
    this.running = this.refresh().finally(() => {
      const took = this.clock.now() - began;
      this.restUntil = this.clock.now() + Math.min(MAX_REST_MS, REST * took);
      this.running = undefined;
      if (this.again) {
        this.again = false;
        this.changed();
      }
    });
    return this.running;
  }
}
