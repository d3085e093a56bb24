import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** Longer than a loaded machine takes for anything that is waited for here. */
const DEADLINE_MS = 30_000;

/** Waits for something that no event tells of; fails with its name. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!condition()) {
    assert.ok(Date.now() < end, `${what} did not come true within ${DEADLINE_MS / 1000} s`);
    await delay(20);
  }
}
