import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLimits, WatchBudget } from '../../src/agent/watch/watchBudget';
import { MountAction } from '../../src/protocol/livemount';
import { Harness } from './harness';

test('a part of the watches stays for the other programs of the user', () => {
  const budget = new WatchBudget(1000);
  let taken = 0;
  while (budget.take()) taken++;
  assert.equal(taken, 744, 'all but 256');
  assert.equal(new WatchBudget(100_000).total, 90_000);
  budget.giveBack();
  assert.equal(budget.take(), true);
});

test('when watches run out the rest is polled, nothing is lost, and the way to raise the limit is said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-limits-'));
  const names = Array.from({ length: 60 }, (_, i) => `d${String(i).padStart(2, '0')}`);
  for (const name of names) mkdirSync(join(folder, name));
  const harness = new Harness({ backend: 'inotify', limits: { ...readLimits(), watches: 256 + 40 } });
  try {
    const listener = harness.listen();
    const seen = join(folder, 'seen');
    mkdirSync(seen);
    const { sb, mountpoint } = await listener.watch(folder, { visible: false });
    await listener.watch(seen, { recursive: false });
    const stat = harness.service.stat(sb);
    assert.ok(stat.watches > 0n && stat.watches <= 40n, `${stat.watches} watches`);
    assert.ok(stat.polled > 20n, `${stat.polled} polled`);
    const change = listener.mountRecords.find((record) => record.action === MountAction.CHANGED);
    assert.equal(change?.backend, 'inotify+poll');
    assert.match(change?.reason ?? '', /sudo sysctl fs\.inotify\.max_user_watches=\d+/);
    for (const name of names) writeFileSync(join(folder, name, 'f'), '');
    await harness.caughtUp();
    const expected = names.map((name) => `create /${name}/f`);
    assert.deepEqual(listener.take(mountpoint, folder).sort(), expected);
  } finally {
    harness.dispose();
    rmSync(folder, { recursive: true });
  }
});

test('watches that become free go to directories that are polled, and that is said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-limits-'));
  const names = Array.from({ length: 60 }, (_, i) => `d${String(i).padStart(2, '0')}`);
  for (const name of names) mkdirSync(join(folder, name));
  const harness = new Harness({ backend: 'inotify', limits: { ...readLimits(), watches: 256 + 50 } });
  try {
    const listener = harness.listen();
    const { sb, mountpoint } = await listener.watch(folder, { visible: false });
    await harness.caughtUp();
    assert.ok(harness.service.stat(sb).polled > 10n);
    for (const name of names.splice(0, 30)) rmSync(join(folder, name), { recursive: true });
    await harness.caughtUp();
    await harness.caughtUp();
    const stat = harness.service.stat(sb);
    assert.equal(stat.polled, 0n, 'none is polled any more');
    assert.ok(stat.watches > 30n && stat.watches <= 50n, `${stat.watches} watches`);
    const changes = listener.mountRecords.filter((record) => record.action === MountAction.CHANGED);
    assert.deepEqual(
      changes.slice(-2).map((record) => record.backend),
      ['inotify+poll', 'inotify'],
    );
    listener.heard.length = 0;
    for (const name of names) writeFileSync(join(folder, name, 'f'), '');
    await harness.caughtUp();
    assert.deepEqual(
      listener.take(mountpoint, folder).sort(),
      names.map((name) => `create /${name}/f`),
    );
  } finally {
    harness.dispose();
    rmSync(folder, { recursive: true });
  }
});

test('the kernel refuses watches beyond the limit, and what has none is polled (ENOSPC)', async () => {
  const program = join(__dirname, 'outOfWatches.ts');
  // A user namespace has limits of its own, so nobody else's watches are in danger.
  const script = `echo 25 > /proc/sys/user/max_inotify_watches && exec "$@"`;
  const child = spawnSync(
    'unshare',
    ['-U', '-r', 'sh', '-c', script, 'sh', process.execPath, '--import', 'tsx', program],
    { encoding: 'utf8' },
  );
  assert.equal(child.status, 0, child.stderr);
  const { watches, polled, backend, reason, heard, expected } = JSON.parse(child.stdout);
  assert.ok(watches > 0 && watches <= 25, `${watches} watches`);
  assert.ok(polled >= 25, `${polled} polled`);
  assert.equal(backend, 'inotify+poll');
  assert.match(reason, /sudo sysctl fs\.inotify\.max_user_watches=\d+/);
  assert.deepEqual(heard, expected);
});

test('no watch is left on the host when the last mark goes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-limits-'));
  for (let i = 0; i < 30; i++) mkdirSync(join(folder, `d${i}/sub`), { recursive: true });
  const harness = new Harness({ backend: 'inotify' });
  try {
    const first = harness.listen();
    const second = harness.listen();
    const { sb } = await first.watch(folder);
    await second.watch(join(folder, 'd1'));
    assert.ok(harness.service.stat(sb).watches > 60n);
    first.session.dispose();
    await harness.caughtUp();
    const left = harness.service.stat(sb).watches;
    assert.ok(left < 10n, `${left} watches are left for the second session`);
    second.session.dispose();
    assert.equal(harness.service.stat(sb).watches, 0n);
  } finally {
    harness.dispose();
    rmSync(folder, { recursive: true });
  }
});
