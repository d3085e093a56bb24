import type { Disposable } from './dispose';

/** The time, and how to wait for it. Code that waits takes one as an argument; a test brings one that it moves itself. */
export interface Clock {
  /** Milliseconds that only ever grow, for measuring; not a time of day. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds, unless the result is disposed before. */
  after(ms: number, run: () => void): Disposable;
}

/** The same for what goes on in the background: it keeps no process alive, and what is due at once runs in the next turn. */
export const backgroundClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    if (ms <= 0) {
      const immediate = setImmediate(run);
      return { dispose: () => clearImmediate(immediate) };
    }
    const timer = setTimeout(run, ms);
    timer.unref();
    return { dispose: () => clearTimeout(timer) };
  },
};

/** The clock of this process: monotonic, and its timers keep the process alive as any timer does. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { dispose: () => clearTimeout(timer) };
  },
};
