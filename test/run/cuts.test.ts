// A process that counts, and one that is counted for, while the SSH connection is cut again and again.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { Vfs } from '../../src/client/vfs';
import { openHost } from '../../src/ssh/host';
import { eventually } from '../client/support/hostAgent';
import { stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { startSshd } from '../fixtures/sshd';
import { realAgent } from '../ssh/realAgent';

/** Each costs a login. With LIVEMOUNT_CUTS=200 it takes some minutes. */
const CUTS = Number(process.env.LIVEMOUNT_CUTS ?? 10);
const COUNT = 400_000;

interface Distant {
  readonly vfs: Vfs;
  readonly proxy: TcpProxy;
}

/** A real server, through a connection that can be cut. */
async function distant(t: TestContext): Promise<Distant> {
  const cache = mkdtempSync(path.join(tmpdir(), 'livemount-cuts-'));
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${cache}` } });
  t.after(() => sshd.dispose());
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  sshd.addHost('distant', { Port: `${proxy.port}` });
  const agent = await realAgent(`cuts of processes ${process.pid}`);
  t.after(() => agent.dispose());
  const link = await openHost('distant', { configFile: sshd.configFile, payload: agent.payload, graceS: 60 });
  const { daemon } = link;
  if (daemon !== undefined) t.after(() => stopProcess(daemon.pid));
  const vfs = await connectVfs(link, { graceS: 60 });
  t.after(() => vfs.dispose());
  const persist = setInterval(() => vfs.reconnect(), 10);
  t.after(() => clearInterval(persist));
  return { vfs, proxy };
}

test(`every number comes once, at ${CUTS} cuts of the SSH connection`, {
  timeout: 15 * 60_000,
}, async (t) => {
  const { vfs, proxy } = await distant(t);
  const counting = await vfs.processes.start({ run: { program: ['seq', `${COUNT}`] }, window: 4 << 10 });
  const expected = createHash('sha256');
  let length = 0;
  for (let i = 1; i <= COUNT; i++) {
    expected.update(`${i}\n`);
    length += `${i}\n`.length;
  }
  const received = createHash('sha256');
  let seen = 0;
  let cuts = 0;
  for await (const chunk of counting.output as AsyncIterable<Buffer>) {
    received.update(chunk);
    seen += chunk.length;
    if (cuts === CUTS || seen < ((cuts + 0.5) * length) / CUTS) continue;
    cuts++;
    proxy.cut();
    await eventually('the cut is noticed', () => vfs.state !== 'connected');
    await eventually('connected again', () => vfs.state === 'connected', 60_000);
  }
  assert.deepEqual(await counting.ended, { code: 0, signal: 0 });
  assert.deepEqual([seen, cuts], [length, CUTS]);
  assert.equal(received.digest('hex'), expected.digest('hex'));
});
