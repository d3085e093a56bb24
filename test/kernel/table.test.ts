import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TestMounts } from '../fixtures/mounts';
import { KernelMount } from './kernelMount';

interface Counts {
  readonly pid: number;
  readonly inodes?: number;
  readonly handles?: number;
}

const FILES = 2000;

test('lookups are given back: the table shrinks to the root when the kernel lets go of what it knew', async () => {
  const mounts = new TestMounts();
  const counts = join(mounts.folder, 'counts');
  const root = mounts.filesystem('tmpfs', mounts.directory('root'));
  const kernel = await KernelMount.of(root, {
    agent: join(__dirname, 'countingAgent.ts'),
    env: { LIVEMOUNT_COUNTS: counts, NODE_OPTIONS: '--import tsx' },
  });
  const ask = async (): Promise<Required<Counts>> => {
    const { pid } = JSON.parse(fs.readFileSync(counts, 'utf8')) as Counts;
    fs.rmSync(counts);
    process.kill(pid, 'SIGUSR2');
    while (!fs.existsSync(counts) || fs.statSync(counts).size === 0) await delay(5);
    return JSON.parse(fs.readFileSync(counts, 'utf8')) as Required<Counts>;
  };
  try {
    const fd = fs.openSync(join(kernel.path, 'held'), 'w');
    for (let i = 0; i < FILES; i++) {
      const folder = join(kernel.path, `folder-${i % 20}`);
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(join(folder, `file-${i}`), 'x');
    }
    for (let i = 0; i < FILES; i += 3) fs.rmSync(join(kernel.path, `folder-${i % 20}`, `file-${i}`));
    const full = await ask();
    assert.ok(full.inodes > FILES / 2, `the kernel holds ${full.inodes} inodes`);
    assert.equal(full.handles, 1);
    fs.closeSync(fd);
    // 2: dentries and inodes. (proc_sys_vm(5))
    fs.writeFileSync('/proc/sys/vm/drop_caches', '2');
    let left = await ask();
    // FORGETs are sent behind everything else.
    for (let i = 0; i < 500 && (left.inodes > 1 || left.handles > 0); i++) {
      await delay(10);
      left = await ask();
    }
    assert.deepEqual([left.inodes, left.handles], [1, 0]);
    await kernel.unmount();
  } finally {
    await kernel.dispose();
    mounts.dispose();
  }
});
