import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BytePath } from '../../src/server/watch/bytePath';
import { Kind } from '../../src/server/watch/change';
import { Journal, type JournalEntry } from '../../src/server/watch/journal';

function told(seq: number): JournalEntry {
  const change = { kind: Kind.CREATE, path: `f${seq}` as BytePath, isDir: false, seen: undefined, flags: 0 };
  return { seq: BigInt(seq), timeNs: 0n, change };
}

function seqs(events: readonly JournalEntry[]): number[] {
  return events.map(({ seq }) => Number(seq));
}

test('the events after a cursor are found, also where other superblocks took numbers between', () => {
  const journal = new Journal(0n, 10);
  for (const seq of [2, 5, 6, 9]) journal.append(told(seq));
  assert.deepEqual(seqs(journal.after(0n, 100)), [2, 5, 6, 9]);
  assert.deepEqual(seqs(journal.after(5n, 100)), [6, 9]);
  assert.deepEqual(seqs(journal.after(7n, 100)), [9]);
  assert.deepEqual(seqs(journal.after(9n, 100)), []);
  assert.deepEqual(seqs(journal.after(0n, 2)), [2, 5], 'no more than asked for');
});

test('it is bounded, and knows where it no longer reaches', () => {
  const journal = new Journal(0n, 4);
  for (let seq = 1; seq <= 10; seq++) journal.append(told(seq));
  assert.deepEqual(seqs(journal.after(0n, 100)), [7, 8, 9, 10]);
  assert.equal(journal.reaches(6n), true);
  assert.equal(journal.reaches(5n), false);
  assert.equal(journal.lastSeq, 10n);
});

test('a superblock that is watched later owes nothing of before', () => {
  const journal = new Journal(100n, 4);
  assert.equal(journal.reaches(100n), true);
  assert.equal(journal.reaches(99n), false);
});
