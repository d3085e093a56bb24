import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MountTable } from '../../src/agent/posix/mountTable';
import { MOUNT_HIDDEN, MOUNT_READONLY } from '../../src/protocol/livemount';
import type { MountChange } from '../../src/server/host/hostFs';
import { eventually } from '../client/support/hostAgent';
import { TestMounts } from '../fixtures/mounts';

/** A line of mountinfo. */
function line(
  id: number,
  parent: number,
  at: string,
  fstype = 'ext4',
  more: { root?: string; options?: string; device?: string } = {},
) {
  const { root = '/', options = 'rw,relatime', device = '8:1' } = more;
  return `${id} ${parent} ${device} ${root} ${at} ${options} shared:1 - ${fstype} source rw,seclabel`;
}

/** A table over lines that a test can change. */
function tableOf(...lines: string[]) {
  let content = lines;
  const table = new MountTable(() => Buffer.from(`${content.join('\n')}\n`, 'latin1'), { uniqueIds: false });
  return {
    table,
    set(...next: string[]) {
      content = next;
      table.refresh();
    },
    at: (path: string) => table.covering(Buffer.from(path)).mountId,
  };
}

test('the deepest mount covers a path, and names that only begin alike do not count', () => {
  const { at } = tableOf(line(1, 0, '/'), line(2, 1, '/home'), line(3, 2, '/home/user/disk'));
  assert.deepEqual(
    [
      '/',
      '/home',
      '/homework',
      '/home/user',
      '/home/user/disk',
      '/home/user/disk/a/b',
      '/home/user/diskette',
    ].map(at),
    [1, 2, 1, 2, 3, 3, 2],
  );
});

test('a mount over a mount hides it, and one above hides what is below', () => {
  const { table, at } = tableOf(
    line(1, 0, '/'),
    line(2, 1, '/a/b'),
    line(3, 2, '/a/b', 'tmpfs'),
    line(4, 3, '/a/b/c'),
    line(5, 1, '/a', 'tmpfs'),
  );
  assert.equal(at('/a/b/c'), 5);
  const hidden = table.list().filter((mount) => mount.flags & MOUNT_HIDDEN);
  assert.deepEqual(hidden.map((mount) => mount.mountId).sort(), [2, 3, 4]);
});

test('a root that is mounted over is not the root', () => {
  const { at } = tableOf(line(1, 0, '/', 'rootfs'), line(2, 1, '/'), line(3, 2, '/x'));
  assert.deepEqual(['/', '/x/y', '/y'].map(at), [2, 3, 2]);
});

test('spaces, tabs, newlines, backslashes and any bytes stand in names', () => {
  const { table } = tableOf(line(1, 0, '/'), line(2, 1, '/a\\040b\\011c\\012d\\134e\xff'));
  const name = Buffer.from('/a b\tc\nd\\e\xff', 'latin1');
  assert.equal(table.covering(name).mountId, 2);
  assert.deepEqual(table.list()[1]?.mountpoint, name);
});

test('options are those of the mount and of its filesystem; either makes it read-only', () => {
  const { table } = tableOf(line(1, 0, '/'), line(2, 1, '/ro', 'xfs', { options: 'ro,nosuid' }));
  const [root, ro] = table.list();
  assert.equal(root?.options, 'rw,relatime,seclabel');
  assert.equal((root?.flags ?? 0) & MOUNT_READONLY, 0);
  assert.equal((ro?.flags ?? 0) & MOUNT_READONLY, MOUNT_READONLY);
});

test('what may hang, or lies behind something that may, is slow', () => {
  const { table } = tableOf(
    line(1, 0, '/'),
    line(2, 1, '/nfs', 'nfs4'),
    line(3, 2, '/nfs/local', 'ext4'),
    line(4, 1, '/proc', 'proc'),
    line(5, 1, '/fuse', 'fuse.sshfs'),
    line(6, 1, '/strange', 'whatfs'),
  );
  assert.deepEqual(
    table
      .list()
      .filter((mount) => mount.slow)
      .map((mount) => mount.mountId),
    [2, 3, 5, 6],
  );
  assert.equal(table.slowAt(Buffer.from('/'), Buffer.from('nfs'))?.mountId, 2);
  assert.equal(table.slowAt(Buffer.from('/nfs'), Buffer.from('local'))?.mountId, 3);
  assert.equal(table.slowAt(Buffer.from('/'), Buffer.from('proc')), undefined);
});

