import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inWindow, TransferWindow } from '../../src/client/transferWindow';

const MIB = 1 << 20;

/** A link with a rate and a delay, on a clock of its own: parts are delivered in order, each when the link gets to it. */
function simulate(
  rateBytesPerMs: number,
  rttMs: number,
  parts: number,
): { window: TransferWindow; ms: number } {
  const window = new TransferWindow();
  let now = 0;
  let free = 0;
  const flying: { at: number; arrived: (nowMs: number) => void }[] = [];
  for (let sent = 0; sent < parts || flying.length > 0; ) {
    if (sent < parts && window.hasRoom(MIB)) {
      free = Math.max(free, now) + MIB / rateBytesPerMs;
      flying.push({ at: free + rttMs, arrived: window.sent(MIB, now) });
      sent++;
      continue;
    }
    const next = flying.shift();
    if (next === undefined) break;
    now = next.at;
    next.arrived(now);
  }
  return { window, ms: now };
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
    const queued = window.bytes / rate - rtt - MIB / rate;
    assert.ok(queued <= 11, `${rate} B/ms, ${rtt} ms: ${queued.toFixed(1)} ms of it wait`);
  }
});

test('a slow link is not flooded', () => {
  const { window } = simulate(100, 10, 20);
  assert.ok(window.bytes <= 64 * MIB);
  assert.equal(simulate(1, 1, 3).window.hasRoom(MIB), true);
});

test('parts cover the whole once, and none is started after a failure', async () => {
  const seen: number[] = [];
  await inWindow(
    10 * MIB + 5,
    () => MIB,
    new TransferWindow(),
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
      () => MIB,
      new TransferWindow(),
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
