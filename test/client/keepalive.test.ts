// A machine that sleeps: its calendar goes on, the clock of its timers does not.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { mock, type TestContext, test } from 'node:test';
import { Channel } from '../../src/client/session/channel';
import { Keepalive } from '../../src/client/session/keepalive';

const PERIOD_MS = 5000;

function watched(t: TestContext) {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  let calendar = Date.now();
  t.mock.method(Date, 'now', () => calendar);
  const seen = { probes: 0, wakes: 0, deaths: 0, received: 0, ended: '' };
  let answer = () => {};
  const channel = new Channel(new PassThrough(), {
    reply: () => assert.fail('nothing is sent'),
    ended: (_, reason) => {
      seen.ended = reason.message;
    },
  });
  const keepalive = new Keepalive({
    received: () => seen.received,
    probe: (answered) => {
      seen.probes++;
      answer = answered;
    },
    woke: () => seen.wakes++,
    died: () => seen.deaths++,
  });
  t.after(() => keepalive.dispose());
  keepalive.watch(channel);
  const sleep = (ms: number) => {
    calendar += ms;
  };
  const pass = (ms: number) => {
    for (let i = 0; i < ms; i++) {
      calendar++;
      mock.timers.tick(1);
    }
  };
  return { seen, channel, sleep, pass, answer: () => answer() };
}

test('a quiet link is asked every period, and is dead after three', (t) => {
  const { seen, channel, pass } = watched(t);
  pass(2 * PERIOD_MS);
  assert.equal(seen.probes, 2);
  assert.equal(channel.isOpen, true);
  pass(PERIOD_MS);
  assert.match(seen.ended, /nothing was heard/);
  assert.deepEqual([seen.wakes, seen.deaths], [0, 0]);
});

test('after a sleep the link is asked within a second, and is dead after one period', (t) => {
  const { seen, channel, pass, sleep } = watched(t);
  sleep(3_600_000);
  pass(1000);
  assert.deepEqual([seen.wakes, seen.probes], [1, 1]);
  pass(PERIOD_MS - 1);
  assert.equal(channel.isOpen, true);
  pass(1);
  assert.equal(channel.isOpen, false);
  assert.equal(seen.deaths, 1);
});

test('a link that answers after a sleep is as good as any', (t) => {
  const { seen, channel, pass, sleep, answer } = watched(t);
  sleep(3_600_000);
  pass(1000);
  answer();
  pass(2 * PERIOD_MS);
  assert.equal(channel.isOpen, true);
  pass(PERIOD_MS);
  assert.equal(channel.isOpen, false);
  assert.equal(seen.deaths, 0, 'it was alive after the sleep');
});

test('what had arrived before the sleep does not prove that the link lives, what arrives later does', (t) => {
  const { seen, channel, pass, sleep } = watched(t);
  sleep(3_600_000);
  pass(1000);
  seen.received += 100;
  pass(1000);
  seen.received += 100;
  pass(PERIOD_MS);
  assert.equal(channel.isOpen, true);
  sleep(3_600_000);
  pass(1000);
  seen.received += 100;
  pass(PERIOD_MS);
  assert.equal(channel.isOpen, false);
  assert.equal(seen.deaths, 1);
});

test('a machine that wakes without a link says so', (t) => {
  const { seen, channel, pass, sleep } = watched(t);
  channel.dispose();
  sleep(3_600_000);
  pass(1000);
  assert.deepEqual([seen.wakes, seen.probes], [1, 0]);
});

test('a moment of work, and a calendar that is set back, are no sleep', (t) => {
  const { seen, pass, sleep } = watched(t);
  sleep(10_000);
  pass(1000);
  sleep(-3_600_000);
  pass(1000);
  assert.equal(seen.wakes, 0);
});