test('mounts that come are reported parents first, those that go children first', () => {
  const { table, set } = tableOf(line(1, 0, '/'), line(2, 1, '/a'), line(3, 2, '/a/b'));
  const told: MountChange[] = [];
  const listening = table.onChange((changes) => told.push(...changes));
  set(line(1, 0, '/', 'ext4', { options: 'ro' }), line(4, 1, '/c'), line(5, 4, '/c/d'));
  assert.deepEqual(
    told.map(({ kind, mount }) => `${kind} ${mount.mountpoint}`),
    ['went /a/b', 'went /a', 'changed /', 'came /c', 'came /c/d'],
  );
  listening.dispose();
  set(line(1, 0, '/'));
  assert.equal(told.length, 5);
});

test('a mount that was moved went from where it was and came where it is', () => {
  const { table, set } = tableOf(line(1, 0, '/'), line(2, 1, '/a'));
  const { sb } = table.covering(Buffer.from('/a'));
  const told: MountChange[] = [];
  table.onChange((changes) => told.push(...changes));
  set(line(1, 0, '/'), line(2, 1, '/b'));
  assert.deepEqual(
    told.map(({ kind, mount }) => `${kind} ${mount.mountpoint} ${mount.sb === sb}`),
    ['went /a true', 'came /b true'],
  );
});

test('a mount number that is used again is another superblock', () => {
  const { table, set } = tableOf(line(1, 0, '/'), line(2, 1, '/a', 'ext4', { device: '7:1' }));
  const before = table.covering(Buffer.from('/a')).sb;
  set(line(1, 0, '/'), line(2, 1, '/a', 'xfs', { device: '7:2' }));
  assert.notEqual(table.covering(Buffer.from('/a')).sb, before);
  set(line(1, 0, '/', 'ext4', { options: 'ro' }), line(2, 1, '/a', 'xfs', { device: '7:2' }));
  assert.equal(table.list().length, 2);
});

test('this machine’s own table has the mounts of mountinfo, each under its unique id where there are such', () => {
  const table = new MountTable();
  assert.ok(table.list().some((mount) => mount.mountpoint.toString() === '/'));
  assert.equal(new Set(table.list().map((mount) => mount.sb)).size, table.list().length);
  assert.equal(table.covering(Buffer.from('/proc/self')).fstype, 'proc');
});

const readMountinfo = () => readFileSync('/proc/self/mountinfo');

test('a table that changes at every reading is read as far as it is sure, and again when that ends', async (t) => {
  const mounts = new TestMounts();
  t.after(() => mounts.dispose());
  const steady = mounts.filesystem('tmpfs', join(mounts.folder, 'steady'));
  const point = mounts.directory('point');
  let present = false;
  let readings = 0;
  let churning = true;
  const change = () => {
    if (present) mounts.unmount(point);
    else mounts.bind(steady, point);
    present = !present;
  };
  const table = new MountTable(() => {
    const content = readMountinfo();
    readings++;
    if (churning) change();
    return content;
  });
  assert.ok(readings > 1);
  const covering = (path: string) => table.covering(Buffer.from(path)).mountpoint.toString();
  assert.equal(covering(join(steady, 'file')), steady);
  table.refresh();
  assert.equal(covering(join(steady, 'file')), steady);
  churning = false;
  if (!present) change();
  await eventually('the mount that stayed is in the table', () => covering(join(point, 'file')) === point);
});

test('mounts that come and go in another process never make a reading fail', async (t) => {
  const mounts = new TestMounts();
  t.after(() => mounts.dispose());
  const steady = mounts.filesystem('tmpfs', join(mounts.folder, 'steady'));
  const point = mounts.directory('point');
  const script = `for i in $(seq 60); do mount --bind "${steady}" "${point}"; umount "${point}"; done; mount --bind "${steady}" "${point}"`;
  const churn = spawn('sh', ['-c', script], { stdio: 'inherit' });
  const ended = once(churn, 'exit');
  const table = new MountTable();
  const told: string[] = [];
  table.onChange((changes) => {
    for (const { kind, mount } of changes)
      if (mount.mountpoint.toString() === point) told.push(`${kind} ${mount.sb}`);
  });
  let refreshes = 0;
  while (churn.exitCode === null) {
    assert.equal(new MountTable().covering(Buffer.from(steady)).mountpoint.toString(), steady);
    table.refresh();
    assert.equal(table.covering(Buffer.from(steady)).mountpoint.toString(), steady);
    refreshes++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  assert.ok(refreshes > 0);
  table.refresh();
  assert.equal(table.covering(Buffer.from(join(point, 'x'))).mountpoint.toString(), point);
  // Each id comes once and goes once.
  const ids = new Map<string, string>();
  for (const line of told) {
    const [kind = '', sb = ''] = line.split(' ');
    if (kind === 'changed') continue;
    assert.equal(ids.get(sb), kind === 'came' ? undefined : 'came', line);
    ids.set(sb, kind);
  }
  execFileSync('umount', [point]);
});
