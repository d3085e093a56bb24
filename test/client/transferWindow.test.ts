import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock';
import { inWindow, TransferWindow } from '../../src/client/transfer/transferWindow';

const MIB = 1 << 20;

interface Flight {
  readonly window: TransferWindow;
  readonly ms: number;
  /** What the last tenth of the parts waited for the link, each, in ms. */
  readonly queuedMs: readonly number[];
}

/** A link with a rate and a delay, on a clock of its own: parts are delivered in order, each when the link gets to it. */
function simulate(
  rateBytesPerMs: number,
  rttMs: number,
  parts: number,
  { isShared = false, bytes = MIB }: { readonly isShared?: boolean; readonly bytes?: number } = {},
): Flight {
  const window = new TransferWindow(() => isShared);
  let now = 0;
  let free = 0;
  const queuedMs: number[] = [];
  const flying: { at: number; arrived: (nowMs: number) => void }[] = [];
  for (let sent = 0; sent < parts || flying.length > 0; ) {
    const waits = window.waits(now);
    const isDue = sent < parts && window.hasRoom(bytes);
    if (isDue && waits <= 0) {
      if (sent > parts * 0.9) queuedMs.push(Math.max(free - now, 0));
      free = Math.max(free, now) + bytes / rateBytesPerMs;
      flying.push({ at: free + rttMs, arrived: window.sent(bytes, now) });
      sent++;
      continue;
    }
    const [next] = flying;
    if (isDue && (next === undefined || now + waits < next.at)) {
      now += waits;
      continue;
    }
    if (next === undefined) break;
    flying.shift();
    now = next.at;
    next.arrived(now);
  }
  return { window, ms: now, queuedMs };
}

test('the window grows until the link is full, and then leaves little waiting on it', () => {
  for (const { rate, rtt } of [
    { rate: 100_000, rtt: 100 },
    { rate: 12_500, rtt: 100 },
    { rate: 1_000_000, rtt: 20 },
  ]) {
    const parts = 400;
    const { window, ms } = simulate(rate, rtt, parts);
    const best = (parts * MIB) / rate + rtt;
    assert.ok(ms < best * 1.35, `${rate} B/ms, ${rtt} ms: ${Math.round(ms)} ms, ${Math.round(best)} at best`);
    const inFlight = Math.floor(window.bytes / MIB) * MIB;
    const queued = inFlight / rate - rtt - MIB / rate;
    assert.ok(queued <= 11, `${rate} B/ms, ${rtt} ms: ${queued.toFixed(1)} ms of it wait`);
  }
});

test('while others use the link, hardly anything of a transfer waits on it, and the link is used all the same', () => {
  for (const { rate, rtt } of [
    { rate: 250_000, rtt: 0.5 },
    { rate: 100_000, rtt: 20 },
    { rate: 100_000, rtt: 100 },
    { rate: 12_500, rtt: 100 },
  ]) {
    const parts = 8000;
    const bytes = 128 << 10;
    const { ms, queuedMs } = simulate(rate, rtt, parts, { isShared: true, bytes });
    const best = (parts * bytes) / rate + rtt;
    const where = `${rate} B/ms, ${rtt} ms`;
    assert.ok(ms < best * 1.5, `${where}: ${Math.round(ms)} ms, ${Math.round(best)} at best`);
    const longest = Math.max(...queuedMs);
    // A part of this size that is just being carried takes 10 ms on the slowest of them.
    assert.ok(longest <= 8 + bytes / rate, `${where}: ${longest.toFixed(1)} ms`);
  }
});

test('a slow link is not flooded: what is in flight comes down to the least there may be', () => {
  const { window, queuedMs } = simulate(100, 10, 60);
  assert.ok(window.bytes <= 2 * MIB, `${window.bytes} bytes`);
  // Two parts of a mebibyte at a time: each waits for the one before it.
  const longest = Math.max(...queuedMs);
  assert.ok(longest <= (1.01 * MIB) / 100, `${longest.toFixed(0)} ms`);
});

test('a transfer with nothing in flight always goes on, one with a part larger than the window waits', () => {
  const window = new TransferWindow();
  assert.equal(window.hasRoom(100 * MIB), true);
  window.sent(MIB, 0);
  assert.equal(window.hasRoom(100 * MIB), false);
});

test('parts cover the whole once, and none is started after a failure', async () => {
  const seen: number[] = [];
  await inWindow(
    10 * MIB + 5,
    { partBytes: () => MIB, window: new TransferWindow(), clock: systemClock },
    async (from, to) => {
      assert.ok(to - from <= MIB);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(to - from);
    },
  );
  assert.equal(
    seen.reduce((sum, bytes) => sum + bytes, 0),
    10 * MIB + 5,
  );

  let started = 0;
  await assert.rejects(
    inWindow(
      100 * MIB,
      { partBytes: () => MIB, window: new TransferWindow(), clock: systemClock },
      async () => {
        started++;
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('the host is full');
      },
    ),
    /the host is full/,
  );
  assert.ok(started <= 4, `${started} parts were started`);
});
