import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { mountsIn } from '../../src/client/superblocks/mountsBelow';
import type { Change, Vfs } from '../../src/client/vfs';
import type { ErrnoError } from '../../src/protocol/errno';
import { eventually } from '../client/support/hostAgent';
import type { TestMounts } from '../fixtures/mounts';
import { mountingHost } from './workspaces';

async function setting(t: TestContext): Promise<{ vfs: Vfs; mounts: TestMounts; work: string }> {
  const { vfs, mounts } = await mountingHost(t);
  return { vfs, mounts, work: realpathSync(mounts.directory('work')) };
}

/** The type of the mount that holds a path, as a client sees it. */
async function typeAt(vfs: Vfs, at: string): Promise<string | undefined> {
  const { sb } = await vfs.stat(at);
  return vfs.superblocks().find(({ mount }) => mount.sb === sb)?.mount.fstype;
}

for (const type of ['tmpfs', 'ext4', 'xfs', 'btrfs'] as const) {
  it(`makes ${type} a superblock of its own, with its own root`, async (t) => {
    const { vfs, mounts, work } = await setting(t);
    const at = mounts.filesystem(type, path.join(work, 'mnt'));
    writeFileSync(path.join(at, 'inside'), type);
    const [entry] = await vfs.readDirectory(work);
    assert.deepEqual([entry?.name, entry?.kind, entry?.isMountpoint], ['mnt', 'directory', true]);
    const root = await vfs.stat(at);
    assert.equal(root.isMountpoint, true);
    assert.notEqual(root.sb, (await vfs.stat(work)).sb);
    assert.equal(await typeAt(vfs, path.join(at, 'inside')), type);
    assert.equal((await vfs.readFile(path.join(at, 'inside'))).toString(), type);
  });
}

it('distinguishes an overlay from what lies under it', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const lower = mounts.directory('lower');
  writeFileSync(path.join(lower, 'file'), 'lower');
  const at = mounts.overlay(lower, path.join(work, 'over'));
  await vfs.writeFile(path.join(at, 'file'), Buffer.from('upper'), {
    create: false,
    overwrite: true,
    expect: 'any',
  });
  assert.equal(await typeAt(vfs, path.join(at, 'file')), 'overlay');
  assert.equal((await vfs.readFile(path.join(lower, 'file'))).toString(), 'lower');
});

it('distinguishes a bind mount of a directory from its source, though device and inode are the same', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const source = path.join(work, 'source');
  const target = path.join(work, 'target');
  mkdirSync(source);
  mkdirSync(target);
  mounts.bind(source, target);
  const [there, here] = [await vfs.stat(source), await vfs.stat(target)];
  assert.equal(here.version.ino, there.version.ino);
  assert.notEqual(here.sb, there.sb);
  assert.equal(here.isMountpoint, true);
  assert.equal(there.isMountpoint, false);
});

it('shows a bind mount of a single file as a file of another superblock, and saves it in place', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const source = path.join(work, 'source');
  const target = path.join(work, 'target');
  writeFileSync(source, 'one');
  writeFileSync(target, 'covered');
  mounts.bind(source, target);
  const stat = await vfs.stat(target);
  assert.equal(stat.kind, 'file');
  assert.notEqual(stat.sb, (await vfs.stat(source)).sb);
  await vfs.writeFile(target, Buffer.from('two'), { create: false, overwrite: true, expect: 'any' });
  assert.equal((await vfs.readFile(source)).toString(), 'two');
});

it('keeps a btrfs subvolume in the superblock of its mount', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = mounts.filesystem('btrfs', path.join(work, 'mnt'));
  execFileSync('btrfs', ['subvolume', 'create', path.join(at, 'sub')], { stdio: 'ignore' });
  writeFileSync(path.join(at, 'sub/file'), 'x');
  assert.equal((await vfs.stat(path.join(at, 'sub/file'))).sb, (await vfs.stat(at)).sb);
  assert.equal((await vfs.stat(path.join(at, 'sub'))).isMountpoint, false);
});

it('shows the upper of two mounts on one place, and the lower when that is gone', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = mounts.filesystem('tmpfs', path.join(work, 'mnt'));
  writeFileSync(path.join(at, 'lower'), '');
  mounts.filesystem('tmpfs', at);
  writeFileSync(path.join(at, 'upper'), '');
  const names = async () => (await vfs.readDirectory(at)).map(({ name }) => name);
  assert.deepEqual(await names(), ['upper']);
  mounts.unmount(at);
  await eventually('the lower mount is told', () => vfs.mountsBelow(work).length === 1);
  assert.deepEqual(await names(), ['lower']);
});

