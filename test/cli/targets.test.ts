// Every command with every kind of target.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { MemoryVfs } from './memoryVfs';
import { runWith } from './runWith';

/** A host and a folder of this machine with the same content: a file, another one, a folder, an empty one. */
function places() {
  const vfs = new MemoryVfs();
  const here = mkdtempSync(join(tmpdir(), 'livemount-targets-'));
  for (const folder of ['/t', '/t/folder', '/t/empty', '/t/source', '/home', '/home/me']) vfs.place(folder);
  const files = { file: 'file', other: 'other', 'folder/kept': 'kept', 'source/inside': 'inside' };
  for (const [name, content] of Object.entries(files)) vfs.place(`/t/${name}`, content);
  for (const folder of ['folder', 'empty', 'source']) mkdirSync(join(here, folder));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(here, name), content);
  return { vfs, here, [Symbol.dispose]: () => rmSync(here, { recursive: true, force: true }) };
}

const TARGETS = [
  'other',
  'folder',
  'folder/',
  'empty',
  'absent',
  'absent/',
  'absent/deeper',
  'file/below',
] as const;
type Target = (typeof TARGETS)[number];
/** The path that the source gets, or the words with which it is refused. */
type Outcome = string | RegExp;

const INTO = (name: string) => ({
  folder: `folder/${name}`,
  'folder/': `folder/${name}`,
  empty: `empty/${name}`,
});
const NOWHERE = {
  'absent/': /absent\/?: there is no such folder/,
  'absent/deeper': /no such file or folder|no such folder/,
  'file/below': /file\/below: .*(there is no such|not a folder)|not a folder/,
};

const EXPECTED: readonly {
  readonly args: readonly string[];
  readonly from: string;
  readonly outcomes: Readonly<Record<Target, Outcome>>;
}[] = [
  ...['cp', 'mv', 'get'].flatMap((command) => [
    {
      args: [command],
      from: 'file',
      outcomes: {
        other: /other: it exists already.*--overwrite/,
        absent: 'absent',
        ...INTO('file'),
        ...NOWHERE,
      },
    },
    {
      args: [command, '--overwrite'],
      from: 'file',
      outcomes: { other: 'other', absent: 'absent', ...INTO('file'), ...NOWHERE },
    },
    {
      args: [command, '--overwrite'],
      from: 'source',
      outcomes: {
        other: /other: it (is a file|exists already)|other: .*not a folder/,
        absent: 'absent',
        ...INTO('source'),
        ...NOWHERE,
      },
    },
  ]),
  {
    args: ['put'],
    from: 'file',
    outcomes: { other: 'other', absent: 'absent', ...INTO('file'), ...NOWHERE },
  },
  {
    args: ['put', '--create'],
    from: 'file',
    outcomes: {
      other: /other: it exists on the host; nothing/,
      absent: 'absent',
      ...INTO('file'),
      ...NOWHERE,
    },
  },
  {
    args: ['put', '-r'],
    from: 'source',
    outcomes: {
      other: /other: it is a file, which a folder does not replace/,
      absent: 'absent',
      ...INTO('source'),
      ...NOWHERE,
    },
  },
];

for (const { args, from, outcomes } of EXPECTED) {
  for (const target of TARGETS) {
    const outcome = outcomes[target];
    test(`${args.join(' ')} ${from} ${target}: ${outcome instanceof RegExp ? 'refused' : `it is ${outcome} then`}`, async () => {
      using place = places();
      const { vfs, here } = place;
      const [command] = args;
      const source = command === 'put' ? join(here, from) : `box:/t/${from}`;
      const to = command === 'get' ? `${here}/${target}` : `box:/t/${target}`;
      const run = runWith(vfs, [...args, source, to]);
      const code = await run.code;
      const contentOf = (name: string) =>
        command === 'get'
          ? existsSync(join(here, name)) && readFileSync(join(here, name), 'utf8')
          : vfs.contentOf(`/t/${name}`);
      if (outcome instanceof RegExp) {
        assert.notEqual(code, 0);
        assert.match(run.said.join('\n'), outcome);
        assert.doesNotMatch(run.said.join('\n'), /\bE[A-Z]{3,}\b/);
        assert.equal(contentOf('other'), 'other');
        assert.equal(vfs.contentOf('/t/file'), 'file', 'the source stays');
      } else {
        assert.equal(code, 0, run.said.join('\n'));
        assert.equal(
          contentOf(from === 'source' ? `${outcome}/inside` : outcome),
          from === 'source' ? 'inside' : 'file',
        );
      }
      assert.equal(contentOf('folder/kept'), 'kept', 'what lies in a folder stays');
    });
  }
}

