import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestMounts } from '../fixtures/mounts';
import { READ_POSITIONS } from './directoryStream';
import { KernelMount } from './kernelMount';

const ENTRIES = 100_000;

/** Makes and removes names beside the stable ones for as long as it lives. */
const CHURN = `
import os, sys
i = 0
while True:
    open(f'{sys.argv[1]}/churn-{i}', 'w').close()
    if i >= 200: os.unlink(f'{sys.argv[1]}/churn-{i - 200}')
    i += 1
`;

/** Reads a directory with seeks back to earlier cookies, and says whether the same entries followed. */
const SEEK = `${READ_POSITIONS}for i in (len(seen) - 1, 1, len(seen) // 2, 7):
    libc.seekdir(d, seen[i][0])
    assert name() == seen[i][1], i
libc.rewinddir(d)
assert name() == seen[0][1]
print(len(seen))
`;

test('100,000 entries are listed once each, while others come and go', async () => {
  const mounts = new TestMounts();
  const root = mounts.filesystem('tmpfs', mounts.directory('root'), 'nr_inodes=300k');
  const kernel = await KernelMount.of(root);
  try {
    const names = Array.from({ length: ENTRIES }, (_, i) => `stable-${i}`).sort();
    for (const name of names) fs.closeSync(fs.openSync(join(root, name), 'w'));
    const churn = spawn('python3', ['-c', CHURN, root], { stdio: 'ignore' });
    try {
      for (let round = 0; round < 2; round++) {
        const listed = fs.readdirSync(kernel.path).filter((name) => name.startsWith('stable-'));
        assert.equal(listed.length, ENTRIES);
        assert.deepEqual(listed.sort(), names);
      }
    } finally {
      churn.kill();
      await once(churn, 'exit');
    }
    const seen = Number(execFileSync('python3', ['-c', SEEK, kernel.path], { encoding: 'utf8' }));
    assert.ok(seen >= ENTRIES + 2, `${seen} entries with . and ..`);
    await kernel.unmount();
  } finally {
    await kernel.dispose();
    mounts.dispose();
  }
});

test('st_ino is unique over several mounts of the host, and . and .. have the numbers of stat', async () => {
  const mounts = new TestMounts();
  const root = mounts.directory('root');
  for (const name of ['one', 'two']) mounts.filesystem('tmpfs', join(root, name));
  mounts.filesystem('ext4', join(root, 'three'));
  const kernel = await KernelMount.of(root);
  try {
    const numbers = new Map<string, string>();
    for (const name of ['one', 'two', 'three']) {
      for (let i = 0; i < 20; i++) fs.writeFileSync(join(root, name, `file-${i}`), '');
      for (const file of ['.', ...fs.readdirSync(join(kernel.path, name))]) {
        const path = join(kernel.path, name, file);
        const { ino } = fs.statSync(path, { bigint: true });
        assert.equal(numbers.get(String(ino)), undefined, `${path} and ${numbers.get(String(ino))}`);
        numbers.set(String(ino), path);
      }
    }
    const listed = execFileSync('ls', ['-1ai', join(kernel.path, 'one')], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/) as [string, string]);
    for (const [ino, name] of listed.filter(([, name]) => name === '.' || name.startsWith('file'))) {
      assert.equal(ino, String(fs.lstatSync(join(kernel.path, 'one', name), { bigint: true }).ino), name);
    }
    await kernel.unmount();
  } finally {
    await kernel.dispose();
    mounts.dispose();
  }
});
