import { messageOf } from '../../../base/errors';

/** Runs tasks one after the other, each alone; once disposed, none of those that wait. */
export class TaskQueue {
  private tail: Promise<void> = Promise.resolve();
  private disposed = false;

  /** `around` runs each task; `failed` takes the words of one that failed, which its caller gets as well. */
  constructor(
    private readonly around: (task: () => Promise<void>) => Promise<void>,
    private readonly failed: (message: string) => void,
  ) {}

  get isDisposed(): boolean {
    return this.disposed;
  }

  run(task: () => Promise<void>): Promise<void> {
    const run = this.tail.then(() => (this.disposed ? undefined : this.around(task)));
    this.tail = run.catch((error: unknown) => this.failed(messageOf(error)));
    return run;
  }

  dispose(): void {
    this.disposed = true;
  }
}
