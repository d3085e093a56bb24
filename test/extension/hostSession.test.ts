import assert from 'node:assert/strict';
import { test } from 'node:test';
import './support/fakeVscode';
import { connectedTo } from './support/connectedTo';
import { MemoryVfs } from '../cli/memoryVfs';
import { HostSession } from '../../src/extension/hosts/hostSession';
import { WindowLog } from '../../src/extension/show';
import { ConnectError } from '../../src/ssh/connectError';
import { HandClock, turns } from '../fixtures/handClock';

/** A host that is there once `failure` is taken away. */
function flaky(failure: Error | undefined) {
  const state = { failure, attempts: 0 };
  const clock = new HandClock();
  const vfs = new MemoryVfs();
  const session = new HostSession(
    'build',
    async () => {
      state.attempts++;
      if (state.failure !== undefined) throw state.failure;
      return connectedTo(vfs);
    },
    new WindowLog(),
    clock,
  );
  return { state, clock, vfs, session };
}

const unreachable = () => new ConnectError('unreachable', 'nobody listens');
const refused = () => new ConnectError('authentication', 'build did not let me in');

test('what is asked for a folder of the window is answered once the host is there, by itself', async () => {
  const { state, clock, vfs, session } = flaky(unreachable());
  const waiting = [session.awaitVfs(), session.awaitVfs()];
  await turns();
  assert.equal(session.state, 'failed');
  assert.deepEqual(clock.waits, [2000], 'one attempt is planned, whoever waits');
  assert.equal(session.retryInMs, 2000);
  await clock.pass(2000);
  assert.deepEqual(clock.waits, [5000], 'and then after longer waits');
  state.failure = undefined;
  await clock.pass(5000);
  assert.deepEqual(await Promise.all(waiting), [vfs, vfs]);
  assert.equal(state.attempts, 3);
  assert.equal(session.outage, undefined);
});

test('while it waits, the session says why, since when and when it is tried again', async () => {
  const { session } = flaky(unreachable());
  void session.awaitVfs();
  await turns();
  assert.ok((session.outage?.since ?? 0) > 0);
  assert.match(String(session.outage?.error), /nobody listens/);
  assert.notEqual(session.retryInMs, undefined);
});

test('what only the user can help with is not tried again by itself, and goes on after a Reconnect', async () => {
  const { state, clock, vfs, session } = flaky(refused());
  const waiting = session.awaitVfs();
  await turns();
  assert.deepEqual(clock.waits, []);
  await clock.pass(60_000);
  assert.equal(state.attempts, 1, 'nobody is asked for a password again and again');
  state.failure = undefined;
  await session.reconnect();
  assert.equal(await waiting, vfs);
});

test('coming back to the window ends the wait for the next attempt', async () => {
  const { state, vfs, session } = flaky(unreachable());
  const waiting = session.awaitVfs();
  await turns();
  state.failure = undefined;
  session.hurry();
  assert.equal(await waiting, vfs);
});

test('a Disconnect answers who waits, and a forgotten host keeps nobody waiting', async () => {
  const first = flaky(unreachable());
  const waiting = assert.rejects(first.session.awaitVfs(), /disconnected/);
  await turns();
  first.session.disconnect();
  await waiting;
  const second = flaky(refused());
  const forgotten = assert.rejects(second.session.awaitVfs());
  await turns();
  second.session.dispose();
  await forgotten;
  assert.deepEqual(second.clock.waits, []);
});

test('calls that do not wait fail with the same error for ten seconds, and then try again', async () => {
  const { state, clock, session } = flaky(unreachable());
  await assert.rejects(session.vfs(), /nobody listens/);
  await assert.rejects(session.vfs(), /nobody listens/);
  assert.equal(state.attempts, 1);
  await clock.pass(10_000);
  state.failure = undefined;
  await session.vfs();
  assert.equal(state.attempts, 2);
});
