import type { Change } from '../client/vfs';

/** Events that wait for a slow reader at most: some 20 MB of memory, minutes of an ordinary build. */
const EVENTS_MAX = 100_000;

/**
 * Between the host's events and a reader that may be slow. When it is full, what waits is folded into one overflow of
 * the watched path: nothing is lost silently, and memory stays bounded.
 */
export class EventQueue {
  private events: Change[] = [];
  private wake: (() => void) | undefined;

  constructor(
    private readonly root: string,
    private readonly limit = EVENTS_MAX,
  ) {}

  push(changes: readonly Change[]): void {
    for (const change of changes) {
      if (this.events.length < this.limit) this.events.push(change);
      else this.events = [{ ...change, kind: 'overflow', path: this.root, isDirectory: true }];
    }
    this.wake?.();
  }

  /** All that waits, once there is something; nothing when the signal ends the wait. */
  async take(signal: AbortSignal): Promise<readonly Change[]> {
    if (this.events.length === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.wake = wake;
        signal.addEventListener('abort', wake);
      });
      this.wake = undefined;
    }
    if (signal.aborted) return [];
    const taken = this.events;
    this.events = [];
    return taken;
  }
}
