import { ErrnoError } from '../protocol/errno';

/** How long a long operation may keep the event loop at a time, in ms: below what a keystroke's request would notice. */
const SLICE_MS = 8;

/**
 * Lets other requests be served between the steps of a long operation, which on a local filesystem are all done at
 * once and would never give the event loop a turn.
 */
export class TimeSlice {
  private started = performance.now();

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** Between two steps: EINTR if the client gave up, a turn of the event loop if the slice is used up. */
  async step(): Promise<void> {
    this.check();
    if (performance.now() - this.started < SLICE_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.started = performance.now();
    this.check();
  }

  check(): void {
    if (this.signal?.aborted) throw new ErrnoError('EINTR', 'the client gave up');
  }
}
