import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rebase } from '../../src/client/fsnotify/excludes';
import { EXCLUDES_MAX, Excludes, escapeGlob, relativePatterns } from '../../src/protocol/excludes';
import { EXCLUDE_CASES } from './excludeCases';

function compiled(globs: readonly string[]): Excludes {
  const excludes = Excludes.compile(globs);
  assert.ok(excludes, 'within the bounds');
  return excludes;
}

for (const { globs, path, excluded } of EXCLUDE_CASES) {
  test(`${globs.join(' ')} ${excluded ? 'excludes' : 'keeps'} "${path}"`, () => {
    assert.equal(compiled(relativePatterns(globs, '/w')).match(path), excluded);
  });
}

test('a directory whose insides are excluded is not watched whole', () => {
  const excludes = compiled(['**/out/**']);
  assert.equal(excludes.match('out'), false);
  assert.equal(excludes.matchBelow('out'), true);
  assert.equal(excludes.matchBelow('src'), false);
});

test('globs that stand for too much are refused, and those beside them are kept', () => {
  const bomb = `${'{a,b}'.repeat(16)}0`;
  for (const globs of [
    [bomb],
    Array.from({ length: EXCLUDES_MAX + 1 }, (_, i) => `${i}`),
    Array.from({ length: 200 }, () => '{a,b,c,d,e,f,g}'),
    ['x'.repeat(2000)],
  ])
    assert.equal(Excludes.compile(globs), undefined);
  const { excludes, refused } = Excludes.compileThose([bomb, '*.log', bomb]);
  assert.deepEqual(refused, [bomb, bomb]);
  assert.deepEqual(excludes.patterns, ['*.log']);
});

test('a path that is escaped matches itself and nothing else', () => {
  const odd = 'a{b,c}*?[x](d)!+@|\\e';
  assert.equal(compiled([escapeGlob(odd)]).match(odd), true);
  assert.equal(compiled([escapeGlob('{a,b}')]).match('a'), false);
  assert.deepEqual(relativePatterns([`${escapeGlob('/w*{x}')}/out`], '/w*{x}'), ['out']);
});

test('absolute globs are taken relative to the root they lie in', () => {
  assert.deepEqual(relativePatterns(['/w/build/**', '/elsewhere/**', '**/x'], '/w'), ['build/**', '**/x']);
});

test('globs of a root read from a mount below it', () => {
  assert.deepEqual(rebase(['**/x', 'mnt/data/**', 'other/**'], 'mnt/data'), ['**/x', '**']);
  assert.deepEqual(rebase(['a', '**/b'], ''), ['a', '**/b']);
});
