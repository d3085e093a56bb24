/** A time limit that stands still while a person is being asked. */
export class Deadline {
  readonly expired: Promise<never>;
  private timer: NodeJS.Timeout | undefined;
  private leftMs: number;
  private startedAt = 0;
  private questions = 0;
  private reject: (error: Error) => void = () => {};

  constructor(
    limitMs: number,
    private readonly error: () => Error,
  ) {
    this.leftMs = limitMs;
    this.expired = new Promise((_resolve, reject) => {
      this.reject = reject;
    });
    // Whoever awaits something else meanwhile still gets the rejection later.
    this.expired.catch(() => {});
    this.run();
  }

  /** Starts the limit anew, for the next step. */
  restart(limitMs: number): void {
    this.stop();
    this.leftMs = limitMs;
    if (this.questions === 0) this.run();
  }

  /** The time that this takes does not count. */
  readonly interrupted = async <T>(question: Promise<T>): Promise<T> => {
    if (this.questions++ === 0) {
      this.leftMs -= performance.now() - this.startedAt;
      this.stop();
    }
    try {
      return await question;
    } finally {
      if (--this.questions === 0) this.run();
    }
  };

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private run(): void {
    this.startedAt = performance.now();
    this.timer = setTimeout(() => this.reject(this.error()), this.leftMs);
  }
}
