import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestMounts } from '../fixtures/mounts';
import { Random } from '../watch/random';
import { KernelMount } from './kernelMount';
import { picture, sameSteps, type Tree } from './randomSteps';

const STEPS = Number(process.env.LIVEMOUNT_STEPS ?? 10_000);

test('10,000 random steps through the kernel give what the same steps give on ext4 itself', async (t) => {
  const seed = Number(process.env.LIVEMOUNT_SEED ?? Date.now() % 2 ** 31);
  t.diagnostic(`LIVEMOUNT_SEED=${seed}`);
  const random = new Random(seed);
  const mounts = new TestMounts();
  const disk = mounts.filesystem('ext4', mounts.directory('disk'));
  for (const name of ['served', 'plain']) fs.mkdirSync(join(disk, name));
  const kernel = await KernelMount.of(join(disk, 'served'));
  const [ours, theirs] = [kernel.path, join(disk, 'plain')].map((top) => ({ top, held: new Map() })) as [
    Tree,
    Tree,
  ];
  try {
    sameSteps(STEPS, seed, random, ours, theirs);
    assert.deepEqual(picture(join(disk, 'served')), picture(theirs.top));
    await kernel.unmount();
  } finally {
    await kernel.dispose();
    mounts.dispose();
  }
});
