// What waits for its turn when the agent dies was made for that agent: its nodeids are others' at the next one.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ops } from '../../src/protocol/opcodes';
import { connected, eventually, scratch } from './support/hostAgent';

const FOLDERS = 12;
/** As many as a superblock is asked at once, and some more. */
const UNDER_WAY = 60;
const BEHIND = 60;

test('what waits while the agent is restarted is done in its own folder, and in no other', async (t) => {
  const { vfs, dir, link, agent } = await connected(t);
  const folders = Array.from({ length: FOLDERS }, (_, i) => `folder-${i}`);
  for (const folder of folders) {
    fs.mkdirSync(path.join(dir, folder));
    await vfs.stat(path.join(dir, folder));
  }
  const far = path.join(scratch(t, '/var/tmp'), 'a/b/c/d/e/f');
  fs.mkdirSync(far, { recursive: true });
  const save = (file: string) =>
    vfs
      .writeFile(file, Buffer.from('x'), { create: true, overwrite: true, expect: 'any' })
      .catch(() => undefined);
  const saveAmong = (i: number) => {
    const folder = folders[i % FOLDERS] ?? '';
    return save(path.join(dir, folder, `${folder}.${i}`));
  };
  // No save is answered by the one agent.
  link.wire.filter = ({ direction }) => direction === 'up';
  const saves = Array.from({ length: UNDER_WAY }, (_, i) => saveAmong(i));
  // The next agent is asked for this one first: its folders have the numbers there that the others have here.
  for (let i = 0; i < 10; i++) saves.push(save(path.join(far, `far.${i}`)));
  for (let i = 0; i < BEHIND; i++) saves.push(saveAmong(UNDER_WAY + i));
  await eventually('some are saved', () => fs.readdirSync(path.join(dir, 'folder-0')).length > 0);
  await agent.restart();
  link.wire.break();
  await Promise.all(saves);
  for (let at = far; at.includes('livemount-client-'); at = path.dirname(at)) {
    const strangers = fs.readdirSync(at).filter((name) => name.startsWith('folder-'));
    assert.deepEqual(strangers, [], at);
  }
  for (let i = 0; i < BEHIND; i++) {
    const folder = folders[i % FOLDERS] ?? '';
    assert.ok(fs.existsSync(path.join(dir, folder, `${folder}.${UNDER_WAY + i}`)), `${folder} ${i}`);
  }
});

test('what a large save had open is not closed at the next agent, where its number is another file’s', async (t) => {
  const { vfs, dir, link, agent } = await connected(t);
  let isWriting = false;
  link.wire.filter = ({ direction, frame }) => {
    if (direction === 'down' || frame.readUInt32LE(4) !== ops.WRITE.code) return true;
    isWriting = true;
    return false;
  };
  const saving = vfs.writeFile(path.join(dir, 'large'), Buffer.alloc(3 << 20), {
    create: true,
    overwrite: true,
    expect: 'any',
  });
  const failed = assert.rejects(saving);
  await eventually('it is being written', () => isWriting);
  await agent.restart();
  link.wire.break();
  await failed;
  await vfs.stat(dir);
  assert.ok(!link.wire.requests.includes('RELEASE'), link.wire.requests.join(' '));
});
