import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Vfs } from '../../src/client/vfs';
import type { Failure } from '../fixtures/proxy';
import { Random } from '../watch/random';
import { startDaemonHost } from './daemonHost';
import { Workload } from './workload';

const SEED = Number(process.env.LIVEMOUNT_SEED ?? Date.now() & 0xffffff);
/** Probes in place of those every five seconds; a link is dead after three without a byte. */
const KEEPALIVE_MS = 60;
const STALLS = 12;

/** Resolves as soon as the state is reached next. */
function reached(vfs: Vfs, wanted: Vfs['state']): Promise<void> {
  return new Promise((resolve) => {
    const listening = vfs.onStateChange((state) => {
      if (state !== wanted) return;
      listening.dispose();
      resolve();
    });
  });
}

for (const failure of ['freeze', 'freeze-up', 'freeze-down'] as const satisfies readonly Failure[]) {
  test(`a link that stalls ${STALLS} times at random points (${failure}) is found dead and resumed; what had stalled comes out later and does nothing (seed ${SEED})`, {
    timeout: 3 * 60_000,
  }, async (t) => {
    const host = await startDaemonHost(t);
    const random = new Random(SEED);
    const { vfs, proxy } = await host.connect({ keepaliveMs: KEEPALIVE_MS });
    const workload = await Workload.start(vfs, join(host.folder, 'session'), random);
    t.after(() => workload.dispose());
    let stalls = 0;
    const arm = () => {
      const direction = random.below(2) === 0 ? 'up' : 'down';
      proxy.endAfter(1 + random.below(15_000), direction, failure, () => {
        stalls++;
        // The new link is up, and the network that had held everything back delivers it after all.
        void reached(vfs, 'connected').then(() => {
          if (random.below(3) > 0) proxy.flow();
          if (stalls < STALLS) arm();
        });
      });
    };
    arm();
    while (stalls < STALLS) await workload.step();
    await workload.step();
    await workload.verify();
  });
}

test('a request that stalled, was sent again, and arrives at last when its time is long past, is not carried out', {
  timeout: 60_000,
}, async (t) => {
  const host = await startDaemonHost(t);
  const { vfs, proxy } = await host.connect({ keepaliveMs: KEEPALIVE_MS });
  const folder = join(host.folder, 'folder');
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), 'first');
  await vfs.readDirectory(folder);
  proxy.freeze();
  const removing = vfs.remove(join(folder, 'file'), { recursive: false });
  await removing;
  assert.deepEqual(readdirSync(folder), []);
  await vfs.writeFile(join(folder, 'file'), Buffer.from('second'), {
    create: true,
    overwrite: false,
    expect: 'any',
  });
  const before = proxy.bytes('up');
  proxy.flow();
  // What comes behind it on the new link is carried out later than what comes out of the old one.
  await vfs.stat(host.folder);
  for (let i = 0; i < 20; i++) await vfs.statfs(folder);
  assert.ok(proxy.bytes('up') > before);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('a frozen daemon is found dead as a link is, and the session goes on when it thaws', {
  timeout: 60_000,
}, async (t) => {
  const host = await startDaemonHost(t);
  const { vfs } = await host.connect({ keepaliveMs: KEEPALIVE_MS });
  const workload = await Workload.start(vfs, join(host.folder, 'session'), new Random(SEED));
  t.after(() => workload.dispose());
  for (let i = 0; i < 10; i++) await workload.step();
  const lost = reached(vfs, 'reconnecting');
  process.kill(host.pid, 'SIGSTOP');
  const step = workload.step();
  await lost;
  const back = reached(vfs, 'connected');
  process.kill(host.pid, 'SIGCONT');
  vfs.reconnect();
  await back;
  await step;
  for (let i = 0; i < 10; i++) await workload.step();
  await workload.verify();
});
