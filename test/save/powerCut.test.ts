// The disk as a power cut would leave it: a copy of the image under a mounted filesystem, whose journal is replayed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { REPLACE_FSYNC } from '../../src/protocol/livemount';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { openHost, Places } from './places';
import { SaveClient } from './saveClient';
import { ways } from './ways';

const OLD = 'old '.repeat(5000);
const NEW = 'new '.repeat(5000);
/** With the mount option commit=1 the journal is written by then, and delayed data is not: that takes 30 s. */
const COMMITTED_MS = 2500;

/** What the file holds once the machine is up again. */
function afterPowerCut(places: Places, name: string): string | undefined {
  const image = join(places.top, `${name}.img`);
  copyFileSync(join(places.top, 'w.img'), image);
  const mount = places.folder(name);
  execFileSync('mount', ['-o', 'loop', image, mount]);
  try {
    const file = join(mount, 'a');
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  } finally {
    execFileSync('umount', [mount]);
  }
}

const without = [
  'over a file',
  'over a file, without unnamed files',
  'over a file, where names can not be exchanged',
];

for (const name of [...without, 'a new file', 'in place, for a second link']) {
  test(`${name}: a power cut leaves the old or the new file, also with no durability asked for`, async () => {
    using places = new Places();
    const folder = places.image('w', 'ext4', 16, 'commit=1');
    const way = ways[name];
    const file = join(folder, 'a');
    if (!way?.isNew) {
      writeFileSync(file, OLD);
      way?.prepare?.(file);
    }
    execFileSync('sync', ['-f', folder]);
    const { host } = new FaultHostFs(openHost(), way?.lack);
    await new SaveClient(host, folder).save('a', NEW);
    for (const moment of ['at once', 'later']) {
      if (moment === 'later') await delay(COMMITTED_MS);
      const found = afterPowerCut(places, `cut ${moment}`);
      const whole = found === NEW || found === (way?.isNew ? undefined : OLD);
      assert.ok(whole, `${moment}: ${found?.length} bytes`);
    }
  });
}

test('a save that was acknowledged as durable is there after a power cut', async () => {
  using places = new Places();
  const folder = places.image('w', 'ext4', 16, 'commit=300');
  const client = new SaveClient(openHost(), folder);
  await client.save('a', OLD, { absent: true, flags: REPLACE_FSYNC });
  assert.equal(afterPowerCut(places, 'first'), OLD);
  await client.save('a', NEW, { flags: REPLACE_FSYNC });
  assert.equal(afterPowerCut(places, 'second'), NEW);
});

test('after SYNCFS everything this session saved is there after a power cut', async () => {
  using places = new Places();
  const folder = places.image('w', 'ext4', 16, 'commit=300');
  const client = new SaveClient(openHost(), folder);
  await client.save('a', OLD, { absent: true });
  await client.do('SYNCFS', await client.walk(''), {} as never);
  assert.equal(afterPowerCut(places, 'synced'), OLD);
});
