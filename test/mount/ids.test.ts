import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idsByName } from '../../src/mount/ids';

const here = new Map([
  ['root', 0],
  ['anna', 1000],
  ['ben', 1001],
]);
const there = new Map([
  ['root', 0],
  ['ben', 1000],
  ['anna', 2000],
  ['carl', 1001],
]);

test('who has the same name is the same, whatever the numbers are', () => {
  const ids = idsByName({ here, there }, { here, there });
  for (const [name, id] of there) {
    const same = here.get(name);
    if (same === undefined) continue;
    assert.equal(ids.uidHere(id), same, name);
    assert.equal(ids.uidThere(same), id, name);
    assert.equal(ids.gidHere(id), same, name);
  }
});

test('nobody is shown as somebody else', () => {
  const ids = idsByName({ here, there }, { here, there });
  // Carl of the host has the number that Ben has here.
  assert.equal(ids.uidHere(1001), 65534);
  // Nobody on either side has this number.
  assert.equal(ids.uidHere(5000), 5000);
  assert.equal(ids.uidThere(5000), 5000);
});
