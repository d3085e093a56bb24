// The host's ripgrep and our own engine find the same, in trees and with queries that are made up.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FoundFile } from '../../src/agent/find/found';
import { bytesText } from '../../src/agent/find/globs';
import { searchPart } from '../../src/agent/find/part';
import { RipgrepProgram } from '../../src/agent/find/ripgrepProgram';
import type { FindQuery } from '../../src/protocol/find';
import { makeTree, PLAIN, randomOf, randomQuery } from './trees';

const SEED = Number(process.env.LIVEMOUNT_SEED ?? Date.now() % 100_000);
/** The host's, and one of another version if its path is given. */
const RIPGREPS = ['rg', process.env.LIVEMOUNT_RIPGREP ?? ''].filter((program) => program !== '');
const TREES = 6;
const QUERIES = 5;

async function search(root: string, query: FindQuery, ripgrep: string | undefined) {
  const found: FoundFile[] = [];
  const names: string[] = [];
  const notes: string[] = [];
  const { pattern, isRegex, matchCase, wholeWord, multiline } = query;
  const end = await searchPart(
    {
      job: {
        query: { pattern, isRegex, matchCase, wholeWord, multiline },
        latin1: query.latin1,
        root,
        part: '',
        others: [],
        globs: query.globs.map(bytesText),
        hidden: query.hidden,
        ignoreFiles: query.ignoreFiles,
        fileBytesMax: 1 << 20,
        fileMs: 5000,
      },
      ripgrep,
      silenceMs: 60_000,
      signal: new AbortController().signal,
    },
    {
      found: (file) => void found.push(file),
      names: (more) => void names.push(...more),
      note: ({ path, kind }) => void notes.push(`${kind} ${path}`),
      room: async () => {},
    },
  );
  found.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { found, notes, byRipgrep: end.byRipgrep };
}

test(`both engines agree (seed ${SEED})`, async () => {
  const random = randomOf(SEED);
  let compared = 0;
  let matches = 0;
  for (let tree = 0; tree < TREES; tree++) {
    const root = mkdtempSync(join(tmpdir(), 'livemount-find-'));
    try {
      makeTree(root, random);
      for (let index = 0; index < QUERIES; index++) {
        const query = randomQuery(random);
        const ours = await search(root, query, undefined);
        matches += ours.found.length;
        for (const program of RIPGREPS) {
          const theirs = await search(root, query, program);
          if (theirs.byRipgrep) compared++;
          const what = `seed ${SEED}, ${program}: ${JSON.stringify(query)} in ${root}`;
          assert.deepEqual(ours.found, theirs.found, what);
        }
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  assert.ok(compared > (TREES * QUERIES * RIPGREPS.length) / 2, `${compared} were searched by both`);
  assert.ok(matches > 0, 'something was found');
});

test('over several lines both find a word at the beginning of a line', async () => {
  const root = mkdtempSync(join(tmpdir(), 'livemount-find-'));
  try {
    writeFileSync(join(root, 'file'), 'first\nfoo.bar\n');
    const query: FindQuery = { ...PLAIN, pattern: '^foo', isRegex: true, wholeWord: true, multiline: true };
    for (const ripgrep of ['rg', undefined]) {
      const { found } = await search(root, query, ripgrep);
      assert.deepEqual(
        found.map(({ matches }) => matches.length),
        [1],
      );
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('a program that ends by itself is a failure, not the end of the results', async () => {
  const root = mkdtempSync(join(tmpdir(), 'livemount-find-'));
  try {
    const killed = join(root, 'rg');
    writeFileSync(killed, '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 });
    await assert.rejects(search(root, { ...PLAIN, pattern: 'x' }, killed), /ended by itself/);
    const old = join(root, 'old');
    writeFileSync(old, "#!/bin/sh\necho 'error: Found argument which was not expected' >&2\nexit 2\n", {
      mode: 0o755,
    });
    const { found, byRipgrep } = await search(root, { ...PLAIN, pattern: 'kill' }, old);
    assert.deepEqual([found.map(({ path }) => path), byRipgrep], [['rg'], false], 'our own engine goes on');
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('a ripgrep that lies in the folder to be searched is not run', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'livemount-find-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, 'rg'), `#!/bin/sh\ntouch ${root}/ran\necho ripgrep 99.0.0\n`, { mode: 0o755 });
  const { PATH } = process.env;
  const before = process.cwd();
  t.after(() => {
    process.env.PATH = PATH;
    process.chdir(before);
  });
  process.chdir(root);
  process.env.PATH = `.::${PATH}`;
  const program = await new RipgrepProgram().find();
  assert.ok(program === undefined || program.startsWith('/'));
  assert.equal(existsSync(join(root, 'ran')), false);
});
