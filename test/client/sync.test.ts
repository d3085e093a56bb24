// "Sync to Disk" over all mounts: everything this session changed, and nothing it can stumble over.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Errno, errnoOf } from '../../src/protocol/errno';
import { ops } from '../../src/protocol/opcodes';
import { connected, eventually } from './support/hostAgent';

const ANYHOW = { create: true, overwrite: true, expect: 'any' } as const;

test('a saved file that is gone again does not hinder the next flush', async (t) => {
  const { vfs, dir, link } = await connected(t, { durability: () => 'fsync' });
  const file = path.join(dir, 'file');
  await vfs.writeFile(file, Buffer.from('x'), ANYHOW);
  await vfs.remove(file, { recursive: false, trash: false });
  // The host has been told that nobody needs the file's node.
  await eventually('it was forgotten', () => link.requests.some((name) => name.includes('FORGET')));
  await vfs.sync();
});

test('what was saved through an agent that died is no error of its successor', async (t) => {
  const { vfs, dir, link, agent } = await connected(t, {});
  await vfs.mkdir(path.join(dir, 'a'));
  await vfs.writeFile(path.join(dir, 'a/file'), Buffer.from('x'), ANYHOW);
  await agent.restart();
  link.wire.break();
  assert.equal((await vfs.readFile(path.join(dir, 'a/file'))).toString(), 'x');
  await vfs.sync();
});

test('a folder that was copied, renamed or made is flushed as well', async (t) => {
  const { vfs, dir, link } = await connected(t, {});
  const flushes = () => link.requests.filter((name) => name === 'SYNCFS').length;
  fs.mkdirSync(path.join(dir, 'tree'));
  fs.writeFileSync(path.join(dir, 'tree/file'), 'content');
  const changes = [
    () => vfs.copy(path.join(dir, 'tree'), path.join(dir, 'copy'), { overwrite: false }),
    () => vfs.rename(path.join(dir, 'copy'), path.join(dir, 'moved'), { overwrite: false }),
    () => vfs.mkdir(path.join(dir, 'made')),
    () => vfs.remove(path.join(dir, 'moved'), { recursive: true, trash: false }),
  ];
  for (const [index, change] of changes.entries()) {
    await change();
    await vfs.sync();
    assert.equal(flushes(), index + 1);
  }
});

test("with durability 'syncfs' it is reported when the disk did not take what was saved", async (t) => {
  const told: unknown[] = [];
  const flushFailed = (error: unknown) => void told.push(error);
  const { vfs, dir, link } = await connected(t, { durability: () => 'syncfs', flushFailed });
  let flush: bigint | undefined;
  link.wire.filter = ({ direction, frame }) => {
    if (direction === 'up' && frame.readUInt32LE(4) === ops.SYNCFS.code) flush = frame.readBigUInt64LE(8);
    else if (direction === 'down' && frame.readBigUInt64LE(8) === flush) frame.writeInt32LE(-Errno.EIO, 4);
    return true;
  };
  await vfs.writeFile(path.join(dir, 'file'), Buffer.from('x'), ANYHOW);
  await eventually('it was told', () => told.length > 0);
  assert.equal(errnoOf(told[0]), Errno.EIO);
});
