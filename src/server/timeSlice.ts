import { TimeSlice as Slice } from '../base/timeSlice';
import { ErrnoError } from '../protocol/errno';

/**
 * Lets other requests be served between the steps of a long operation, which on a local filesystem are all done at
 * once and would never give the event loop a turn; and ends the operation when its client gave up.
 */
export class TimeSlice {
  private readonly slice = new Slice();

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** Between two steps: EINTR if the client gave up, a turn of the event loop if the slice is used up. */
  async step(): Promise<void> {
    this.check();
    await this.slice.yieldIfDue();
    this.check();
  }

  check(): void {
    if (this.signal?.aborted) throw new ErrnoError('EINTR', 'the client gave up');
  }
}
