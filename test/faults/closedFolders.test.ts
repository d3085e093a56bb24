import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually, scratch } from '../client/support/hostAgent';
import { type Confined, confined, reads, refused } from './confinedAgent';

/** An agent of a user without rights, and a folder of root's that this user may read. */
async function asNobody(t: TestContext): Promise<Confined & { readonly dir: string }> {
  const dir = scratch(t);
  fs.chmodSync(dir, 0o755);
  return { ...(await confined(t, { backend: 'inotify', asNobody: true })), dir };
}

test('what happened in a folder while it was closed to the agent is shown when it is open again', async (t) => {
  const { vfs, dir, watch, told } = await asNobody(t);
  const a = join(dir, 'a');
  fs.mkdirSync(join(a, 'b'), { recursive: true });
  fs.writeFileSync(join(a, 'b/f'), 'old');
  await watch(dir);
  await reads(vfs, join(a, 'b/f'), 'old');
  assert.equal((await vfs.readDirectory(join(a, 'b'))).length, 1);
  fs.chmodSync(a, 0o000);
  fs.writeFileSync(join(a, 'b/new'), 'new');
  fs.writeFileSync(join(a, 'b/f'), 'changed');
  fs.mkdirSync(join(a, 'nd'));
  await refused(vfs, join(a, 'b/f'));
  fs.chmodSync(a, 0o755);
  await told('create', join(a, 'b/new'));
  await told('modify', join(a, 'b/f'));
  await told('create', join(a, 'nd'));
  await reads(vfs, join(a, 'b/f'), 'changed');
  fs.writeFileSync(join(a, 'nd/inner'), '');
  await told('create', join(a, 'nd/inner'));
});

test('a folder that was renamed inside a closed one is watched under its new name', async (t) => {
  const { vfs, dir, watch, told, changes } = await asNobody(t);
  fs.mkdirSync(join(dir, 'a/b'), { recursive: true });
  fs.writeFileSync(join(dir, 'a/b/f'), 'old');
  await watch(dir);
  await reads(vfs, join(dir, 'a/b/f'), 'old');
  fs.chmodSync(join(dir, 'a'), 0o000);
  fs.renameSync(join(dir, 'a/b'), join(dir, 'a/bb'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  fs.chmodSync(join(dir, 'a'), 0o755);
  // Told before the folder was open again it is a creation, else a rename.
  await eventually('the new name', () =>
    changes.some(({ path, to }) => path === join(dir, 'a/bb') || to === join(dir, 'a/bb')),
  );
  fs.writeFileSync(join(dir, 'a/bb/g'), '');
  await told('create', join(dir, 'a/bb/g'));
});

test('a folder that is opened and renamed in one go is reported with all that is in it, and watched from then on', async (t) => {
  const { vfs, dir, watch, told, changes } = await asNobody(t);
  await watch(dir);
  for (let i = 0; i < 4; i++) {
    const x = join(dir, `x${i}`);
    const y = join(dir, `y${i}`);
    fs.mkdirSync(x, { mode: 0o700 });
    fs.writeFileSync(join(x, 'f'), '1');
    fs.mkdirSync(join(x, 's'));
    await new Promise((resolve) => setTimeout(resolve, i * 20));
    execFileSync('perl', ['-e', 'chmod 0755, $ARGV[0]; rename $ARGV[0], $ARGV[1]', x, y]);
    // Opened before it was renamed for the agent, it may be told under either name.
    for (const name of ['f', 's'])
      await eventually(`${name} of ${y}`, () =>
        changes.some(({ kind, path }) => kind === 'create' && [join(x, name), join(y, name)].includes(path)),
      );
    fs.writeFileSync(join(y, 's/later'), '');
    await told('create', join(y, 's/later'));
    assert.equal((await vfs.readDirectory(y)).length, 2);
  }
});

test('a file in a folder that the agent may pass but not read is never shown old, and its changes are reported', async (t) => {
  const { vfs, dir, watch, told } = await asNobody(t);
  const closed = join(dir, 'closed');
  fs.mkdirSync(closed);
  fs.writeFileSync(join(closed, 'f'), 'one');
  fs.chmodSync(closed, 0o711);
  await watch(join(closed, 'f'), { recursive: false });
  await watch(join(closed, 'absent'), { recursive: false });
  await reads(vfs, join(closed, 'f'), 'one');
  await assert.rejects(vfs.stat(join(closed, 'absent')), /ENOENT/);
  fs.writeFileSync(join(closed, 'f'), 'two');
  fs.writeFileSync(join(closed, 'absent'), 'here');
  await told('modify', join(closed, 'f'));
  await told('create', join(closed, 'absent'));
  fs.writeFileSync(join(closed, 'f'), 'three');
  await reads(vfs, join(closed, 'f'), 'three');
  await reads(vfs, join(closed, 'absent'), 'here');
});

test('while a folder is closed its mount says so, and nothing else loses its lease', async (t) => {
  const { vfs, dir, watch } = await asNobody(t);
  fs.mkdirSync(join(dir, 'closed'), { mode: 0o700 });
  fs.mkdirSync(join(dir, 'open'));
  await watch(dir);
  const reason = () =>
    vfs
      .superblocks()
      .map(({ mount }) => mount.reason)
      .join('\n');
  await eventually('the reason', () => reason().includes("one folder can't be watched"));
  assert.equal((await vfs.stat(join(dir, 'open'))).kind, 'directory');
  assert.equal((await vfs.explain(join(dir, 'open'))).lease, 'lease');
  assert.equal((await vfs.explain(join(dir, 'closed/any'))).lease, 'timeout');
  fs.chmodSync(join(dir, 'closed'), 0o755);
  await eventually('no reason', () => !reason().includes("can't be watched"));
  assert.equal((await vfs.explain(join(dir, 'closed/any'))).lease, 'lease');
});
