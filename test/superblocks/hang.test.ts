import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import { eventually } from '../client/support/hostAgent';
import { StdioAgent } from '../client/support/stdioAgent';
import { FuseMount } from './fuseMount';
import { hangingWorkspace } from './workspaces';

/** A workspace with a healthy part and a mount that can hang, and a client that has both open and watched. */
async function workspace(t: TestContext) {
  const { vfs, mount, work } = await hangingWorkspace(t, {
    beside: { 'healthy/file': 'healthy' },
    at: 'dead',
    inside: { file: 'hanging' },
  });
  const watch = vfs.watch(work, { recursive: true }, () => undefined);
  await watch.ready;
  return { vfs, mount, work };
}

it('answers everything else while a mount hangs, and the mount again when it comes back', async (t) => {
  const { vfs, mount, work } = await workspace(t);
  const dead = path.join(work, 'dead');
  assert.equal((await vfs.readFile(path.join(dead, 'file'))).toString(), 'hanging');

  mount.hang();
  const patience = new AbortController();
  setMaxListeners(40, patience.signal);
  let answered = 0;
  const stuck = Array.from({ length: 40 }, (_, i) =>
    vfs
      .stat(path.join(dead, `name${i}`), { signal: patience.signal })
      .catch((error: { code: string }) => error.code)
      .finally(() => answered++),
  );
  for (let i = 0; i < 100; i++) {
    const file = path.join(work, 'healthy', `new${i}`);
    await vfs.writeFile(file, Buffer.from('x'), { create: true, overwrite: true, expect: 'any' });
    assert.equal((await vfs.stat(file)).size, 1n);
    assert.equal((await vfs.readFile(path.join(work, 'healthy/file'))).toString(), 'healthy');
  }
  assert.ok((await vfs.readDirectory(path.join(work, 'healthy'))).length > 100);
  assert.ok((await vfs.readDirectory(work)).some(({ name }) => name === 'dead'));
  assert.equal(answered, 0, 'the requests to the dead mount can not have been answered');

  patience.abort();
  const outcomes = await Promise.all(stuck);
  assert.deepEqual([...new Set(outcomes)], ['ECANCELED']);

  mount.recover();
  assert.equal((await vfs.readFile(path.join(dead, 'file'))).toString(), 'hanging');
});

it('says that a mount does not respond, and that it does again', async (t) => {
  const { vfs, mount, work } = await workspace(t);
  const dead = path.join(work, 'dead');
  const view = () => vfs.superblocks().find(({ mountpoint }) => mountpoint === dead);
  assert.equal(view()?.notResponding, false);

  mount.hang();
  await assert.rejects(vfs.stat(path.join(dead, 'file')), { code: 'ETIMEDOUT' });
  assert.equal(view()?.notResponding, true);
  assert.equal((await vfs.stat(path.join(work, 'healthy/file'))).size, 7n);

  mount.recover();
  await eventually('it responds again', () => view()?.notResponding === false, 40_000);
  assert.equal((await vfs.readFile(path.join(dead, 'file'))).toString(), 'hanging');
});

/** A client of an agent process, a folder, and mounts in it of which none ever answered. */
async function deadWorkspace(t: TestContext, count: number) {
  const work = mkdtempSync(path.join(realpathSync(tmpdir()), 'livemount-dead-'));
  writeFileSync(path.join(work, 'file'), 'healthy');
  const dead = Array.from({ length: count }, (_, i) => new FuseMount(path.join(work, `dead${i}`)));
  const agent = new StdioAgent();
  const vfs = await connectVfs(agent, { modeOf: () => 'none' });
  const all = [...dead];
  t.after(async () => {
    for (const mount of new Set([...all, ...dead])) mount.dispose();
    vfs.dispose();
    await agent.ended();
    rmSync(work, { recursive: true, force: true });
  });
  return { vfs, work, dead };
}

it('interrupts a request at the daemon of a mount when its user gives up', async (t) => {
  const { vfs, dead } = await deadWorkspace(t, 1);
  const [mount] = dead;
  assert.ok(mount !== undefined);
  const patience = new AbortController();
  const stat = vfs.stat(path.join(mount.at, 'file'), { signal: patience.signal });
  const asked = await mount.asked('STATX', 'GETATTR', 'LOOKUP');
  patience.abort();
  await assert.rejects(stat, { code: 'ECANCELED' });
  const interrupt = await mount.asked('INTERRUPT');
  assert.equal(interrupt.body.readBigUInt64LE(0), asked.unique);
  mount.fail(asked, 'EINTR');

  mount.revive();
  await assert.rejects(vfs.stat(path.join(mount.at, 'file')), { code: 'ENOENT' });
});

it('stays awake when a mount that never answers is asked in the moment it was made', async (t) => {
  const { vfs, work, dead } = await deadWorkspace(t, 0);
  const watch = vfs.watch(work, { recursive: true }, () => undefined);
  await watch.ready;
  const patience = new AbortController();
  setMaxListeners(20, patience.signal);
  const stuck: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    const mount = new FuseMount(path.join(work, `new${i}`));
    dead.push(mount);
    stuck.push(vfs.stat(path.join(mount.at, 'file'), { signal: patience.signal }).catch(() => undefined));
    assert.equal((await vfs.stat(path.join(work, 'file'))).size, 7n);
  }
  patience.abort();
  await Promise.all(stuck);
  watch.dispose();
});

it('keeps a mount that answers alive among more dead ones than there are threads', async (t) => {
  const { vfs, work, dead } = await deadWorkspace(t, 151);
  const healthy = dead.pop();
  assert.ok(healthy !== undefined);
  healthy.revive();
  assert.equal((await vfs.stat(healthy.at)).kind, 'directory');

  const watch = vfs.watch(work, { recursive: true }, () => undefined);
  const patience = new AbortController();
  setMaxListeners(dead.length, patience.signal);
  let answered = 0;
  const stuck = dead.map(({ at }) =>
    vfs
      .stat(path.join(at, 'file'), { signal: patience.signal })
      .catch((error: { code: string }) => error.code)
      .finally(() => answered++),
  );
  for (let i = 0; i < 20; i++) {
    assert.equal((await vfs.stat(healthy.at)).kind, 'directory');
    assert.deepEqual(await vfs.readDirectory(healthy.at), []);
    await vfs.writeFile(path.join(work, 'file'), Buffer.from(`${i}`), {
      create: false,
      overwrite: true,
      expect: 'any',
    });
    await vfs.sync(path.join(work, 'file'));
  }
  assert.equal(answered, 0, 'none of the dead mounts can have answered');
  patience.abort();
  assert.deepEqual([...new Set(await Promise.all(stuck))], ['ECANCELED']);
  watch.dispose();
});
