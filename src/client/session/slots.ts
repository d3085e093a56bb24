import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import { onAbort } from './aborts';

interface Waiting {
  admit(): void;
  refuse(error: Error): void;
}

/** Lets a bounded number in at once; the others wait in order. */
export class Slots {
  private used = 0;
  private readonly waiting: Waiting[] = [];

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
      let aborts: Disposable | undefined;
      const turn = {
        admit: () => {
          aborts?.dispose();
          resolve();
        },
        refuse: (error: Error) => {
          aborts?.dispose();
          reject(error);
        },
      };
      aborts =
        signal &&
        onAbort(signal, () => {
          this.waiting.splice(this.waiting.indexOf(turn), 1);
          reject(new ErrnoError('ECANCELED'));
        });
      this.waiting.push(turn);
    });
  }

  leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.used--;
    else next.admit(); // the slot passes on
  }

  /** Turns away all who wait. */
  dismiss(error: Error): void {
    for (const turn of this.waiting.splice(0)) turn.refuse(error);
  }
}
