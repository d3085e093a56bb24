import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type NodeId, ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { REMOVE_RECURSIVE, REMOVE_TRASH } from '../../src/protocol/livemount';
import { Saves } from '../../src/server/save/saves';
import { encodeTrashPath } from '../../src/server/trees/trashInfo';
import { namesIn, openHost, Places } from '../save/places';
import { optionsFor, SaveClient } from '../save/saveClient';

const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;
const uid = process.getuid?.() ?? 0;
const DELETED = new Date(2026, 2, 4, 5, 6, 7);

function clientWith(folder: string, homeTrash: string | undefined): SaveClient {
  const host = openHost();
  const trash = {
    homeTrash: homeTrash === undefined ? undefined : Buffer.from(homeTrash),
    uid,
    now: () => DELETED,
  };
  return new SaveClient(host, folder, new Saves(host, optionsFor(), trash));
}

function trash(client: SaveClient, name: string, directory: NodeId = ROOT_ID) {
  return client.do('REMOVE', directory, { flags: REMOVE_RECURSIVE | REMOVE_TRASH, mounts: 0 }, [name]);
}

test('what is on the home’s superblock goes to the home trash, with where it came from', async () => {
  using places = new Places();
  const top = places.tmpfs('fs', 'size=4m');
  const home = join(top, 'home/.local/share/Trash');
  const folder = places.folder('fs/project');
  writeFileSync(join(folder, 'grüße 100%.txt'), 'content');
  await trash(clientWith(folder, home), 'grüße 100%.txt');
  assert.deepEqual(namesIn(folder), []);
  assert.equal(readFileSync(join(home, 'files/grüße 100%.txt'), 'utf8'), 'content');
  const info = readFileSync(join(home, 'info/grüße 100%.txt.trashinfo'), 'utf8');
  const path = encodeTrashPath(Buffer.from(join(folder, 'grüße 100%.txt')));
  assert.equal(info, `[Trash Info]\nPath=${path}\nDeletionDate=2026-03-04T05:06:07\n`);
  assert.match(path, /\/gr%C3%BC%C3%9Fe%20100%25\.txt$/);
  assert.equal(statSync(home).mode & 0o777, 0o700);
});

test('namesakes in the trash get names of their own', async () => {
  using places = new Places();
  const top = places.tmpfs('fs', 'size=4m');
  const folder = places.folder('fs/project');
  const home = join(top, 'Trash');
  const client = clientWith(folder, home);
  for (let i = 0; i < 3; i++) {
    mkdirSync(join(folder, 'build'));
    writeFileSync(join(folder, 'build/n'), String(i));
    await trash(client, 'build');
  }
  assert.deepEqual(namesIn(join(home, 'files')), ['build', 'build.2', 'build.3']);
  assert.deepEqual(namesIn(join(home, 'info')), [
    'build.2.trashinfo',
    'build.3.trashinfo',
    'build.trashinfo',
  ]);
  assert.equal(readFileSync(join(home, 'files/build.3/n'), 'utf8'), '2');
});

test('elsewhere it goes to the trash at the top of its own superblock, with a relative path', async () => {
  using places = new Places();
  const top = places.tmpfs('fs', 'size=4m');
  const folder = places.folder('fs/project');
  const home = join(places.top, 'home/Trash');
  writeFileSync(join(folder, 'a'), 'x');
  await trash(clientWith(folder, home), 'a');
  const own = join(top, `.Trash-${uid}`);
  assert.equal(statSync(own).mode & 0o777, 0o700);
  assert.match(readFileSync(join(own, 'info/a.trashinfo'), 'utf8'), /^Path=project\/a$/m);
  assert.deepEqual(namesIn(join(own, 'files')), ['a']);
});

test('the shared trash of a superblock is used if it is a sticky directory, and else not trusted', async () => {
  using places = new Places();
  const top = places.tmpfs('fs', 'size=4m');
  const folder = places.folder('fs/project');
  const shared = join(top, '.Trash');
  mkdirSync(shared);
  const client = clientWith(folder, undefined);
  writeFileSync(join(folder, 'a'), 'x');
  await trash(client, 'a');
  assert.deepEqual(namesIn(shared), [], 'it is not sticky');
  chmodSync(shared, 0o1777);
  writeFileSync(join(folder, 'b'), 'x');
  await trash(client, 'b');
  assert.deepEqual(namesIn(join(shared, String(uid), 'files')), ['b']);
});

test('a trash that is a symbolic link is not used', async () => {
  using places = new Places();
  const top = places.tmpfs('fs', 'size=4m');
  const folder = places.folder('fs/project');
  symlinkSync(places.folder('fs/elsewhere'), join(top, `.Trash-${uid}`));
  writeFileSync(join(folder, 'a'), 'x');
  await assert.rejects(trash(clientWith(folder, undefined), 'a'), errno('EOPNOTSUPP'));
  assert.deepEqual(namesIn(folder), ['a']);
});

test('what is in the trash already, and a mount, are not trashed', async () => {
  using places = new Places();
  const top = places.tmpfs('fs', 'size=4m');
  const folder = places.folder('fs/project');
  const home = join(folder, 'Trash');
  writeFileSync(join(folder, 'a'), 'x');
  const client = clientWith(folder, home);
  await trash(client, 'a');
  const files = await client.walk('Trash/files');
  await trash(client, 'a', files);
  assert.deepEqual(namesIn(join(top, `.Trash-${uid}`, 'files')), ['a'], 'it went on to the other trash');
  places.tmpfs('fs/project/tree/mount', 'size=1m');
  await assert.rejects(trash(clientWith(folder, home), 'tree'), errno('EBUSY'));
});
