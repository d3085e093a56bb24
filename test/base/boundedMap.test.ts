import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedMap } from '../../src/base/boundedMap';

test('the least recently used entry makes room, and is named', () => {
  const gone: [string, number][] = [];
  const map = new BoundedMap<string, number>(2, (key, value) => gone.push([key, value]));
  map.set('a', 1).set('b', 2);
  assert.equal(map.get('a'), 1);
  map.set('c', 3);
  assert.deepEqual(gone, [['b', 2]]);
  assert.deepEqual(
    [...map],
    [
      ['a', 1],
      ['c', 3],
    ],
  );
});

test('asking whether an entry is there does not use it', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2);
  assert.equal(map.has('a'), true);
  map.set('c', 3);
  assert.equal(map.has('a'), false);
});

test('a value that is undefined is kept like any other', () => {
  const map = new BoundedMap<string, undefined>(1).set('a', undefined);
  assert.equal(map.get('a'), undefined);
  assert.equal(map.has('a'), true);
});

test('a bound that holds nothing is refused', () => {
  assert.throws(() => new BoundedMap(0), RangeError);
});
