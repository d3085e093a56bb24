import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findConflicts } from '../../src/client/git/conflicts';

test('conflicts are found with and without the common base, and half ones are text', () => {
  const text = [
    'a',
    '<<<<<<< HEAD',
    'ours',
    '=======',
    'theirs',
    '>>>>>>> branch',
    '=======',
    '<<<<<<< lonely',
    '<<<<<<< HEAD',
    'ours',
    '||||||| base',
    'old',
    '=======',
    '>>>>>>> other',
    '>>>>>>> end',
    '<<<<<<< open',
  ].join('\r\n');
  assert.deepEqual(findConflicts(text), [
    { start: 1, base: undefined, middle: 3, end: 5 },
    { start: 8, base: 10, middle: 12, end: 13 },
  ]);
});
