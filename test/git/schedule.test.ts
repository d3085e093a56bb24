import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOLD_MS, RefreshSchedule } from '../../src/client/git/refresh';
import { triggerOf } from '../../src/client/git/triggers';
import { HandClock } from '../fixtures/handClock';

function scheduled(duration = 0) {
  const clock = new HandClock();
  const state = { begun: 0, running: 0, most: 0, end: () => {} };
  const schedule = new RefreshSchedule(clock, async () => {
    state.begun++;
    state.most = Math.max(state.most, ++state.running);
    if (duration > 0) await new Promise<void>((resolve) => (state.end = resolve));
    state.running--;
  });
  return { clock, state, schedule };
}

test('a storm of changes is one refresh', async () => {
  const { clock, state, schedule } = scheduled();
  for (let i = 0; i < 100; i++) schedule.changed();
  await clock.pass(FOLD_MS);
  assert.equal(state.begun, 1);
  await clock.pass(10 * FOLD_MS);
  assert.equal(state.begun, 1);
});

test('a change during a refresh is followed by one more, never two at a time', async () => {
  const { clock, state, schedule } = scheduled(1);
  schedule.changed();
  await clock.pass(FOLD_MS);
  schedule.changed();
  schedule.changed();
  await clock.pass(1000);
  assert.equal(state.begun, 1);
  state.end();
  await clock.pass(0);
  await clock.pass(FOLD_MS);
  assert.equal(state.begun, 1, 'it rests for twice its time');
  await clock.pass(2000);
  assert.equal(state.begun, 2);
  assert.equal(state.most, 1);
});

test('asked for by a person, it begins at once and behind the one under way', async () => {
  const { clock, state, schedule } = scheduled(1);
  schedule.changed();
  await clock.pass(FOLD_MS);
  const asked = schedule.now();
  state.end();
  await clock.pass(0);
  await clock.pass(0);
  assert.equal(state.begun, 2);
  state.end();
  await asked;
});

test('a disposed schedule begins nothing', async () => {
  const { clock, state, schedule } = scheduled();
  schedule.changed();
  schedule.dispose();
  await clock.pass(10_000);
  await schedule.now();
  assert.equal(state.begun, 0);
});

test('what alters a status is told from what git only writes down', () => {
  const of = (path: string) => triggerOf(path, '/r', ['/r/.git']);
  for (const path of ['/r/a', '/r/src/.gitignore', '/r']) assert.equal(of(path), 'worktree', path);
  for (const path of [
    'index',
    'HEAD',
    'refs/heads/a/b',
    'MERGE_HEAD',
    'rebase-merge/done',
    'packed-refs',
    'refs/stash',
  ])
    assert.equal(of(`/r/.git/${path}`), 'git', path);
  for (const path of [
    'index.lock',
    'objects/ab/cd',
    'logs/HEAD',
    'COMMIT_EDITMSG',
    'refs/heads/a.lock',
    'hooks/x',
  ])
    assert.equal(of(`/r/.git/${path}`), 'none', path);
  assert.equal(triggerOf('/r2/a', '/r', ['/r/.git']), 'none');
  assert.equal(triggerOf('/c/.git/worktrees/w/index', '/w', ['/c/.git/worktrees/w', '/c/.git']), 'git');
});
