import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Excludes, rebase, relativePatterns } from '../../src/client/fsnotify/excludes';

test('what a glob matches is excluded with all below it, dotfiles too', () => {
  const excludes = new Excludes(['**/node_modules/*/**', '.git/objects/**', '*.log', 'build']);
  for (const path of [
    'node_modules/a/b',
    'x/node_modules/a/b/c',
    '.git/objects/pack/x',
    'a.log',
    'build',
    'build/deep/file',
  ]) {
    assert.equal(excludes.match(path), true, path);
  }
  for (const path of ['', 'node_modules', 'node_modules/a', 'sub/a.log', 'building', '.git/HEAD']) {
    assert.equal(excludes.match(path), false, path);
  }
});

test('a directory whose insides are excluded is not watched whole', () => {
  const excludes = new Excludes(['**/out/**']);
  assert.equal(excludes.match('out'), false);
  assert.equal(excludes.matchBelow('out'), true);
  assert.equal(excludes.matchBelow('src'), false);
});

test('a "!" or "#" in a name is no syntax', () => {
  const excludes = new Excludes(['!important', '#notes']);
  assert.equal(excludes.match('!important'), true);
  assert.equal(excludes.match('#notes'), true);
  assert.equal(excludes.match('other'), false);
});

test('absolute globs are taken relative to the root they lie in', () => {
  assert.deepEqual(relativePatterns(['/w/build/**', '/elsewhere/**', '**/x'], '/w'), ['build/**', '**/x']);
});

test('globs of a root read from a mount below it', () => {
  assert.deepEqual(rebase(['**/x', 'mnt/data/**', 'other/**'], 'mnt/data'), ['**/x', '**']);
  assert.deepEqual(rebase(['a', '**/b'], ''), ['a', '**/b']);
});