it('refuses a rename across mounts with EXDEV, and leaves both sides alone', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = mounts.filesystem('tmpfs', path.join(work, 'mnt'));
  writeFileSync(path.join(work, 'file'), 'x');
  await assert.rejects(vfs.rename(path.join(work, 'file'), path.join(at, 'file'), { overwrite: false }), {
    code: 'EXDEV',
  });
  assert.equal((await vfs.stat(path.join(work, 'file'))).size, 1n);
  await assert.rejects(vfs.stat(path.join(at, 'file')), { code: 'ENOENT' });
});

it('does not delete through a mount unless told to, and then names it', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const folder = path.join(work, 'folder');
  const at = mounts.filesystem('tmpfs', path.join(folder, 'mnt'));
  writeFileSync(path.join(at, 'precious'), 'x');
  writeFileSync(path.join(folder, 'file'), 'x');
  await assert.rejects(vfs.remove(folder, { recursive: true }), { code: 'EBUSY' });
  assert.equal((await vfs.stat(path.join(folder, 'file'))).size, 1n);
  assert.deepEqual(
    vfs.mountsBelow(folder).map(({ mountpoint }) => mountpoint),
    [at],
  );
});

it('empties the mounts it was told to cross, leaves their mount points and says so', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const folder = path.join(work, 'folder');
  const at = mounts.filesystem('tmpfs', path.join(folder, 'mnt'));
  const single = path.join(folder, 'single');
  writeFileSync(path.join(work, 'source'), 'kept');
  writeFileSync(single, '');
  mounts.bind(path.join(work, 'source'), single);
  mkdirSync(path.join(at, 'deep/deeper'), { recursive: true });
  mkdirSync(path.join(folder, 'plain/deep'), { recursive: true });
  writeFileSync(path.join(at, 'deep/deeper/file'), 'x');
  writeFileSync(path.join(folder, 'plain/deep/file'), 'x');
  await eventually('both are told', () => mountsIn(vfs, folder).length === 2);

  const crossMounts = mountsIn(vfs, folder).map(({ mount }) => mount.sb);
  await assert.rejects(vfs.remove(folder, { recursive: true, crossMounts }), (error: ErrnoError) => {
    assert.equal(error.code, 'EBUSY');
    assert.match(error.message, /emptied, but a mount point stays until it is unmounted/);
    assert.ok(error.message.includes(at) && error.message.includes(single));
    return true;
  });
  assert.deepEqual(readdirSync(folder).sort(), ['mnt', 'single']);
  assert.deepEqual(readdirSync(at), []);
  assert.equal(readFileSync(path.join(work, 'source'), 'utf8'), 'kept');

  mounts.unmount(at);
  mounts.unmount(single);
  await eventually('they are gone', () => mountsIn(vfs, folder).length === 0);
  await vfs.remove(folder, { recursive: true });
  assert.deepEqual(readdirSync(work), ['source']);
});

it('empties a mount that is deleted by its own path', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = mounts.filesystem('ext4', path.join(work, 'mnt'));
  writeFileSync(path.join(at, 'file'), 'x');
  await eventually('it is told', () => mountsIn(vfs, at).length === 1);
  await assert.rejects(vfs.remove(at, { recursive: true }), { code: 'EBUSY' });
  assert.ok(readdirSync(at).includes('file'));
  const crossMounts = mountsIn(vfs, at).map(({ mount }) => mount.sb);
  await assert.rejects(vfs.remove(at, { recursive: true, crossMounts }), { code: 'EBUSY' });
  assert.deepEqual(readdirSync(at), []);
});

it('crosses no mount that came after the others were named, and removes nothing then', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const folder = path.join(work, 'folder');
  const first = mounts.filesystem('tmpfs', path.join(folder, 'first'));
  writeFileSync(path.join(first, 'file'), 'x');
  await eventually('it is told', () => mountsIn(vfs, folder).length === 1);
  const crossMounts = mountsIn(vfs, folder).map(({ mount }) => mount.sb);
  const second = mounts.filesystem('tmpfs', path.join(folder, 'second'));
  writeFileSync(path.join(second, 'file'), 'x');
  await assert.rejects(vfs.remove(folder, { recursive: true, crossMounts }), { code: 'EBUSY' });
  assert.deepEqual([readdirSync(first), readdirSync(second)], [['file'], ['file']]);
});

