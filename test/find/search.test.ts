// Searching through a real agent: what is found, what is left out and said, and that nothing keeps anybody waiting.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RipgrepProgram } from '../../src/agent/find/ripgrepProgram';
import { type FoundInFile, type NotSearched, PatternRefused } from '../../src/client/find/search';
import type { Vfs } from '../../src/client/vfs';
import type { FindQuery } from '../../src/protocol/find';
import { beforeRemoval, connected } from '../client/support/hostAgent';
import { PLAIN } from './trees';

async function find(vfs: Vfs, path: string, query: Partial<FindQuery>, signal?: AbortSignal) {
  const found: FoundInFile[] = [];
  const left: NotSearched[] = [];
  let restarts = 0;
  const end = await vfs.search(
    path,
    { ...PLAIN, ...query },
    {
      signal,
      found: (files) => void found.push(...files),
      notSearched: (what) => void left.push(what),
      restarted: () => {
        restarts++;
        found.length = 0;
      },
    },
  );
  found.sort((a, b) => (a.path < b.path ? -1 : 1));
  const places = found.flatMap(({ path: file, matches }) =>
    matches.map(
      ({ line, column, endColumn }) => `${file.slice(path.length + 1)}:${line}:${column}-${endColumn}`,
    ),
  );
  return { end, found, places, left, restarts };
}

/** Each with the host's ripgrep, and without. */
for (const engine of ['ripgrep', 'own'] as const) {
  const withEngine = (name: string, run: (t: TestContext) => Promise<void>) =>
    test(`${name} (${engine})`, async (t) => {
      if (engine === 'own') t.mock.method(RipgrepProgram.prototype, 'find', async () => undefined);
      await run(t);
    });

  withEngine('matches have their places in the units of editors', async (t) => {
    const { vfs, dir } = await connected(t);
    writeFileSync(join(dir, 'a'), 'x\n😀é foo foo\n\n');
    writeFileSync(join(dir, 'b'), `${'w '.repeat(5000)}foo${' v'.repeat(5000)}`);
    mkdirSync(join(dir, 'sub'));
    writeFileSync(join(dir, 'sub/ü'), 'foo');
    const { places, found, end } = await find(vfs, dir, { pattern: 'foo' });
    assert.deepEqual(places, ['a:1:4-7', 'a:1:8-11', 'b:0:10000-10003', 'sub/ü:0:0-3']);
    assert.equal(end.byRipgrep, engine === 'ripgrep');
    const long = found[1]?.matches[0];
    assert.ok(long !== undefined && long.preview.length <= 300);
    assert.equal(
      long.preview.slice(long.column - long.previewColumn, long.endColumn - long.previewColumn),
      'foo',
    );
  });

  withEngine('case, words, expressions and lines', async (t) => {
    const { vfs, dir } = await connected(t);
    writeFileSync(join(dir, 'a'), 'Foo\nfoobar\nbar foo\r\nend\n');
    const at = async (query: Partial<FindQuery>) => (await find(vfs, dir, query)).places;
    assert.deepEqual(await at({ pattern: 'foo' }), ['a:1:0-3', 'a:2:4-7']);
    assert.deepEqual(await at({ pattern: 'foo', matchCase: false, wholeWord: true }), ['a:0:0-3', 'a:2:4-7']);
    assert.deepEqual(await at({ pattern: 'fo+$', isRegex: true }), ['a:2:4-7']);
    assert.deepEqual(await at({ pattern: 'foo.*\\s+.*end', isRegex: true }), []);
    assert.deepEqual(await at({ pattern: 'bar\\s+bar', isRegex: true, multiline: true }), ['a:1:3-3']);
    assert.deepEqual(await at({ pattern: '(?<=bar )foo', isRegex: true }), ['a:2:4-7']);
  });

  withEngine('encodings', async (t) => {
    const { vfs, dir } = await connected(t);
    writeFileSync(
      join(dir, 'utf16'),
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('ein été\n', 'utf16le')]),
    );
    writeFileSync(join(dir, 'latin1'), Buffer.from('ein \xe9t\xe9\n', 'latin1'));
    writeFileSync(join(dir, 'binary'), Buffer.from('été\0\n'));
    assert.deepEqual((await find(vfs, dir, { pattern: 'été' })).places, ['utf16:0:4-7']);
    assert.deepEqual((await find(vfs, dir, { pattern: 'été', latin1: true })).places, [
      'latin1:0:4-7',
      'utf16:0:4-7',
    ]);
  });

  withEngine('more matches than are wanted end the search, and that is said', async (t) => {
    const { vfs, dir } = await connected(t);
    for (let file = 0; file < 20; file++) writeFileSync(join(dir, `f${file}`), 'foo\n'.repeat(1000));
    const { places, end } = await find(vfs, dir, { pattern: 'foo', results: 1500 });
    assert.equal(places.length, 1500);
    assert.equal(end.limited, true);
    const all = await find(vfs, dir, { pattern: 'foo' });
    assert.deepEqual([all.places.length, all.end.limited, all.end.results], [20_000, false, 20_000]);
  });

  withEngine('names that are no UTF-8, in a folder that is none', async (t) => {
    const { vfs, dir } = await connected(t);
    const raw = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xe9])]);
    mkdirSync(raw);
    writeFileSync(Buffer.concat([raw, Buffer.from([0x2f, 0xff])]), 'foo');
    const { found } = await find(vfs, dir, { pattern: 'foo' });
    assert.equal(found.length, 1);
    const path = found[0]?.path ?? '';
    assert.equal((await vfs.readFile(path)).toString(), 'foo', 'its path opens it');
    const below = path.slice(0, path.lastIndexOf('/'));
    assert.equal((await find(vfs, below, { pattern: 'foo' })).found[0]?.path, path);
  });

  withEngine('a file of one huge line, and one that is too large', async (t) => {
    const { vfs, dir } = await connected(t);
    const fd = openSync(join(dir, 'line'), 'w');
    for (let i = 0; i < 40; i++) writeSync(fd, 'x'.repeat(1 << 20));
    writeSync(fd, ' foo ');
    closeSync(fd);
    writeFileSync(join(dir, 'sparse'), 'foo');
    truncateSync(join(dir, 'sparse'), 2 * 2 ** 30);
    writeFileSync(join(dir, 'small'), 'foo');
    const { places, left } = await find(vfs, dir, { pattern: 'foo' });
    assert.ok(places.includes('small:0:0-3'), places.join(' '));
    assert.ok(!places.some((place) => place.startsWith('sparse')));
    const named = left.map(({ path, why }) => `${why} ${path.slice(dir.length + 1)}`).sort();
    // ripgrep's own answer holds the whole line, which is more than is taken of it.
    if (engine === 'own') assert.ok(places.includes(`line:0:${(40 << 20) + 1}-${(40 << 20) + 4}`));
    assert.deepEqual(named, engine === 'own' ? ['large sparse'] : ['large line', 'large sparse']);
  });

  withEngine('a file with more matches than anybody reads is cut, and that is said', async (t) => {
    const { vfs, dir } = await connected(t);
    writeFileSync(join(dir, 'lines'), `${'hay '.repeat(100)}foo\n`.repeat(20_000));
    writeFileSync(join(dir, 'line'), 'foo '.repeat(20_000));
    writeFileSync(join(dir, 'other'), 'foo');
    const { end, places, restarts } = await find(vfs, dir, { pattern: 'foo' });
    const count = (name: string) => places.filter((place) => place.startsWith(`${name}:`)).length;
    assert.deepEqual([count('lines'), count('line'), count('other')], [10_000, 10_000, 1]);
    assert.deepEqual([end.results, end.limited, restarts], [20_001, true, 0]);
    assert.equal(new Set(places).size, places.length);
    assert.equal(places.filter((place) => place === 'lines:9999:400-403').length, 1);
  });

  withEngine('a search that is cancelled ends at once, and leaves no process', async (t) => {
    const { vfs, dir } = await connected(t);
    for (let file = 0; file < 2000; file++) writeFileSync(join(dir, `f${file}`), 'foo\n'.repeat(500));
    const controller = new AbortController();
    const searching = vfs.search(
      dir,
      { ...PLAIN, pattern: 'foo', results: 1_000_000 },
      { signal: controller.signal, found: () => controller.abort() },
    );
    await assert.rejects(searching, { code: 'ECANCELED' });
    assert.deepEqual((await find(vfs, dir, { pattern: 'nothing like it' })).places, []);
  });
}

