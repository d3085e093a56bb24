import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { MountTable } from '../../src/agent/posix/mountTable';
import { PosixHostFs } from '../../src/agent/posix/posixHostFs';
import type { Change, Vfs } from '../../src/client/vfs';
import { OpenFlag } from '../../src/server/ops/openFlags';
import { eventually } from '../client/support/hostAgent';
import { TestMounts } from '../fixtures/mounts';
import { mountingHost } from './workspaces';

const { RDONLY } = OpenFlag;

async function setting(t: TestContext): Promise<{ vfs: Vfs; mounts: TestMounts; work: string }> {
  const { vfs, mounts } = await mountingHost(t);
  // A mount of its own, that what happens in it spreads nowhere.
  const work = mounts.filesystem('tmpfs', path.join(realpathSync(mounts.folder), 'work'));
  execFileSync('mount', ['--make-private', work]);
  await eventually('the folder is reported', () =>
    vfs.superblocks().some(({ mountpoint }) => mountpoint === work),
  );
  return { vfs, mounts, work };
}

/** Collects the changes below a path. */
async function listen(vfs: Vfs, at: string) {
  const changes: Change[] = [];
  const watch = vfs.watch(at, { recursive: true }, (batch) => changes.push(...batch));
  await watch.ready;
  return {
    dispose: () => watch.dispose(),
    count: (kind: Change['kind'], where: string) =>
      changes.filter((change) => change.kind === kind && change.path === where).length,
  };
}

function viewAt(vfs: Vfs, mountpoint: string) {
  return vfs.superblocks().find((view) => view.mountpoint === mountpoint && view.mount.fstype !== '');
}

it('reads on from a file whose mount was taken away lazily, and lets the mount go with it', async (t) => {
  const mounts = new TestMounts();
  t.after(() => mounts.dispose());
  const at = mounts.filesystem('ext4', path.join(realpathSync(mounts.folder), 'mnt'));
  writeFileSync(path.join(at, 'file'), 'still here');
  const loops = () => execFileSync('losetup', ['-j', path.join(mounts.folder, 'image-0')]).toString();
  assert.notEqual(loops(), '');
  const table = new MountTable();
  const host = new PosixHostFs(table);
  const known = await host.stat({ path: Buffer.from(path.join(at, 'file')) });
  const file = await host.open({ path: Buffer.from(path.join(at, 'file')) }, RDONLY);
  mounts.detach(at);
  table.refresh();
  const into = Buffer.alloc(10);
  assert.equal(await file.read(into, 0n), 10);
  assert.equal(into.toString(), 'still here');
  await assert.rejects(async () => host.stat({ path: Buffer.from(path.join(at, 'file')), expect: known }), {
    code: 'ESTALE',
  });
  await file.close();
  await eventually('its loop device is free', () => loops() === '');
});

it('reports a folder that is mounted over once to each of many watchers, and its unmount once', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = path.join(work, 'a/point');
  mkdirSync(at, { recursive: true });
  const listeners = await Promise.all(
    Array.from({ length: 50 }, (_, i) => listen(vfs, [work, path.join(work, 'a'), at][i % 3] ?? work)),
  );
  mounts.filesystem('tmpfs', at);
  await eventually('all have it', () => listeners.every(({ count }) => count('mount', at) > 0));
  await eventually('it is watched', () => (viewAt(vfs, at)?.generation ?? 0n) > 0n);
  writeFileSync(path.join(at, 'file'), '');
  await eventually('all have the file in it', () =>
    listeners.every(({ count }) => count('create', path.join(at, 'file')) > 0),
  );
  mounts.unmount(at);
  await eventually('all have the unmount', () => listeners.every(({ count }) => count('unmount', at) > 0));
  for (const { count, dispose } of listeners) {
    assert.deepEqual(
      [count('mount', at), count('unmount', at), count('create', path.join(at, 'file'))],
      [1, 1, 1],
    );
    dispose();
  }
});

it('watches a bind mount of a folder into itself, and reports a change once under each of its paths', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const loop = path.join(work, 'loop');
  mkdirSync(loop);
  mounts.bind(work, loop);
  await eventually('it is reported', () => viewAt(vfs, loop) !== undefined);
  const listener = await listen(vfs, work);
  await eventually('both are watched', () => (viewAt(vfs, loop)?.generation ?? 0n) > 0n);
  assert.deepEqual(
    (await vfs.readDirectory(loop)).map(({ name }) => name),
    ['loop'],
  );
  assert.deepEqual(await vfs.readDirectory(path.join(loop, 'loop')), []);
  writeFileSync(path.join(work, 'file'), '');
  const places = [path.join(work, 'file'), path.join(loop, 'file')];
  await eventually('both paths are reported', () =>
    places.every((place) => listener.count('create', place) > 0),
  );
  assert.deepEqual(
    places.map((place) => listener.count('create', place)),
    [1, 1],
  );
  listener.dispose();
});

