import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodeInotify, inotifyAddWatch, inotifyInit } from '../../src/agent/libc/inotify';
import { runSync } from '../../src/agent/libc/op';
import { Pump } from '../../src/agent/libc/pump';
import { In } from '../../src/protocol/mask';
import { TestMounts } from '../fixtures/mounts';

const PUMP = join(__dirname, '../../src/agent/libc/pump.ts');

// A pump keeps no process alive, this one neither.
let awake: NodeJS.Timeout;
before(() => {
  awake = setInterval(() => {}, 1000);
});
after(() => clearInterval(awake));

/** Runs a program that has a pump with something to wait for. */
async function run(end: string): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const program = `
    const { Pump } = require(${JSON.stringify(PUMP)});
    const { inotifyInit } = require(${JSON.stringify(PUMP.replace('pump', 'inotify'))});
    const { runSync } = require(${JSON.stringify(PUMP.replace('pump', 'op'))});
    const pump = new Pump();
    pump.read(runSync(inotifyInit()), () => {});
    pump.watchMounts(() => {});
    ${end}`;
  const child = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', program], { stdio: 'inherit' });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}

test('a live pump keeps neither a process that is done nor one that exits', async () => {
  assert.deepEqual(await run(''), { code: 0, signal: null });
  assert.deepEqual(await run('setTimeout(() => process.exit(7), 200);'), { code: 7, signal: null });
  assert.deepEqual(await run('process.exit(8);'), { code: 8, signal: null });
  assert.deepEqual(await run('setTimeout(() => pump.dispose(), 100);'), { code: 0, signal: null });
});

test('events come whole and in order, also while the main thread was busy', async () => {
  const mounts = new TestMounts();
  const pump = new Pump();
  try {
    const folder = mounts.directory('watched');
    const fd = runSync(inotifyInit());
    runSync(inotifyAddWatch(fd, Buffer.from(`${folder}\0`), In.CREATE));
    const names: string[] = [];
    let done = () => {};
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    const reading = pump.read(fd, (chunk) => {
      decodeInotify(chunk, (_wd, _mask, _cookie, name) => names.push(name));
      if (names.length >= 20_000) done();
    });
    // The queue holds 16,384: without a thread that reads meanwhile, this would overflow it.
    for (let i = 0; i < 20_000; i++) fs.closeSync(fs.openSync(join(folder, `file-${i}`), 'w'));
    await all;
    assert.deepEqual(
      names,
      Array.from({ length: 20_000 }, (_, i) => `file-${i}`),
    );
    reading.dispose();
  } finally {
    pump.dispose();
    mounts.dispose();
  }
});

test('a mount that comes is reported, also while events storm', async () => {
  const mounts = new TestMounts();
  const pump = new Pump();
  try {
    const folder = mounts.directory('stormed');
    const fd = runSync(inotifyInit());
    runSync(inotifyAddWatch(fd, Buffer.from(`${folder}\0`), In.CREATE));
    pump.read(fd, () => {});
    const storm = spawn('python3', [
      '-c',
      `import os\nwhile True:\n  open('${folder}/x','w').close(); os.unlink('${folder}/x')`,
    ]);
    try {
      const told = new Promise<void>((resolve) => {
        pump.watchMounts(resolve);
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', mounts.directory('point')]);
      await told;
      execFileSync('umount', [join(mounts.folder, 'point')]);
    } finally {
      storm.kill();
      await once(storm, 'exit');
    }
  } finally {
    pump.dispose();
    mounts.dispose();
  }
});

test('a descriptor is closed when nobody reads it any more', async () => {
  const pump = new Pump();
  const fd = runSync(inotifyInit());
  const reading = pump.read(fd, () => {});
  reading.dispose();
  const closed = () => !fs.existsSync(`/proc/self/fd/${fd}`);
  for (let i = 0; i < 500 && !closed(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(closed());
  pump.dispose();
});
