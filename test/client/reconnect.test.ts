import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/base/clock';
import { ReconnectSchedule } from '../../src/client/session/reconnect';

/** A clock that stands still until it is moved. */
class ManualClock implements Clock {
  private time = 0;
  private waiting: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(delayMs: number, callback: () => void) {
    const entry = { at: this.time + delayMs, callback };
    this.waiting.push(entry);
    return {
      dispose: () => {
        this.waiting = this.waiting.filter((one) => one !== entry);
      },
    };
  }

  /** Moves on, and lets what it set off settle. */
  async advance(ms: number): Promise<void> {
    this.time += ms;
    const due = this.waiting.filter(({ at }) => at <= this.time);
    this.waiting = this.waiting.filter(({ at }) => at > this.time);
    for (const { callback } of due) callback();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function schedule(outcomes: (Error | 'ok')[], isTransient = true) {
  const clock = new ManualClock();
  const attempts: number[] = [];
  const stopped: unknown[] = [];
  const reconnect = new ReconnectSchedule(
    {
      attempt: async () => {
        attempts.push(clock.now());
        const outcome = outcomes.shift() ?? new Error('unreachable');
        if (outcome !== 'ok') throw outcome;
      },
      isTransient: () => isTransient,
      stopped: (error) => stopped.push(error),
    },
    clock,
  );
  return { clock, attempts, stopped, reconnect };
}

test('it tries at once, then after growing waits, for ever', async () => {
  const { clock, attempts, reconnect } = schedule([]);
  reconnect.start();
  for (let second = 0; second < 110; second++) await clock.advance(second === 0 ? 0 : 1000);
  assert.deepEqual(attempts, [0, 1000, 3000, 8000, 18_000, 48_000, 78_000, 108_000]);
  reconnect.dispose();
});

test('a request tries at once and starts the waits over', async () => {
  const { clock, attempts, reconnect } = schedule([]);
  reconnect.start();
  for (const step of [0, 1000, 2000, 5000]) await clock.advance(step);
  await clock.advance(100);
  reconnect.requestNow();
  await clock.advance(0);
  await clock.advance(1000);
  assert.deepEqual(attempts.slice(-2), [8100, 9100]);
});

test('a request during an attempt that fails is followed by another at once', async () => {
  const { clock, attempts, reconnect } = schedule([]);
  reconnect.requestNow();
  reconnect.requestNow();
  await clock.advance(0);
  assert.deepEqual(attempts, [0, 0]);
});

test('after it worked nothing more happens', async () => {
  const { clock, attempts, reconnect } = schedule([new Error('once'), 'ok']);
  reconnect.start();
  for (const step of [0, 1000, 60_000]) await clock.advance(step);
  assert.equal(attempts.length, 2);
  reconnect.start();
  await clock.advance(0);
  assert.equal(attempts.length, 3);
});

test('an error that waiting cannot help stops it until it is asked', async () => {
  const { clock, attempts, stopped, reconnect } = schedule([new Error('key changed'), 'ok'], false);
  reconnect.start();
  for (const step of [0, 60_000]) await clock.advance(step);
  assert.equal(attempts.length, 1);
  assert.equal(stopped.length, 1);
  reconnect.requestNow();
  await clock.advance(0);
  assert.equal(attempts.length, 2);
});

test('a disposed schedule tries no more', async () => {
  const { clock, attempts, reconnect } = schedule([]);
  reconnect.start();
  reconnect.dispose();
  reconnect.requestNow();
  await clock.advance(60_000);
  assert.deepEqual(attempts, []);
});

test('a connection that is lost before its attempt is over is tried again', async () => {
  const clock = new ManualClock();
  let attempts = 0;
  const reconnect: ReconnectSchedule = new ReconnectSchedule(
    {
      attempt: async () => {
        if (++attempts === 1) reconnect.start();
      },
      isTransient: () => true,
    },
    clock,
  );
  reconnect.start();
  await clock.advance(0);
  assert.equal(attempts, 1);
  await clock.advance(0);
  assert.equal(attempts, 2);
  reconnect.dispose();
});

test('a machine that wakes tries at once and starts the waits over', async () => {
  const { clock, attempts, reconnect } = schedule([]);
  reconnect.start();
  for (const step of [0, 1000, 2000, 5000]) await clock.advance(step);
  reconnect.hurry();
  await clock.advance(0);
  await clock.advance(1000);
  assert.deepEqual(attempts.slice(-2), [8000, 9000]);
  reconnect.dispose();
});

test('a machine that wakes asks for nothing that was given up', async () => {
  const { clock, attempts, reconnect } = schedule([], false);
  reconnect.hurry();
  assert.deepEqual(attempts, [], 'nothing was lost');
  reconnect.start();
  await clock.advance(0);
  reconnect.hurry();
  await clock.advance(60_000);
  assert.deepEqual(attempts, [0]);
});
