// The host's ripgrep and our own engine find the same, in trees and with queries that are made up.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FoundFile } from '../../src/agent/find/found';
import { bytesText } from '../../src/agent/find/globs';
import { searchPart } from '../../src/agent/find/part';
import type { FindQuery } from '../../src/protocol/find';
import { makeTree, randomOf, randomQuery } from './trees';

const SEED = Number(process.env.LIVEMOUNT_SEED ?? Date.now() % 100_000);
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
        const theirs = await search(root, query, 'rg');
        const ours = await search(root, query, undefined);
        if (theirs.byRipgrep) compared++;
        matches += ours.found.length;
        assert.deepEqual(ours.found, theirs.found, `seed ${SEED}: ${JSON.stringify(query)} in ${root}`);
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  assert.ok(compared > (TREES * QUERIES) / 2, `${compared} were searched by both`);
  assert.ok(matches > 0, 'something was found');
});
