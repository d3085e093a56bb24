// Windows of two versions on one host: each has the agent it was made with, for as long as it wants.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { LinkState, Vfs } from '../../src/client/vfs';
import { openHost } from '../../src/ssh/host';
import { isAlive, stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { type Sshd, startSshd } from '../fixtures/sshd';
import { realAgent } from './realAgent';

/** A window of some version, with a connection of its own that can be cut. */
async function openWindow(t: TestContext, sshd: Sshd, version: string) {
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  sshd.addHost(`proxied-${proxy.port}`, { Port: `${proxy.port}` });
  const agent = await realAgent(`${version} ${process.pid} ${sshd.port}`);
  t.after(() => agent.dispose());
  const link = await openHost(`proxied-${proxy.port}`, {
    configFile: sshd.configFile,
    payload: agent.payload,
    graceS: 30,
  });
  t.after(() => {
    if (link.daemon !== undefined) stopProcess(link.daemon.pid);
  });
  const vfs = await connectVfs(link, { graceS: 30 });
  t.after(() => vfs.dispose());
  return { proxy, link, vfs };
}

function reached(vfs: Vfs, wanted: LinkState): Promise<string> {
  return new Promise((resolve) => {
    const listening = vfs.onStateChange((state, reason) => {
      if (state !== wanted) return;
      listening.dispose();
      resolve(reason);
    });
  });
}

test('a window goes on with its agent after another one came with a newer version, and resumes with it after a drop', {
  timeout: 30_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-versions-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'file');
  writeFileSync(file, 'content');
  const cache = `${folder}.cache`;
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${cache}` } });
  t.after(() => sshd.dispose());
  const older = await openWindow(t, sshd, 'older');
  const changed = new Set<string>();
  await older.vfs.watch(folder, { recursive: true }, (changes) => {
    for (const { path } of changes) changed.add(path);
  }).ready;
  const { daemon } = older.link;
  assert.ok(daemon !== undefined);
  const newer = await openWindow(t, sshd, 'newer');
  assert.notEqual(newer.link.daemon?.pid, daemon.pid);
  assert.notEqual(newer.link.daemon?.socketPath, daemon.socketPath);

  // A save is under way when the older one's link drops; meanwhile the newer one changes the same folder.
  const lost = reached(older.vfs, 'reconnecting');
  const back = reached(older.vfs, 'connected');
  older.proxy.freeze('down');
  const saving = older.vfs.writeFile(join(folder, 'older'), Buffer.from('older'), {
    create: true,
    overwrite: false,
    expect: 'any',
  });
  await newer.vfs.writeFile(join(folder, 'newer'), Buffer.from('newer'), {
    create: true,
    overwrite: false,
    expect: 'any',
  });
  older.proxy.reset();
  await lost;
  assert.equal(await back, '', 'its session was still there');
  await saving;
  assert.equal(readFileSync(join(folder, 'older'), 'utf8'), 'older');
  assert.equal(older.link.daemon?.cookie, daemon.cookie);
  while (!changed.has(join(folder, 'newer'))) await new Promise((resolve) => setTimeout(resolve, 10));

  // The newer one's agent ends: nothing of the older one's goes with it, and each comes back to its own.
  const newerLost = reached(newer.vfs, 'reconnecting');
  const newerBack = reached(newer.vfs, 'connected');
  assert.ok(newer.link.daemon !== undefined);
  stopProcess(newer.link.daemon.pid, 'SIGKILL');
  await newerLost;
  assert.equal(await newerBack, 'the agent was started anew');
  assert.notEqual(newer.link.daemon?.socketPath, daemon.socketPath);
  assert.ok(isAlive(daemon.pid));
  assert.equal((await older.vfs.readFile(file)).toString(), 'content');
  assert.equal((await newer.vfs.readFile(file)).toString(), 'content');
});
