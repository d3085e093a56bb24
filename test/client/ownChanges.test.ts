import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Echoes } from '../../src/client/echoes';
import type { Version } from '../../src/protocol/livemount';
import { connected, eventually } from './support/hostAgent';
import { isNotification } from './support/wire';

const version = (ctime: bigint): Version => ({ ino: 1n, size: 1n, mtime_ns: 1n, ctime_ns: ctime });

test('a file that was made, renamed and saved at once may be told of as made: under its new name, once', () => {
  const echoes = new Echoes();
  echoes.wrote('/a/file', version(1n), true);
  echoes.renamed('/a', '/b');
  echoes.wrote('/b/file', version(2n), false);
  assert.equal(echoes.ownWrite('/a/file', version(1n)), undefined);
  assert.equal(echoes.ownWrite('/b/file', version(2n))?.created, true);
  echoes.toldCreated('/b/file');
  assert.equal(echoes.ownWrite('/b/file', version(2n))?.created, false);
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
  const saving = vfs.writeFile(file, Buffer.from('content'), { create: true, overwrite: false });
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
