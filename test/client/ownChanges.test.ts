import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { OwnChanges } from '../../src/client/fsnotify/ownChanges';
import type { Version } from '../../src/protocol/livemount';
import { normalize } from '../../src/protocol/paths';
import { connected, eventually } from './support/hostAgent';
import { isNotification } from './support/wire';

const VERSION: Version = { ino: 1n, size: 1n, mtime_ns: 1n, ctime_ns: 1n };

test('a name that is news stays so when another change that would have given it fails', () => {
  const echoes = new OwnChanges();
  echoes.expect('rename', normalize('/made'), normalize('/renamed'));
  const withdraw = echoes.expect('rename', normalize('/other'), normalize('/renamed'));
  withdraw();
  echoes.wrote(normalize('/renamed'), VERSION, false);
  assert.equal(echoes.isNews(normalize('/renamed')), true);
  echoes.expect('create', normalize('/failed'), normalize('/failed'))();
  echoes.wrote(normalize('/failed'), VERSION, false);
  assert.equal(echoes.isNews(normalize('/failed')), false);
});

test('a new file in a folder that is renamed is news under its new name until it is reported', () => {
  const echoes = new OwnChanges();
  echoes.wrote(normalize('/a/file'), VERSION, true);
  echoes.renamed(normalize('/a'), normalize('/b'));
  assert.equal(echoes.wroteThis(normalize('/a/file'), VERSION), false);
  assert.equal(echoes.wroteThis(normalize('/b/file'), VERSION), true);
  assert.equal(echoes.isNews(normalize('/b/file')), true);
  echoes.told(normalize('/b/file'));
  assert.equal(echoes.isNews(normalize('/b/file')), false);
});

test('a name that is new by a rename or a copy is reported, even if it is saved before the event comes', async (t) => {
  const { vfs, dir } = await connected(t);
  const there = new Set<string>();
  const watch = vfs.watch(dir, { recursive: true }, (changes) => {
    for (const { kind, path: where, to } of changes) {
      if (kind === 'create') there.add(where);
      else if (kind === 'rename' && to !== undefined) there.delete(where) && there.add(to);
      else if (kind === 'delete') there.delete(where);
    }
  });
  t.after(() => watch.dispose());
  await watch.ready;
  const expected = new Set<string>();
  for (let i = 0; i < 30; i++) {
    const [made, renamed, copied] = ['made', 'renamed', 'copied'].map((name) =>
      path.join(dir, `${name}${i}`),
    );
    assert.ok(made && renamed && copied);
    await vfs.writeFile(made, Buffer.from('one'), { create: true, overwrite: false, expect: 'any' });
    if (i % 2 === 0) await eventually('it was told', () => there.has(made));
    await vfs.copy(made, copied, { overwrite: false });
    await vfs.writeFile(copied, Buffer.from('another'), { create: false, overwrite: true, expect: 'any' });
    await vfs.rename(made, renamed, { overwrite: false });
    await vfs.writeFile(renamed, Buffer.from('another'), { create: false, overwrite: true, expect: 'any' });
    expected.add(copied).add(renamed);
  }
  const same = () => [...there].sort().join() === [...expected].sort().join();
  await eventually('all names are told', same);
});

test('an event that waits for the reply of a save is reported before the rename of its folder', async (t) => {
  const { vfs, link, dir } = await connected(t);
  const folder = path.join(dir, 'folder');
  mkdirSync(folder);
  const told: string[] = [];
  const watch = vfs.watch(dir, { recursive: true }, (changes) => {
    for (const { kind, path: where } of changes) told.push(`${kind} ${path.relative(dir, where)}`);
  });
  t.after(() => watch.dispose());
  await watch.ready;
  await vfs.readDirectory(folder);
  const held: Buffer[] = [];
  const { wire } = link;
  let events = 0;
  wire.filter = (passing) => {
    if (passing.direction === 'up') return true;
    if (isNotification(passing)) {
      events++;
      return true;
    }
    held.push(Buffer.from(passing.frame));
    return false;
  };
  const saving = vfs.writeFile(path.join(folder, 'file'), Buffer.from('content'), {
    create: true,
    overwrite: false,
    expect: 'any',
  });
  await eventually('it is done, and the event of it is here', () => held.length > 0 && events > 0);
  assert.equal(told.length, 0);
  renameSync(folder, `${folder}.away`);
  await eventually('the rename is told', () => told.includes('rename folder'));
  assert.deepEqual(told.slice(0, 2), ['create folder/file', 'rename folder']);
  wire.filter = () => true;
  for (const frame of held) wire.client.push(frame);
  await saving;
});

test('a save whose folder is renamed to and fro before the reply is here is done once', async (t) => {
  const { vfs, link, dir } = await connected(t);
  const folder = path.join(dir, 'folder');
  mkdirSync(path.join(folder, 'sub'), { recursive: true });
  let renames = 0;
  const watch = vfs.watch(dir, { recursive: true }, (changes) => {
    for (const { kind } of changes) if (kind === 'rename') renames++;
  });
  await watch.ready;
  await vfs.readDirectory(folder);
  const held: Buffer[] = [];
  const { wire } = link;
  wire.filter = (passing) => {
    if (passing.direction === 'up' || isNotification(passing)) return true;
    held.push(Buffer.from(passing.frame));
    return false;
  };
  const file = path.join(folder, 'sub/file');
  const saving = vfs.writeFile(file, Buffer.from('content'), {
    create: true,
    overwrite: false,
    expect: 'any',
  });
  await eventually('the save is done, and its reply on the way', () => held.length > 0);
  renameSync(folder, `${folder}.away`);
  await eventually('the first rename is told', () => renames === 1);
  renameSync(`${folder}.away`, folder);
  await eventually('the second rename is told', () => renames === 2);
  wire.filter = () => true;
  for (const frame of held) wire.client.push(frame);
  assert.equal((await saving).size, 7n);
  assert.equal(readFileSync(file, 'utf8'), 'content');
  watch.dispose();
});
