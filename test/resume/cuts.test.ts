import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { Vfs } from '../../src/client/vfs';
import { type HostLink, openHost } from '../../src/ssh/host';
import { stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { startSshd } from '../fixtures/sshd';
import { realAgent } from '../ssh/realAgent';
import { Random } from '../watch/random';
import { type Client, startDaemonHost } from './daemonHost';
import { Workload } from './workload';

const SEED = Number(process.env.LIVEMOUNT_SEED ?? Date.now() & 0xffffff);
/** Cuts altogether; three in ten are cuts of a real SSH connection, each of which costs a login. */
const CUTS = Number(process.env.LIVEMOUNT_CUTS ?? 500);
const SSH_CUTS = Math.ceil(CUTS * 0.3);
const FRAME_CUTS = CUTS - SSH_CUTS;
/** Sessions at work at the same time. */
const SESSIONS = 4;
const SSH_SESSIONS = 2;

/** Tries again at once, whatever its schedule says: as if the user were always asking for it. */
function impatient(t: TestContext, vfs: Vfs): void {
  const persist = setInterval(() => vfs.reconnect(), 10);
  t.after(() => clearInterval(persist));
}

/** Works until the link has been lost so often, at random points of at most so many bytes, then checks everything. */
async function workThroughCuts(
  vfs: Vfs,
  workload: Workload,
  proxy: TcpProxy,
  random: Random,
  cuts: number,
  bytes: number,
): Promise<void> {
  let seen = 0;
  const arm = () =>
    proxy.endAfter(
      1 + random.below(bytes),
      random.below(2) === 0 ? 'up' : 'down',
      random.below(2) === 0 ? 'cut' : 'reset',
      () => {
        seen++;
        if (seen < cuts) arm();
      },
    );
  arm();
  while (seen < cuts) {
    await workload.step();
    assert.ok(workload.done < cuts * 2000, `${seen} cuts in ${workload.done} steps`);
  }
  await workload.step();
  assert.notEqual(vfs.state, 'closed');
  await workload.verify();
}

/** Runs sessions side by side, each with its share of the cuts. */
async function workSideBySide(
  t: TestContext,
  folder: string,
  sessions: number,
  cuts: number,
  bytes: number,
  open: (i: number) => Promise<Client>,
): Promise<void> {
  const sideBySide = Array.from({ length: sessions }, async (_, i) => {
    const random = new Random(SEED + i);
    const { vfs, proxy } = await open(i);
    impatient(t, vfs);
    const workload = await Workload.start(vfs, join(folder, `session${i}`), random);
    t.after(() => workload.dispose());
    await workThroughCuts(vfs, workload, proxy, random, Math.ceil(cuts / sessions), bytes);
  });
  await Promise.all(sideBySide);
}

test(`across ${FRAME_CUTS} random cuts every operation takes effect exactly once, and no event is lost (seed ${SEED})`, {
  timeout: 5 * 60_000,
}, async (t) => {
  const host = await startDaemonHost(t);
  await workSideBySide(t, host.folder, SESSIONS, FRAME_CUTS, 20_000, () => host.connect({}));
});

test(`across ${SSH_CUTS} random cuts of an SSH connection likewise, from the key exchange on (seed ${SEED})`, {
  timeout: 5 * 60_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-cuts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const cache = `${folder}.cache`;
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${cache}` } });
  t.after(() => sshd.dispose());
  const agent = await realAgent(`cuts test ${process.pid}`);
  t.after(() => agent.dispose());
  const beside = await openHost(sshd.host, {
    configFile: sshd.configFile,
    payload: agent.payload,
    graceS: 60,
  });
  const { daemon } = beside;
  if (daemon !== undefined) t.after(() => stopProcess(daemon.pid));
  // Another window that is open all the time: what is tested is the link, not how a watch begins.
  const window = await connectVfs(beside, { graceS: 60 });
  t.after(() => window.dispose());
  await window.watch(folder, { recursive: true }, () => {}).ready;
  const links: HostLink[] = [beside];
  await workSideBySide(t, folder, SSH_SESSIONS, SSH_CUTS, 60_000, async (i) => {
    const proxy = await TcpProxy.start({ targetPort: sshd.port });
    t.after(() => proxy.dispose());
    sshd.addHost(`cuttable${i}`, { Port: `${proxy.port}` });
    const link = await openHost(`cuttable${i}`, {
      configFile: sshd.configFile,
      payload: agent.payload,
      graceS: 60,
    });
    links.push(link);
    const vfs = await connectVfs(link, { graceS: 60 });
    t.after(() => vfs.dispose());
    return { vfs, proxy };
  });
  // One daemon served them all, from the first channel to the last.
  assert.equal(new Set(links.map((link) => link.daemon?.cookie)).size, 1);
});
