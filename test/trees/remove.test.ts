import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { REMOVE_RECURSIVE } from '../../src/protocol/livemount';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from '../save/places';
import { SaveClient } from '../save/saveClient';

const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

function makeTree(top: string, directories: number, files: number): void {
  for (let d = 0; d < directories; d++) {
    mkdirSync(join(top, `d${d}/deep/deeper`), { recursive: true });
    for (let f = 0; f < files; f++) writeFileSync(join(top, `d${d}/deep/f${f}`), 'x');
  }
}

function remove(client: SaveClient, name: string, signal?: AbortSignal) {
  const context = signal === undefined ? {} : { signal };
  return client.do('REMOVE', ROOT_ID, { flags: REMOVE_RECURSIVE, mounts: 0 }, [name], undefined, context);
}

test('a tree is removed in one operation, symbolic links and not what they point to', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const outside = places.folder('outside');
  writeFileSync(join(outside, 'theirs'), 'x');
  makeTree(join(folder, 'tree'), 20, 50);
  symlinkSync(outside, join(folder, 'tree/link'));
  const client = new SaveClient(openHost(), folder);
  await remove(client, 'tree');
  assert.deepEqual(namesIn(folder), []);
  assert.deepEqual(namesIn(outside), ['theirs']);
});

test('a mount in the tree is EBUSY before anything is removed', async () => {
  using places = new Places();
  const folder = places.folder('w');
  makeTree(join(folder, 'tree'), 2, 3);
  const mount = places.tmpfs('w/tree/d1/deep/mount', 'size=1m');
  writeFileSync(join(mount, 'inside'), 'x');
  const client = new SaveClient(openHost(), folder);
  await assert.rejects(remove(client, 'tree'), errno('EBUSY'));
  assert.ok(existsSync(join(folder, 'tree/d0/deep/f2')));
  assert.ok(existsSync(join(mount, 'inside')));
});

test('a removal is cancelled between two entries, and other requests are served meanwhile', async () => {
  using places = new Places();
  const folder = places.folder('w');
  makeTree(join(folder, 'tree'), 40, 100);
  const client = new SaveClient(openHost(), folder);
  const cancel = new AbortController();
  setImmediate(() => cancel.abort());
  await assert.rejects(remove(client, 'tree', cancel.signal), errno('EINTR'));
  assert.ok(existsSync(join(folder, 'tree')), 'it came to an end before the event loop had a turn');
});

test('others may remove and rename in the tree meanwhile', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const tree = join(folder, 'tree');
  makeTree(tree, 8, 20);
  const host = openHost();
  let calls = 0;
  const meddling = new FaultHostFs(host, (call) => {
    if (call === 'unlink' && ++calls === 10) {
      rmSync(join(tree, 'd7'), { recursive: true });
      renameSync(join(tree, 'd6'), join(folder, 'moved'));
      writeFileSync(join(tree, 'd0/deep/late'), 'x');
    }
    return undefined;
  });
  const client = new SaveClient(meddling.host, folder);
  await remove(client, 'tree');
  assert.deepEqual(namesIn(folder), ['moved']);
  assert.equal(readFileSync(join(folder, 'moved/deep/f0'), 'utf8'), 'x');
});

test('a directory that is swapped for a link is not followed', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const outside = places.folder('outside');
  writeFileSync(join(outside, 'f0'), 'theirs');
  makeTree(join(folder, 'tree'), 1, 3);
  const host = openHost();
  let swapped = false;
  const meddling = new FaultHostFs(host, (call) => {
    if (call === 'unlink' && !swapped) {
      swapped = true;
      renameSync(join(folder, 'tree/d0/deep'), join(folder, 'aside'));
      symlinkSync(outside, join(folder, 'tree/d0/deep'));
    }
    return undefined;
  });
  const client = new SaveClient(meddling.host, folder);
  await remove(client, 'tree').catch((error) => assert.ok(error instanceof ErrnoError));
  assert.equal(readFileSync(join(outside, 'f0'), 'utf8'), 'theirs');
});

test('a directory that is filled all the time is ENOTEMPTY in the end', async () => {
  using places = new Places();
  const folder = places.folder('w');
  mkdirSync(join(folder, 'tree'));
  let written = 0;
  const meddling = new FaultHostFs(openHost(), (call) => {
    if (call === 'rmdir') writeFileSync(join(folder, `tree/again${written++}`), 'x');
    return undefined;
  });
  const client = new SaveClient(meddling.host, folder);
  await assert.rejects(remove(client, 'tree'), errno('ENOTEMPTY'));
  assert.ok(written < 10);
});

test('without the recursive flag a file and an empty directory go, a full one stays', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(folder, 'file'), 'x');
  mkdirSync(join(folder, 'empty'));
  makeTree(join(folder, 'full'), 1, 1);
  const client = new SaveClient(openHost(), folder);
  const single = (name: string) => client.do('REMOVE', ROOT_ID, { flags: 0 } as never, [name]);
  await single('file');
  await single('empty');
  await assert.rejects(single('full'), errno('ENOTEMPTY'));
  await assert.rejects(single('nothing'), errno('ENOENT'));
  assert.deepEqual(namesIn(folder), ['full']);
  assert.ok(lstatSync(join(folder, 'full/d0')).isDirectory());
});

test('a long removal reports how far it is', async () => {
  using places = new Places();
  const folder = places.folder('w');
  makeTree(join(folder, 'tree'), 100, 100);
  const client = new SaveClient(openHost(), folder);
  await remove(client, 'tree');
  assert.ok(client.progress.length > 0);
  for (const { done, total } of client.progress) assert.ok(done > 0 && done <= total);
});
