import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Clock } from '../../src/base/clock';
import { Stripes } from '../../src/client/transfer/stripes';
import type { Channel } from '../../src/client/session/channel';
import { RecentRequests } from '../../src/client/session/recentRequests';

const MIB = 1 << 20;

/** A session on a clock that stands still, with channels that nothing goes through. */
function session(t: TestContext) {
  let now = 10_000;
  const clock: Clock = { now: () => now, after: () => ({ dispose: () => undefined }) };
  const asked = new RecentRequests();
  const openStripe = async () => ({ isOpen: true, dispose: () => {} }) as unknown as Channel;
  const bulk = new Stripes({ asked, openStripe }, clock);
  t.after(() => bulk.dispose());
  const after = (ms: number) => {
    now += ms;
  };
  return { bulk, asked, after, ask: () => asked.add(now) };
}

test('a large transfer goes in small parts while somebody asks for something else, and in large ones again afterwards', async (t) => {
  const { bulk, ask, after } = session(t);
  ask();
  after(1);
  const carrier = bulk.carrier(64 * MIB);
  await new Promise(setImmediate);
  carrier.next();
  assert.equal(carrier.partBytes(), MIB, 'what was asked before belongs to it');
  after(100);
  ask();
  assert.ok(carrier.partBytes() < MIB / 4);
  after(999);
  assert.ok(carrier.partBytes() < MIB / 4);
  after(2);
  assert.equal(carrier.partBytes(), MIB);
});

test('who has asked again and again before a transfer begins is taken to go on', async (t) => {
  const { bulk, ask, after } = session(t);
  for (let i = 0; i < 5; i++) {
    ask();
    after(100);
  }
  const carrier = bulk.carrier(64 * MIB);
  await new Promise(setImmediate);
  carrier.next();
  assert.ok(carrier.partBytes() < MIB / 4);
  after(1000);
  assert.equal(carrier.partBytes(), MIB);
});
