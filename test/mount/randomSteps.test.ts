import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestMounts } from '../fixtures/mounts';
import { picture, sameSteps, type Tree } from '../kernel/randomSteps';
import { Random } from '../watch/random';
import { ground } from './mounted';

const STEPS = Number(process.env.LIVEMOUNT_STEPS ?? 1500);

test('random steps in a mount give what the same steps give on ext4 itself', async (t) => {
  const seed = Number(process.env.LIVEMOUNT_SEED ?? Date.now() % 2 ** 31);
  t.diagnostic(`LIVEMOUNT_SEED=${seed}`);
  const random = new Random(seed);
  const mounts = new TestMounts();
  t.after(() => mounts.dispose());
  const disk = mounts.filesystem('ext4', mounts.directory('disk'));
  for (const name of ['served', 'plain']) fs.mkdirSync(join(disk, name));
  const { mount } = await ground(t);
  const served = await mount(join(disk, 'served'));
  const [ours, theirs] = [served.at, join(disk, 'plain')].map((top) => ({ top, held: new Map() })) as [
    Tree,
    Tree,
  ];
  sameSteps(STEPS, seed, random, ours, theirs);
  assert.deepEqual(picture(join(disk, 'served')), picture(theirs.top));
  await served.unmount();
});