test('several sources go into a folder, and into nothing else', async () => {
  for (const command of ['cp', 'mv', 'get', 'put'] as const) {
    using place = places();
    const { vfs, here } = place;
    const source = (name: string) => (command === 'put' ? join(here, name) : `box:/t/${name}`);
    const target = (name: string) => (command === 'get' ? join(here, name) : `box:/t/${name}`);
    const refused = runWith(vfs, [command, source('file'), source('other'), target('absent')]);
    assert.equal(await refused.code, 1);
    assert.match(refused.said[0] ?? '', /absent\/?: there is no such folder/);
    const done = runWith(vfs, [command, source('file'), source('other'), source('source'), target('empty')]);
    assert.equal(await done.code, 0, done.said.join('\n'));
    for (const [name, content] of [
      ['file', 'file'],
      ['other', 'other'],
      ['source/inside', 'inside'],
    ] as const) {
      const found =
        command === 'get'
          ? readFileSync(join(here, 'empty', name), 'utf8')
          : vfs.contentOf(`/t/empty/${name}`);
      assert.equal(found, content);
    }
  }
});

test('of several sources one that fails is named, and the others are done', async () => {
  using place = places();
  const { vfs } = place;
  const run = runWith(vfs, ['cp', 'box:/t/missing', '/t/file', '/t/empty']);
  assert.equal(await run.code, 1);
  assert.deepEqual(run.said, ['livemount: /t/missing: there is no such file or folder']);
  assert.equal(vfs.contentOf('/t/empty/file'), 'file');
  const removed = runWith(vfs, ['rm', 'box:/t/missing', 'box:/t/other', 'box:/t/folder']);
  assert.equal(await removed.code, 1);
  assert.equal(removed.said.length, 2);
  assert.equal(vfs.contentOf('/t/other'), undefined);
  assert.equal(vfs.contentOf('/t/folder/kept'), 'kept');
});

test('two sources of one name do not replace each other', async () => {
  using place = places();
  const { vfs } = place;
  vfs.place('/t/folder/file', 'second');
  const run = runWith(vfs, ['mv', '--overwrite', 'box:/t/file', '/t/folder/file', '/t/empty']);
  assert.equal(await run.code, 1);
  assert.match(run.said[0] ?? '', /another one of this name/);
  assert.deepEqual([vfs.contentOf('/t/empty/file'), vfs.contentOf('/t/folder/file')], ['file', 'second']);
});

test('paths that begin with no slash are below the home folder', async () => {
  using place = places();
  const { vfs } = place;
  assert.equal(await runWith(vfs, ['put', '-', 'box:note'], Readable.from(['text'])).code, 0);
  assert.equal(vfs.contentOf('/home/me/note'), 'text');
  assert.equal(await runWith(vfs, ['cat', 'box:~/note']).output(), 'text');
  assert.equal(await runWith(vfs, ['ls', 'box:']).output(), 'note\n');
});

test('an error names the one of two paths that it is about', async () => {
  using place = places();
  const { vfs } = place;
  const missing = runWith(vfs, ['cp', 'box:/t/missing', '/t/new']);
  assert.equal(await missing.code, 1);
  assert.match(missing.said[0] ?? '', /^livemount: \/t\/missing: there is no/);
  const nowhere = runWith(vfs, ['cp', 'box:/t/file', '/nowhere/new']);
  assert.equal(await nowhere.code, 1);
  assert.match(nowhere.said[0] ?? '', /^livemount: \/nowhere\/new: there is no/);
});
