import { ErrnoError } from '../protocol/errno';

/** Lets a bounded number in at once; the others wait in order. */
export class Slots {
  private used = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(readonly bound: number) {}

  get inUse(): number {
    return this.used;
  }

  get queued(): number {
    return this.waiting.length;
  }

  /** Takes a slot; ECANCELED when `signal` aborts first. Give it back with `leave`. */
  enter(signal?: AbortSignal): Promise<void> | undefined {
    if (signal?.aborted) throw new ErrnoError('ECANCELED');
    if (this.used < this.bound) {
      this.used++;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const admit = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = () => {
        this.waiting.splice(this.waiting.indexOf(admit), 1);
        reject(new ErrnoError('ECANCELED'));
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.waiting.push(admit);
    });
  }

  leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.used--;
    else next(); // the slot passes on
  }
}
