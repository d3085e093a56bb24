// What a user who is not root may save, and how.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ReplaceHow } from '../../src/protocol/livemount';
import { namesIn, Places } from './places';
import { built } from './programs/built';

const saveOnce = built('saveOnce');
/** Nobody in particular: no account is needed to run as a number. */
const USER = 61_234;
const OTHER = 61_235;

/** A folder of the user's, and one for its backups. */
function placesOf(places: Places) {
  chmodSync(places.top, 0o755);
  const folder = places.folder('w');
  const state = places.folder('state', 0o700);
  chownSync(folder, USER, USER);
  chownSync(state, USER, USER);
  return { folder, state };
}

function fileOf(folder: string, name: string, owner: number, mode: number, content = 'old'): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  chownSync(file, owner, owner);
  chmodSync(file, mode);
  return file;
}

function save(folder: string, name: string, state = ''): { how?: number; error?: string } {
  const output = execFileSync(process.execPath, [saveOnce, folder, name, 'new', state], {
    uid: USER,
    gid: USER,
    encoding: 'utf8',
  });
  return JSON.parse(output) as { how?: number; error?: string };
}

test('one’s own file is replaced, without any privilege', () => {
  using places = new Places();
  const { folder } = placesOf(places);
  const file = fileOf(folder, 'a', USER, 0o640);
  assert.deepEqual(save(folder, 'a'), { how: ReplaceHow.RENAMED });
  assert.deepEqual(save(folder, 'new'), { how: ReplaceHow.CREATED });
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.equal(statSync(file).mode & 0o7777, 0o640);
  assert.deepEqual(namesIn(folder), ['a', 'new']);
});

test('a file that is not writable is EACCES, though the directory would let it be replaced', () => {
  using places = new Places();
  const { folder } = placesOf(places);
  const own = fileOf(folder, 'own', USER, 0o444);
  const other = fileOf(folder, 'other', OTHER, 0o644);
  assert.deepEqual(save(folder, 'own'), { error: 'EACCES' });
  assert.deepEqual(save(folder, 'other'), { error: 'EACCES' });
  assert.equal(readFileSync(own, 'utf8') + readFileSync(other, 'utf8'), 'oldold');
  assert.deepEqual(namesIn(folder), ['other', 'own']);
});

test('somebody else’s file that everybody may write is written in place and stays theirs', () => {
  using places = new Places();
  const { folder } = placesOf(places);
  const file = fileOf(folder, 'a', OTHER, 0o666);
  assert.deepEqual(save(folder, 'a'), { how: ReplaceHow.IN_PLACE });
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.equal(statSync(file).uid, OTHER);
  assert.deepEqual(namesIn(folder), ['a']);
});

test('a file in a directory that takes no new file is written in place, with its backup elsewhere', () => {
  using places = new Places();
  const { folder, state } = placesOf(places);
  const file = fileOf(folder, 'a', USER, 0o644);
  chownSync(folder, OTHER, OTHER);
  assert.deepEqual(save(folder, 'a', state), { how: ReplaceHow.IN_PLACE });
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.deepEqual(save(folder, 'another', state), { error: 'EACCES' });
  assert.deepEqual(save(folder, 'a'), { error: 'EACCES' }, 'there is no place for a backup');
  assert.deepEqual(namesIn(folder), ['a']);
  assert.deepEqual(
    namesIn(state).filter((name) => !name.endsWith('.saves')),
    [],
  );
});

test('somebody else’s file in a sticky directory can not be exchanged: it is written in place', () => {
  using places = new Places();
  const { folder } = placesOf(places);
  chownSync(folder, OTHER, USER);
  chmodSync(folder, 0o1777);
  const file = fileOf(folder, 'a', OTHER, 0o666);
  chownSync(file, OTHER, OTHER);
  assert.deepEqual(save(folder, 'a'), { how: ReplaceHow.IN_PLACE });
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.deepEqual(namesIn(folder), ['a']);
});

test('a second link that the user may not see is kept as well', () => {
  using places = new Places();
  const { folder } = placesOf(places);
  const file = fileOf(folder, 'a', USER, 0o644);
  const hidden = places.folder('hidden', 0o700);
  linkSync(file, join(hidden, 'a'));
  assert.deepEqual(save(folder, 'a'), { how: ReplaceHow.IN_PLACE });
  assert.equal(readFileSync(join(hidden, 'a'), 'utf8'), 'new');
});

test('a group the user is not in keeps its file in place', () => {
  using places = new Places();
  const { folder } = placesOf(places);
  const file = fileOf(folder, 'a', USER, 0o664);
  chownSync(file, USER, OTHER);
  assert.deepEqual(save(folder, 'a'), { how: ReplaceHow.IN_PLACE });
  assert.equal(statSync(file).gid, OTHER);
});

test('a file in a folder below one that can not be written is saved like any other', () => {
  using places = new Places();
  const { folder } = placesOf(places);
  const below = join(folder, 'below');
  mkdirSync(below);
  chownSync(below, USER, USER);
  chownSync(folder, OTHER, OTHER);
  fileOf(below, 'a', USER, 0o644);
  assert.deepEqual(save(below, 'a'), { how: ReplaceHow.RENAMED });
  assert.deepEqual(namesIn(below), ['a']);
});
