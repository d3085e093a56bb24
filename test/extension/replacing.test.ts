// Replacing in files: what is put where, and which files are left alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TextMatch } from '../../src/client/find/search';
import { replaceInFiles, undoReplace } from '../../src/extension/find/replaceFiles';
import { CHANGED, replaced } from '../../src/extension/find/replacing';
import { resultDocument } from '../../src/extension/find/resultDocument';
import { excludedBy, globsIn, NOTHING_WANTED, queryOf, type Wanted } from '../../src/extension/find/wanted';
import { MemoryVfs } from '../cli/memoryVfs';
import { isFit, POISON } from '../fixtures/poison';

const wanted = (pattern: string, more: Partial<Wanted> = {}): Wanted => ({
  ...NOTHING_WANTED,
  pattern,
  ...more,
});

/** The matches that a search would have found in a text, by line. */
function matchesIn(text: string, expression: RegExp): TextMatch[] {
  return text.split('\n').flatMap((line, index) =>
    [...line.replace(/\r$/, '').matchAll(expression)].map((match) => ({
      line: index,
      column: match.index,
      endLine: index,
      endColumn: match.index + match[0].length,
      previewColumn: 0,
      preview: line.replace(/\r$/, ''),
    })),
  );
}

for (const [what, text, expression, query, replacement, expected] of [
  ['text', 'a foo, foo\n', /foo/g, wanted('foo', { matchCase: true }), 'bar', 'a bar, bar\n'],
  ['text with what an expression would mean', 'a.b a.b', /a\.b/g, wanted('a.b'), '$&', '$& $&'],
  ['whatever its case', 'Foo foo', /foo/gi, wanted('foo'), 'x', 'x x'],
  [
    'groups',
    'get(a) get(b)',
    /get\((\w)\)/g,
    wanted('get\\((\\w)\\)', { isRegex: true }),
    'set($1)$$',
    'set(a)$ set(b)$',
  ],
  [
    'named groups',
    'k=v',
    /(?<k>\w)=(?<v>\w)/g,
    wanted('(?<k>\\w)=(?<v>\\w)', { isRegex: true }),
    '$<v>=$<k>',
    'v=k',
  ],
  ['line ends', 'a;b\r\n', /;/g, wanted(';', { isRegex: true }), '\\n', 'a\nb\r\n'],
  [
    'what is behind',
    'foobar foobaz',
    /foo(?=baz)/g,
    wanted('foo(?=baz)', { isRegex: true }),
    'x',
    'foobar xbaz',
  ],
  ['whole words', 'foo foobar', /\bfoo\b/g, wanted('foo', { wholeWord: true }), 'x', 'x foobar'],
  ['characters of two units', '😀é foo', /foo/g, wanted('foo'), '😀', '😀é 😀'],
] as const) {
  test(`replaces ${what}`, () => {
    assert.equal(replaced(text, matchesIn(text, expression), query, replacement), expected);
  });
}

test('a match over several lines is replaced as one', () => {
  const text = 'a\nb\nc\n';
  const match = { line: 0, column: 0, endLine: 1, endColumn: 1, previewColumn: 0, preview: 'a' };
  assert.equal(replaced(text, [match], wanted('a\\nb', { isRegex: true }), 'x'), 'x\nc\n');
});

test('a text in which the matches are not where they were is not touched', () => {
  const matches = matchesIn('one foo\ntwo foo\n', /foo/g);
  for (const text of [
    'one foo\n',
    'one foo\nnew\ntwo foo\n',
    'one fooo\ntwo foo\n',
    'one bar\ntwo foo\n',
    '',
  ])
    assert.equal(replaced(text, matches, wanted('foo'), 'x'), CHANGED, JSON.stringify(text));
});

const running = { signal: new AbortController().signal, progress: () => {} };

test('files that changed, are not saved here, or are no UTF-8 are left alone and named; undo puts the others back', async () => {
  const vfs = new MemoryVfs();
  vfs.place('/p');
  const files = ['/p/a', '/p/b', '/p/changed', '/p/unsaved', '/p/raced'].map((path) => {
    vfs.place(path, 'foo\n');
    return { path, matches: matchesIn('foo\n', /foo/g), score: 0 };
  });
  vfs.place('/p/changed', 'fo\n');
  const writeFile = vfs.writeFile.bind(vfs);
  vfs.writeFile = async (path, content, options) => {
    // Somebody on the host is faster.
    if (path === '/p/raced' && vfs.contentOf(path) === 'foo\n') vfs.place(path, 'theirs\n');
    return writeFile(path, content, options);
  };
  const outcome = await replaceInFiles(vfs, files, wanted('foo'), 'bar', {
    ...running,
    isUnsaved: (path) => path === '/p/unsaved',
  });
  assert.deepEqual(outcome.done.map(({ path }) => path).sort(), ['/p/a', '/p/b']);
  assert.deepEqual(outcome.left.map(({ path, why }) => `${path} ${String(why)}`).sort(), [
    '/p/changed changed',
    '/p/raced changed',
    '/p/unsaved unsaved',
  ]);
  assert.deepEqual(
    ['/p/a', '/p/b', '/p/changed', '/p/unsaved', '/p/raced'].map((path) => vfs.contentOf(path)),
    ['bar\n', 'bar\n', 'fo\n', 'foo\n', 'theirs\n'],
  );
  vfs.place('/p/b', 'theirs\n');
  const undone = await undoReplace(vfs, outcome.done, running);
  assert.deepEqual(
    [undone.done.map(({ path }) => path), undone.left.map(({ path }) => path)],
    [['/p/a'], ['/p/b']],
  );
  assert.deepEqual([vfs.contentOf('/p/a'), vfs.contentOf('/p/b')], ['foo\n', 'theirs\n']);
});

test('the page of results has the form whose links the editor knows, and nothing of a host breaks it', () => {
  const matches = matchesIn('x\nfoo\n', /foo/g);
  const page = resultDocument(wanted('foo', { matchCase: true }), [{ label: 'src/a.ts', matches }]);
  assert.match(
    page,
    /^# Query: foo\n# Flags: CaseSensitive\n\n1 results - 1 files\n\nsrc\/a\.ts:\n {2}2: foo\n$/,
  );
  const poisoned = matchesIn('x', /x/g).map((match) => ({ ...match, preview: POISON }));
  const evil = resultDocument(wanted(POISON), [{ label: POISON, matches: poisoned }]);
  assert.ok(isFit(evil.replace(/[\n\t]/g, '')), JSON.stringify(evil));
  assert.equal(evil.split('\n').filter((line) => line.endsWith(':')).length, 1, 'a name is one line');
});

test('globs are read from a list, and the editor’s settings leave out', () => {
  assert.deepEqual(globsIn('*.ts, src/{a,b}/**, ,!dist,./x'), ['*.ts', 'src/{a,b}/**', '!dist', '/x']);
  assert.deepEqual(
    excludedBy(
      { '**/.git': true, '**/x': false, '**/*.js': { when: 'x' }, '{a': true },
      { '**/.git': true },
      undefined,
    ),
    ['**/.git'],
  );
  const query = queryOf(wanted('a\\nb', { isRegex: true, files: '*.ts' }), ['**/.git']);
  assert.deepEqual([query.globs, query.multiline], [['!**/.git', '*.ts'], true]);
});
