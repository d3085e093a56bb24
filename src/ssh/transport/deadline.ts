/** A time limit that stands still while a person is being asked. */
export class Deadline {
  readonly expired: Promise<never>;
  private timer: NodeJS.Timeout | undefined;
  private leftMs: number;
  private startedAt = 0;
  private questions = 0;
  private isOver = false;
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

  /** A person is being asked. */
  get isInterrupted(): boolean {
    return this.questions > 0;
  }

  /** Starts the limit anew, for the next step. */
  restart(limitMs: number): void {
    clearTimeout(this.timer);
    this.leftMs = limitMs;
    if (this.questions === 0) this.run();
  }

  /** The time that this takes does not count. */
  readonly interrupted = async <T>(question: Promise<T>): Promise<T> => {
    if (this.questions++ === 0) {
      this.leftMs -= performance.now() - this.startedAt;
      clearTimeout(this.timer);
    }
    try {
      return await question;
    } finally {
      if (--this.questions === 0) this.run();
    }
  };

  /** For good, also where a question is open yet. */
  stop(): void {
    this.isOver = true;
    clearTimeout(this.timer);
  }

  private run(): void {
    if (this.isOver) return;
    this.startedAt = performance.now();
    this.timer = setTimeout(() => this.reject(this.error()), this.leftMs);
  }
}
