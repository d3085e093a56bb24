import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DirectoryEntry } from '../../src/client/vfs';
import { completed, foldersOf, matching, readTypedPath } from '../../src/extension/open/typedPath';

const folder = (name: string): DirectoryEntry => ({
  name,
  kind: 'directory',
  isSymlink: false,
  isMountpoint: false,
});
const names = (entries: readonly DirectoryEntry[]) => entries.map(({ name }) => name);
const read = (value: string) => readTypedPath(value, '/srv/app', '/home/me');

test('a path may be absolute, relative, of the home, or go up', () => {
  const folderAndLeaf = (value: string) => [read(value).folder, read(value).leaf];
  assert.deepEqual(folderAndLeaf(''), ['/srv/app', '']);
  assert.deepEqual(folderAndLeaf('src'), ['/srv/app', 'src']);
  assert.deepEqual(folderAndLeaf('src/li'), ['/srv/app/src', 'li']);
  assert.deepEqual(folderAndLeaf('../ot'), ['/srv', 'ot']);
  assert.deepEqual(folderAndLeaf('..'), ['/srv', '']);
  assert.deepEqual(folderAndLeaf('~'), ['/home/me', '']);
  assert.deepEqual(folderAndLeaf('~/pro'), ['/home/me', 'pro']);
  assert.deepEqual(folderAndLeaf('/'), ['/', '']);
  assert.deepEqual(folderAndLeaf('/var//log/./x'), ['/var/log', 'x']);
  assert.deepEqual(folderAndLeaf('/../../x'), ['/', 'x']);
});

test('what begins with what was typed comes before what holds it, and hidden folders want a dot', () => {
  const entries = ['.git', 'build', 'rebuild', 'Build-old', 'src'].map(folder);
  assert.deepEqual(names(matching(entries, 'buil')), ['build', 'Build-old', 'rebuild']);
  assert.deepEqual(names(matching(entries, 'build')), ['build', 'Build-old', 'rebuild']);
  assert.deepEqual(names(matching(entries, 'git')), []);
  assert.deepEqual(names(matching(entries, '.g')), ['.git']);
});

test('files are not offered, and hidden folders come last', () => {
  const file: DirectoryEntry = { ...folder('a.txt'), kind: 'file' };
  assert.deepEqual(names(foldersOf([folder('.cache'), file, folder('src'), folder('doc')])), [
    'doc',
    'src',
    '.cache',
  ]);
});

test('Tab completes the only match with a slash, and else what all have in common', () => {
  const entries = ['project', 'profile', 'src'].map(folder);
  const tab = (value: string) => completed(read(value), matching(entries, read(value).leaf));
  assert.equal(tab('s'), 'src/');
  assert.equal(tab('/srv/s'), '/srv/src/');
  assert.equal(tab('p'), 'pro');
  assert.equal(tab('pro'), undefined);
  assert.equal(tab('x'), undefined);
});
