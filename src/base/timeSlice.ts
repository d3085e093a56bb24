/** Work without a break at most, in ms: a keystroke's request waits that long behind a long operation, and does not notice. */
const SLICE_MS = 8;

/** Cuts long work into slices, between which the event loop gets to everything else that waits for it. */
export class TimeSlice {
  private started: number;
  private steps = 0;

  /**
   * @param stepsPerLook the clock is read at every so manieth step only: where a step is one system call, reading the
   * clock costs as much as the step.
   */
  constructor(
    private readonly stepsPerLook = 1,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.started = now();
  }

  /** The slice begins now: the event loop has just had its turn. */
  start(): void {
    this.started = this.now();
  }

  /** Between two steps: undefined while there is time left, else a promise that resolves after what waited had its turn. */
  yieldIfDue(): Promise<void> | undefined {
    if (++this.steps % this.stepsPerLook !== 0) return undefined;
    if (this.now() - this.started < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.start();
        resolve();
      });
    });
  }
}
