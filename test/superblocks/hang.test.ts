import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import { eventually } from '../client/support/hostAgent';
import { StdioAgent } from '../client/support/stdioAgent';
import { HangingMount } from './hangingMount';

/** A workspace with a healthy part and a mount that can hang, and a client that has both open and watched. */
async function workspace(t: TestContext) {
  const top = mkdtempSync(path.join(realpathSync(tmpdir()), 'livemount-hang-'));
  const backing = path.join(top, 'backing');
  const work = path.join(top, 'work');
  mkdirSync(path.join(work, 'healthy'), { recursive: true });
  mkdirSync(backing);
  writeFileSync(path.join(work, 'healthy/file'), 'healthy');
  writeFileSync(path.join(backing, 'file'), 'hanging');
  const mount = await HangingMount.of(backing, path.join(work, 'dead'));
  const agent = new StdioAgent();
  const vfs = await connectVfs(agent, { modeOf: () => 'none' });
  t.after(async () => {
    mount.dispose();
    vfs.dispose();
    await agent.ended();
    rmSync(top, { recursive: true, force: true });
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
  let answered = 0;
  const stuck = Array.from({ length: 40 }, (_, i) =>
    vfs
      .stat(path.join(dead, `name${i}`), { signal: patience.signal })
      .catch((error: { code: string }) => error.code)
      .finally(() => answered++),
  );
  for (let i = 0; i < 100; i++) {
    const file = path.join(work, 'healthy', `new${i}`);
    await vfs.writeFile(file, Buffer.from('x'), { create: true, overwrite: true });
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
  await eventually('it is said to respond', () => view()?.notResponding === false, 40_000);
  assert.equal((await vfs.readFile(path.join(dead, 'file'))).toString(), 'hanging');
});