test('an expression that is none is refused in the words of the engine, at its place', async (t) => {
  const { vfs, dir } = await connected(t);
  const refused = async (query: Partial<FindQuery>, message: RegExp, at: number | undefined) => {
    await assert.rejects(find(vfs, dir, query), (error: unknown) => {
      assert.ok(error instanceof PatternRefused, String(error));
      assert.match(error.message, message);
      assert.equal(error.at, at);
      return true;
    });
  };
  await refused({ pattern: 'a(b', isRegex: true }, /Unterminated group/, 1);
  await refused({ pattern: 'a)b', isRegex: true }, /Unmatched/, 1);
  await refused({ pattern: '[z-a]', isRegex: true }, /out of order/, undefined);
  await refused({ pattern: '' }, /nothing to search for/, 0);
  await refused({ pattern: 'x', globs: ['[a'] }, /glob \[a cannot be read/, undefined);
  assert.deepEqual((await find(vfs, dir, { pattern: 'a(b' })).places, [], 'as text it is fine');
});

test('an expression that does not come to an end costs one file, and nobody else anything', async (t) => {
  const { vfs, dir } = await connected(t);
  writeFileSync(join(dir, 'evil'), `${'a'.repeat(60)}!\n`);
  writeFileSync(join(dir, 'good'), 'aab\n');
  // What looks ahead is our own engine's.
  const searching = find(vfs, dir, { pattern: '(?=a)(a+)+b', isRegex: true });
  await vfs.stat(dir);
  const { places, left } = await searching;
  assert.deepEqual(places, ['good:0:0-3']);
  assert.deepEqual(left, [{ path: join(dir, 'evil'), why: 'endless' }]);
});

test('a folder that is closed is said, and one that vanishes is not searched', async (t) => {
  const { vfs, dir } = await connected(t);
  await assert.rejects(find(vfs, join(dir, 'absent'), { pattern: 'x' }), { code: 'ENOENT' });
  writeFileSync(join(dir, 'file'), 'x');
  await assert.rejects(find(vfs, join(dir, 'file'), { pattern: 'x' }), { code: 'ENOTDIR' });
  mkdirSync(join(dir, 'there'));
  writeFileSync(join(dir, 'there/file'), 'foo');
  assert.equal((await find(vfs, join(dir, 'there'), { pattern: 'foo' })).places.length, 1);
  renameSync(join(dir, 'there'), join(dir, 'elsewhere'));
  mkdirSync(join(dir, 'there'));
  writeFileSync(join(dir, 'there/other'), 'foo');
  assert.deepEqual((await find(vfs, join(dir, 'there'), { pattern: 'foo' })).places, ['other:0:0-3']);
});

test('a link that drops meanwhile costs nothing that was found', async (t) => {
  const { vfs, dir, link } = await connected(t);
  for (let file = 0; file < 300; file++) writeFileSync(join(dir, `f${file}`), 'foo\n'.repeat(300));
  let cut = false;
  const places = new Set<string>();
  const end = await vfs.search(
    dir,
    { ...PLAIN, pattern: 'foo', results: 1_000_000 },
    {
      found: (files) => {
        for (const { path, matches } of files) for (const { line } of matches) places.add(`${path}:${line}`);
        if (cut) return;
        cut = true;
        link.wire.break();
      },
      restarted: () => places.clear(),
    },
  );
  assert.equal(places.size, 90_000);
  assert.equal(end.results, 90_000);
});

test('names are listed with the same globs and ignore files', async (t) => {
  const { vfs, dir } = await connected(t);
  mkdirSync(join(dir, 'build'));
  for (const name of ['a.ts', 'b.js', 'build/out', '.hidden']) writeFileSync(join(dir, name), '');
  writeFileSync(join(dir, '.gitignore'), 'build\n');
  const list = async (query: Partial<FindQuery>) => {
    const names: string[] = [];
    await vfs.files(
      dir,
      { ...PLAIN, ...query },
      { found: (files) => void names.push(...files.map(({ path }) => path)) },
    );
    return names.map((name) => name.slice(dir.length + 1)).sort();
  };
  assert.deepEqual(await list({}), ['a.ts', 'b.js']);
  assert.deepEqual(await list({ hidden: true, ignoreFiles: false }), [
    '.gitignore',
    '.hidden',
    'a.ts',
    'b.js',
    'build/out',
  ]);
  assert.deepEqual(await list({ globs: ['*.ts'] }), ['a.ts']);
});

test('a folder so deep that no call takes its path breaks nothing', async (t) => {
  const { vfs, dir } = await connected(t);
  const upper = join(dir, 'upper', ...Array<string>(12).fill('d'.repeat(250)));
  const lower = join(dir, 'lower', ...Array<string>(12).fill('e'.repeat(250)));
  mkdirSync(upper, { recursive: true });
  mkdirSync(lower, { recursive: true });
  writeFileSync(join(lower, 'foo'), '');
  renameSync(join(dir, 'lower'), join(upper, 'lower'));
  beforeRemoval(t, () => renameSync(join(upper, 'lower'), join(dir, 'lower')));
  writeFileSync(join(dir, 'foo'), '');
  const names: string[] = [];
  const end = await vfs.files(dir, PLAIN, {
    found: (files) => void names.push(...files.map(({ path }) => path)),
  });
  assert.deepEqual(names, [join(dir, 'foo')]);
  assert.equal(end.outOfTime, false);
});

test('many long names that a query means come in more than one piece', async (t) => {
  const { vfs, dir } = await connected(t);
  const deep = Array.from({ length: 12 }, (_, index) => `${index}`.padEnd(200, 'd')).join('/');
  mkdirSync(join(dir, deep), { recursive: true });
  for (let file = 0; file < 1000; file++) writeFileSync(join(dir, deep, `foo${file}`), '');
  const query = { ...PLAIN, pattern: 'foo', ranked: true, results: 1000 };
  for (;;) {
    const names = new Set<string>();
    const end = await vfs.files(dir, query, {
      found: (files) => {
        for (const { path } of files) names.add(path);
      },
    });
    if (end.building) continue;
    assert.equal(names.size, 1000);
    return;
  }
});

test('a file that grows while it is searched, and a pipe, keep nobody waiting', async (t) => {
  const { vfs, dir } = await connected(t);
  execFileSync('mkfifo', [join(dir, 'pipe'), join(dir, '.gitignore')]);
  writeFileSync(join(dir, 'log'), 'foo\n');
  const timer = setInterval(() => appendFileSync(join(dir, 'log'), 'foo\n'), 1);
  t.after(() => clearInterval(timer));
  const { places } = await find(vfs, dir, { pattern: '(?=f)foo', isRegex: true });
  assert.ok(places.length >= 1);
  assert.ok(existsSync(join(dir, 'pipe')));
  chmodSync(join(dir, 'log'), 0o644);
});
