import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimeSlice } from '../../src/base/timeSlice';

test('work goes on without a break while its slice lasts, and lets what waits run when it is used up', async () => {
  let now = 0;
  const slice = new TimeSlice(1, () => now);
  now = 7;
  assert.equal(slice.yieldIfDue(), undefined);
  now = 8;
  let ran = false;
  setImmediate(() => {
    ran = true;
  });
  const pause = slice.yieldIfDue();
  assert.ok(pause, 'the slice is used up');
  await pause;
  assert.equal(ran, true);
  assert.equal(slice.yieldIfDue(), undefined, 'a new slice has begun');
});

test('the clock is read once in so many steps', () => {
  let looks = 0;
  const slice = new TimeSlice(16, () => looks++);
  for (let step = 0; step < 160; step++) slice.yieldIfDue();
  assert.equal(looks, 1 + 10);
});
