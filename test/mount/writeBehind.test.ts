import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestMounts } from '../fixtures/mounts';
import { ground, type Served } from './mounted';
import { until } from './until';

async function requestsOf(served: Served): Promise<number> {
  return Number(await served.ask('requests'));
}

test('many writes of a file are few requests, and each small file costs its creation, its content and its closing', async (t) => {
  const { folder, mount } = await ground(t);
  const [work, beside] = ['work', 'beside'].map((name) => join(folder, name)) as [string, string];
  for (const place of [work, join(beside, 'source')]) fs.mkdirSync(place, { recursive: true });
  // Nothing goes because of the time that has passed, however busy the machine is.
  const served = await mount(work, { gatherMs: 600_000 });
  await until('the lease', async () => (await served.ask('leased')) === 'true');

  const before = await requestsOf(served);
  const fd = fs.openSync(join(served.at, 'log'), 'w');
  for (let i = 0; i < 2000; i++) fs.writeSync(fd, `line ${i}\n`);
  fs.closeSync(fd);
  const written = (await requestsOf(served)) - before;
  t.diagnostic(`2000 lines: ${written} requests`);
  assert.ok(written < 10, `${written} requests`);
  assert.equal(fs.readFileSync(join(work, 'log'), 'utf8').split('\n').length, 2001);

  const FILES = 200;
  for (let i = 0; i < FILES; i++)
    fs.writeFileSync(join(beside, `source/file-${i}`), `content ${i}\n`.repeat(i * 20));
  execFileSync('tar', ['-cf', join(beside, 'source.tar'), 'source'], { cwd: beside });
  const start = await requestsOf(served);
  execFileSync('tar', ['-xf', join(beside, 'source.tar')], { cwd: served.at });
  const each = ((await requestsOf(served)) - start) / FILES;
  t.diagnostic(`tar, out of an archive: ${each} requests for each file`);
  // Creation; content with times and owner; closing. What tar asks of the folder itself comes on top.
  assert.ok(each < 5.2, `${each} requests for each file`);
  assert.equal(execFileSync('diff', ['-r', join(beside, 'source'), join(work, 'source')]).toString(), '');
  await served.unmount();
});

test('what is written is seen at once here, and on the host without being closed', async (t) => {
  const { folder, mount } = await ground(t);
  const served = await mount(folder);
  const fd = fs.openSync(join(served.at, 'file'), 'w+');
  for (let i = 0; i < 100; i++) {
    fs.writeSync(fd, `part ${i};`);
    const { size } = i % 2 === 0 ? fs.fstatSync(fd) : fs.statSync(join(served.at, 'file'));
    assert.equal(size, Buffer.byteLength(fs.readFileSync(join(served.at, 'file'), 'utf8')));
  }
  const whole = fs.readFileSync(join(served.at, 'file'), 'utf8');
  assert.equal(whole.split(';').length, 101);
  await until('the host has it', async () => fs.readFileSync(join(folder, 'file'), 'utf8') === whole);
  fs.writeSync(fd, 'behind', 3);
  fs.truncateSync(join(served.at, 'file'), 6);
  assert.equal(fs.readFileSync(join(folder, 'file'), 'utf8'), 'parbeh');
  fs.writeSync(fd, 'name', 0);
  fs.renameSync(join(served.at, 'file'), join(served.at, 'moved'));
  assert.equal(fs.readFileSync(join(folder, 'moved'), 'utf8'), 'nameeh');
  fs.closeSync(fd);
  await served.unmount();
});

test('what somebody else writes into a file that a program here is writing shows here, too', async (t) => {
  const { folder, mount } = await ground(t);
  const at = join(folder, 'file');
  const PAGE = 4096;
  fs.writeFileSync(at, Buffer.alloc(2 * PAGE, 'a'));
  const served = await mount(folder, { gatherMs: 600_000 });
  await until('the lease', async () => (await served.ask('leased')) === 'true');
  const fd = fs.openSync(join(served.at, 'file'), 'r+');
  for (const other of ['b', 'c', 'd']) {
    const before = fs.readFileSync(join(served.at, 'file'));
    assert.equal(before.length, 2 * PAGE);
    fs.writeSync(fd, Buffer.alloc(PAGE, 'x'), 0, PAGE, 0);
    const host = fs.openSync(at, 'r+');
    fs.writeSync(host, Buffer.alloc(PAGE, other), 0, PAGE, PAGE);
    fs.closeSync(host);
    fs.fsyncSync(fd);
    await until('what was written on the host', async () => {
      return fs.readFileSync(join(served.at, 'file'), 'latin1').endsWith(other.repeat(PAGE));
    });
  }
  fs.closeSync(fd);
  await served.unmount();
});

test('a disk that is full is told of at the next write, the sync or the closing', async (t) => {
  const mounts = new TestMounts();
  t.after(() => mounts.dispose());
  const disk = mounts.filesystem('tmpfs', mounts.directory('disk'), 'size=1m');
  const { mount } = await ground(t);
  const served = await mount(disk);
  const much = Buffer.alloc(3 << 19);
  const write = (end: (fd: number) => void) => {
    const fd = fs.openSync(join(served.at, 'file'), 'w');
    try {
      for (let at = 0; at < much.length; at += 4096) fs.writeSync(fd, much, at, 4096);
      end(fd);
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  };
  assert.throws(() => write(fs.fsyncSync), { code: 'ENOSPC' });
  assert.throws(() => write(fs.closeSync), /ENOSPC|EBADF/);
  fs.unlinkSync(join(served.at, 'file'));
  fs.writeFileSync(join(served.at, 'small'), 'fits');
  assert.equal(fs.readFileSync(join(disk, 'small'), 'utf8'), 'fits');
  await served.unmount();
});

/** Writes and writes; at some places it says so and goes on when it is told to. */
const WRITER = `
const fs = require('node:fs');
const fd = fs.openSync(process.argv[1], 'w');
for (let i = 0; i < 300; i++) {
  fs.writeSync(fd, Buffer.alloc(20000, i));
  if (i % 100 !== 50) continue;
  console.log(i);
  fs.readSync(0, Buffer.alloc(1));
}
fs.closeSync(fd);
`;

test('what was written while the link drops or the agent dies reaches the host, once and whole', async (t) => {
  const { folder, mount, proxy, restartDaemon } = await ground(t);
  const link = await proxy();
  const served = await mount(folder, {}, link);
  const expected = Buffer.concat(Array.from({ length: 300 }, (_, i) => Buffer.alloc(20_000, i)));
  for (const trouble of ['cut', 'death']) {
    const writer = spawn(process.execPath, ['-e', WRITER, join(served.at, trouble)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => writer.kill('SIGKILL'));
    for (let i = 0; i < 3; i++) {
      await once(writer.stdout, 'data');
      if (trouble === 'death') await restartDaemon();
      else link.cut();
      writer.stdin.write('x');
    }
    const [code] = (await once(writer, 'exit')) as [number];
    assert.equal(code, 0);
    assert.ok(fs.readFileSync(join(folder, trouble)).equals(expected), trouble);
    await until('connected', async () => (await served.ask('state')) === 'connected');
  }
  await served.unmount();
});
