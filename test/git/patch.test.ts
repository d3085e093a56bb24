import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { changesOf, linesOf, patchFor, selectedChanges } from '../../src/client/git/patch';
import { git, newRepository } from './localHost';

test('lines keep their ends, also a last one without', () => {
  assert.deepEqual(linesOf(Buffer.from('a\r\nb\nc')).map(String), ['a\r\n', 'b\n', 'c']);
  assert.deepEqual(linesOf(Buffer.alloc(0)), []);
});

test('a selection takes the pairs of a replacement, the lines of an insertion, and a deletion it touches', () => {
  const replaced = { originalStart: 3, originalCount: 4, modifiedStart: 3, modifiedCount: 4 };
  assert.deepEqual(selectedChanges([replaced], 4, 5), [
    { originalStart: 4, originalCount: 2, modifiedStart: 4, modifiedCount: 2 },
  ]);
  const inserted = { originalStart: 2, originalCount: 0, modifiedStart: 3, modifiedCount: 5 };
  assert.deepEqual(selectedChanges([inserted], 1, 4), [
    { originalStart: 2, originalCount: 0, modifiedStart: 3, modifiedCount: 2 },
  ]);
  const deleted = { originalStart: 5, originalCount: 2, modifiedStart: 4, modifiedCount: 0 };
  assert.deepEqual(selectedChanges([deleted], 4, 4), [deleted]);
  assert.deepEqual(selectedChanges([deleted], 5, 5), [deleted]);
  assert.deepEqual(selectedChanges([deleted], 6, 9), []);
});

const line = fc.constantFrom('a\n', 'b\n', 'c\n', 'x y\n', '\n', 'ü\r\n', '-- \n', '+1\n');
const content = fc
  .tuple(fc.array(line, { maxLength: 14 }), fc.constantFrom('', 'end'))
  .map(([lines, end]) => lines.join('') + end);

test('any part of the changes, staged by patch, gives the index exactly these; taken back, it is as before', async (t) => {
  const { folder, repository } = await newRepository(t);
  const name = 'odd "name" ä\\ .txt';
  const file = path.join(folder, name);
  await fc.assert(
    fc.asyncProperty(
      content,
      content,
      fc.array(fc.boolean(), { maxLength: 20 }),
      async (original, modified, choice) => {
        writeFileSync(file, original);
        git(folder, 'add', '-A');
        writeFileSync(file, modified);
        const changes = changesOf(await repository.diff(name));
        const chosen = changes.filter((_, at) => choice[at] ?? true);
        if (chosen.length === 0) return;
        const expected = apply(original, modified, chosen);
        const patch = patchFor(name, Buffer.from(original), Buffer.from(modified), chosen);
        await repository.applyToIndex(patch);
        assert.equal(git(folder, 'show', `:${name}`), expected);
        // Back again, from what is staged by now.
        const staged = changesOf(git2(folder, original, expected));
        await repository.applyToIndex(
          patchFor(name, Buffer.from(original), Buffer.from(expected), staged, { reverse: true }),
        );
        assert.equal(git(folder, 'show', `:${name}`), original);
      },
    ),
    { numRuns: 60, seed: Number(process.env.LIVEMOUNT_SEED ?? 4711) },
  );
});

/** What the original becomes by these changes: written apart from the code under test. */
function apply(original: string, modified: string, changes: ReturnType<typeof changesOf>): string {
  const before = linesOf(Buffer.from(original)).map(String);
  const after = linesOf(Buffer.from(modified)).map(String);
  for (const change of [...changes].reverse()) {
    const added =
      change.modifiedCount === 0
        ? []
        : after.slice(change.modifiedStart - 1, change.modifiedStart - 1 + change.modifiedCount);
    const at = change.originalCount === 0 ? change.originalStart : change.originalStart - 1;
    before.splice(at, change.originalCount, ...added);
  }
  return before.join('');
}

/** The difference of two texts, as git sees it. */
function git2(folder: string, before: string, after: string): Buffer {
  writeFileSync(path.join(folder, '.git/before'), before);
  writeFileSync(path.join(folder, '.git/after'), after);
  try {
    git(folder, 'diff', '--no-index', '-U0', '.git/before', '.git/after');
    return Buffer.alloc(0);
  } catch (error) {
    return Buffer.from((error as { stdout: string }).stdout);
  }
}
