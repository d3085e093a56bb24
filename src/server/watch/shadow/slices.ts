import { performance } from 'node:perf_hooks';

/** Work without a break at most: requests of the editor wait that long behind a scan. */
const SLICE_MS = 8;
/** The clock costs as much as a look, so it is read at every sixteenth. */
const CHECKS = 16;

/** Cuts long work into slices, between which the event loop gets to everything else. */
export class Slices {
  private started = 0;
  private checks = 0;

  start(): void {
    this.started = performance.now();
  }

  /** Undefined: there is still time. Else resolves when what waited has had its turn. */
  yieldIfDue(): Promise<void> | undefined {
    if (++this.checks % CHECKS !== 0) return undefined;
    if (performance.now() - this.started < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.start();
        resolve();
      });
    });
  }
}
