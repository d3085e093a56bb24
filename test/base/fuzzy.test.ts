import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzyPlaces, fuzzyQuery, fuzzyScore } from '../../src/base/fuzzy';

function ranked(query: string, paths: readonly string[]): string[] {
  const wanted = fuzzyQuery(query);
  return paths
    .map((path) => ({ path, score: fuzzyScore(path, wanted) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.path.length - b.path.length)
    .map(({ path }) => path);
}

for (const [what, query, better, worse] of [
  ['the base name before folders', 'main', 'src/main.ts', 'main/other/file.ts'],
  ['the beginning of a base name', 'read', 'docs/readme.md', 'src/spread.ts'],
  ['the whole base name', 'watch', 'src/cli/watch', 'watch/watcher'],
  ['letters in a row', 'abc', 'x/zabc', 'x/aXbXc'],
  ['beginnings of words', 'fsn', 'src/file_system_node.ts', 'src/fxsxn.ts'],
  ['capitals in the middle of a name', 'rt', 'src/xRemoteTree.ts', 'src/xremotetree.ts'],
  ['the same capitals', 'README', 'a/README', 'a/readme'],
  ['a slash asks for the whole path', 'cli/main', 'src/cli/main.ts', 'src/extension/climbing/main.ts'],
  ['several words in any order', 'test watch', 'test/watch.ts', 'test/wxaxtxcxhx.ts'],
  ['the shorter path of two', 'main.ts', 'a/main.ts', 'a/b/main.ts'],
] as const) {
  test(`better is ${what}`, () => {
    assert.equal(ranked(query, [worse, better])[0], better);
  });
}

test('what lacks a letter is not meant, and order counts', () => {
  assert.deepEqual(ranked('xyz', ['src/xy.ts', 'src/zyx.ts']), []);
  assert.deepEqual(ranked('nothing here', ['nothing']), []);
  assert.deepEqual(ranked('', ['a']), []);
});

test('a query and a path of any length and alphabet come to an end', () => {
  const long = 'a'.repeat(10_000);
  assert.ok(fuzzyScore(`${long}/${long}b`, fuzzyQuery(`${long}b`)) >= 0);
  assert.ok(fuzzyScore('straße/Ünï.ts', fuzzyQuery('ünï')) > 0);
  assert.ok(fuzzyScore('İstanbul', fuzzyQuery('tan')) > 0);
});

test('the places of the letters are told for showing them', () => {
  assert.deepEqual(fuzzyPlaces('src/main.ts', fuzzyQuery('main')), [[4, 8]]);
  assert.deepEqual(fuzzyPlaces('src/main.ts', fuzzyQuery('srcma')), [
    [0, 3],
    [4, 6],
  ]);
});