it('reports every mount of a tree that is taken away at once, each one time', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = mounts.filesystem('tmpfs', path.join(work, 'top'));
  const inner = ['one', 'two', 'one/deep'].map((name) => path.join(at, name));
  for (const place of inner) mounts.filesystem('tmpfs', place);
  await eventually('all have it', () => vfs.mountsBelow(work).length === 4);
  const listener = await listen(vfs, work);
  mounts.detach(at);
  await eventually('none is left', () => vfs.mountsBelow(work).length === 0);
  for (const place of [at, ...inner]) assert.equal(listener.count('unmount', place), 1, place);
  assert.deepEqual(await vfs.readDirectory(at), []);
  listener.dispose();
});

it('follows a mount that is moved', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const from = mounts.filesystem('tmpfs', path.join(work, 'from'));
  const to = path.join(work, 'to');
  mkdirSync(to);
  writeFileSync(path.join(from, 'file'), 'x');
  await eventually('it is reported', () => viewAt(vfs, from) !== undefined);
  const listener = await listen(vfs, work);
  assert.equal((await vfs.stat(path.join(from, 'file'))).size, 1n);
  execFileSync('mount', ['--move', from, to]);
  await eventually('its new place is told', () => viewAt(vfs, to) !== undefined);
  assert.equal(viewAt(vfs, from), undefined);
  assert.equal((await vfs.stat(path.join(to, 'file'))).size, 1n);
  await assert.rejects(vfs.stat(path.join(from, 'file')), { code: 'ENOENT' });
  let written = 0;
  await eventually('changes are told under the new place', () => {
    writeFileSync(path.join(to, `new${written++}`), '');
    return Array.from({ length: written }, (_, i) => path.join(to, `new${i}`)).some(
      (place) => listener.count('create', place) > 0,
    );
  });
  execFileSync('mount', ['--move', to, from]);
  listener.dispose();
});

it('shows that a mount was made read-only, refuses to write there, and takes it back', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = mounts.filesystem('ext4', path.join(work, 'mnt'));
  const file = path.join(at, 'file');
  writeFileSync(file, 'x');
  await eventually('it is reported', () => viewAt(vfs, at) !== undefined);
  let told = 0;
  const listening = vfs.onSuperblocksChange(() => told++);
  assert.equal((await vfs.stat(file)).readonly, false);
  const save = () => vfs.writeFile(file, Buffer.from('y'), { create: false, overwrite: true, expect: 'any' });

  execFileSync('mount', ['-o', 'remount,ro', at]);
  await eventually('it is read-only', () => /\bro\b/.test(viewAt(vfs, at)?.mount.options ?? ''));
  assert.ok(told > 0);
  assert.equal((await vfs.stat(file)).readonly, true);
  await assert.rejects(save(), { code: 'EROFS' });

  execFileSync('mount', ['-o', 'remount,rw', at]);
  await eventually('it is writable', () => /\brw\b/.test(viewAt(vfs, at)?.mount.options ?? ''));
  assert.equal((await vfs.stat(file)).readonly, false);
  await save();
  listening.dispose();
});

const SHUTDOWN = `
import fcntl, os, struct, sys
root = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(root, 0x8004587d, struct.pack("I", 1))  # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN: without writing the log
`;

for (const type of ['ext4', 'xfs'] as const) {
  it(`says EIO of a ${type} whose device is gone, keeps everything else, and lets it be unmounted`, async (t) => {
    const { vfs, mounts, work } = await setting(t);
    const at = mounts.filesystem(type, path.join(work, 'mnt'));
    mkdirSync(path.join(at, 'folder'));
    for (let i = 0; i < 20; i++) writeFileSync(path.join(at, `folder/file${i}`), 'x');
    await eventually('it is reported', () => viewAt(vfs, at) !== undefined);
    const listener = await listen(vfs, work);
    assert.equal((await vfs.readDirectory(path.join(at, 'folder'))).length, 20);

    execFileSync('python3', ['-c', SHUTDOWN, at]);
    await assert.rejects(
      vfs.writeFile(path.join(at, 'new'), Buffer.from('x'), { create: true, overwrite: true, expect: 'any' }),
      (error: { code: string }) => ['EIO', 'EROFS'].includes(error.code),
    );
    writeFileSync(path.join(work, 'file'), 'x');
    await eventually(
      'a change beside it is told',
      () => listener.count('create', path.join(work, 'file')) > 0,
    );
    assert.equal((await vfs.stat(path.join(work, 'file'))).size, 1n);
    mounts.unmount(at);
    await eventually('its end is told', () => listener.count('unmount', at) === 1);
    assert.deepEqual(readdirSync(at), []);
    listener.dispose();
  });
}