it('empties a bind mount of a folder above it once, and ends', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const folder = path.join(work, 'folder');
  const loop = path.join(folder, 'sub/loop');
  mkdirSync(loop, { recursive: true });
  writeFileSync(path.join(folder, 'file'), 'x');
  mounts.bind(folder, loop);
  await eventually('it is told', () => mountsIn(vfs, folder).length === 1);
  const crossMounts = mountsIn(vfs, folder).map(({ mount }) => mount.sb);
  await assert.rejects(vfs.remove(folder, { recursive: true, crossMounts }), { code: 'EBUSY' });
  assert.deepEqual(readdirSync(folder), ['sub']);
  mounts.unmount(loop);
  assert.deepEqual(readdirSync(loop), []);
});

it('watches a mount that comes under a watched tree, reports both, and what lies beneath when it goes', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = path.join(work, 'mnt');
  mkdirSync(at);
  writeFileSync(path.join(at, 'beneath'), '');
  const changes: Change[] = [];
  const watch = vfs.watch(work, { recursive: true }, (batch) => changes.push(...batch));
  await watch.ready;
  const told = (kind: Change['kind'], where: string) =>
    changes.some((change) => change.kind === kind && change.path === where);

  mounts.filesystem('tmpfs', at);
  await eventually('the mount is told', () => told('mount', at));
  const view = () =>
    vfs.superblocks().find(({ mountpoint, mount }) => mountpoint === at && mount.fstype === 'tmpfs');
  await eventually('it is armed', () => (view()?.generation ?? 0n) > 0n);
  writeFileSync(path.join(at, 'above'), 'x');
  await eventually('a file in it is told', () => told('create', path.join(at, 'above')));

  mounts.unmount(at);
  await eventually('the unmount is told', () => told('unmount', at));
  assert.equal(changes.filter(({ kind }) => kind === 'unmount').length, 1);
  assert.deepEqual(
    (await vfs.readDirectory(at)).map(({ name }) => name),
    ['beneath'],
  );
  watch.dispose();
});

it('never keeps a mount busy: folders open, files read, watches armed', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const at = mounts.filesystem('ext4', path.join(work, 'mnt'));
  mkdirSync(path.join(at, 'a/b'), { recursive: true });
  writeFileSync(path.join(at, 'a/b/file'), 'x'.repeat(100_000));
  const watch = vfs.watch(work, { recursive: true }, () => undefined);
  await watch.ready;
  await vfs.readDirectory(at);
  await vfs.readDirectory(path.join(at, 'a/b'));
  await vfs.readFile(path.join(at, 'a/b/file'));
  await vfs.writeFile(path.join(at, 'a/b/file'), Buffer.from('y'), {
    create: false,
    overwrite: true,
    expect: 'any',
  });
  mounts.unmount(at);
  await eventually('the unmount is told', () => vfs.mountsBelow(work).length === 0);
  await assert.rejects(vfs.stat(path.join(at, 'a')), { code: 'ENOENT' });
});

it('stays whole with 1,000 mounts below one folder', async (t) => {
  const { vfs, mounts, work } = await setting(t);
  const source = mounts.directory('source');
  writeFileSync(path.join(source, 'file'), 'x');
  // On a mount of their own, so that they all go with it.
  mounts.filesystem('tmpfs', work);
  const script = `i=0; while [ $i -lt 1000 ]; do mkdir m$i && mount --bind "${source}" m$i; i=$((i+1)); done`;
  execFileSync('sh', ['-c', script], { cwd: work });
  await eventually('all are told', () => vfs.mountsBelow(work).length === 1000, 20_000);
  const watch = vfs.watch(work, { recursive: true }, () => undefined);
  await watch.ready;
  const entries = await vfs.readDirectory(work);
  assert.equal(entries.filter(({ isMountpoint }) => isMountpoint).length, 1000);
  const ids = new Set(vfs.superblocks().map(({ mount }) => mount.sb));
  assert.ok(ids.size >= 1000);
  assert.equal((await vfs.stat(path.join(work, 'm999/file'))).size, 1n);
  watch.dispose();
});
