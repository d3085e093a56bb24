import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Random } from '../watch/random';
import { startDaemonHost } from './daemonHost';

const SEED = Number(process.env.LIVEMOUNT_SEED ?? Date.now() & 0xffffff);
/** Large enough for channels of its own. */
const BYTES = 24 << 20;
const FILES = 4;
const CUTS_EACH = 5;

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test(`a large file that is written and read while its links are cut and stall is whole, and the old one until then (seed ${SEED})`, {
  timeout: 3 * 60_000,
}, async (t) => {
  const host = await startDaemonHost(t);
  const random = new Random(SEED);
  const { vfs, proxy } = await host.connect({ keepaliveMs: 200 });
  const persist = setInterval(() => vfs.reconnect(), 10);
  t.after(() => clearInterval(persist));
  const file = join(host.folder, 'large');
  let held = randomBytes(1000);
  writeFileSync(file, held);
  let failures = 0;
  for (let i = 0; i < FILES; i++) {
    let left = CUTS_EACH;
    const arm = () => {
      if (left-- === 0) return;
      const direction = random.below(4) === 0 ? 'down' : 'up';
      const failure = random.pick(['cut', 'reset', 'freeze', 'freeze-down'] as const) ?? 'cut';
      const most = direction === 'up' ? BYTES / CUTS_EACH : 2000;
      proxy.endAfter(1 + random.below(most), direction, failure, () => {
        failures++;
        assert.equal(
          digest(readFileSync(file)),
          digest(held),
          'the old content, until all of the new is there',
        );
        arm();
      });
    };
    arm();
    const content = randomBytes(BYTES + random.below(1000));
    await vfs.writeFile(file, content, { create: true, overwrite: true, expect: 'any' });
    proxy.failNoMore();
    held = content;
    assert.equal(digest(readFileSync(file)), digest(held));
    assert.deepEqual(readdirSync(host.folder), ['large'], 'nothing staged is left');
    // Somebody else writes it, so that it is not the cache that answers.
    held = randomBytes(BYTES);
    writeFileSync(file, held);
    proxy.endAfter(1 + random.below(BYTES), 'down', 'cut', () => void failures++);
    assert.equal(digest(await vfs.readFile(file)), digest(held));
    proxy.failNoMore();
  }
  assert.ok(failures >= FILES * 2, `only ${failures} failures`);
});
