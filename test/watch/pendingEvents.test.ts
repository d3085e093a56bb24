import assert from 'node:assert/strict';
import { test } from 'node:test';
import { In } from '../../src/protocol/mask';
import { type BytePath, ROOT_PATH } from '../../src/server/watch/bytePath';
import { LOOK } from '../../src/server/watch/eventBits';
import { PendingEvents } from '../../src/server/watch/shadow/pendingEvents';
import { DirNode } from '../../src/server/watch/shadow/tree';

const name = (text: string) => text as BytePath;

function directory(): DirNode {
  return new DirNode(undefined, ROOT_PATH);
}

function renames(hints: PendingEvents): string[] {
  return hints.renames.map(({ fromName, toName }) => `${fromName} -> ${toName}`);
}

test('all that is heard of a name is one touch, which knows what came first', () => {
  const hints = new PendingEvents();
  const at = directory();
  hints.touch(at, name('f'), In.DELETE);
  hints.touch(at, name('g'), In.MODIFY);
  hints.touch(at, name('f'), In.CREATE);
  hints.touch(at, name('f'), In.MODIFY);
  assert.deepEqual(
    hints.touches.map(({ name, bits, first }) => [name, bits, first]),
    [
      ['f', In.DELETE | In.CREATE | In.MODIFY, 'gone'],
      ['g', In.MODIFY, 'changed'],
    ],
  );
});

test('a record that says made and deleted was made first', () => {
  const hints = new PendingEvents();
  hints.touch(directory(), name('f'), In.CREATE | In.DELETE);
  assert.equal(hints.touches[0]?.first, 'made');
});

test('a chain of renames is one rename, and the names on the way are looked at', () => {
  const hints = new PendingEvents();
  const at = directory();
  hints.renamed(at, name('a'), at, name('b'), false);
  hints.renamed(at, name('b'), at, name('c'), false);
  hints.renamed(at, name('c'), at, name('d'), false);
  assert.deepEqual(renames(hints), ['a -> d']);
  assert.deepEqual(
    hints.touches.map((touch) => touch.name),
    ['b', 'c'],
  );
});

test('a swap stays three renames, each knowing who goes on from its target', () => {
  const hints = new PendingEvents();
  const at = directory();
  hints.renamed(at, name('a'), at, name('t'), true);
  hints.renamed(at, name('b'), at, name('a'), true);
  hints.renamed(at, name('t'), at, name('b'), true);
  assert.deepEqual(renames(hints), ['a -> t', 'b -> a', 't -> b']);
  assert.equal(hints.renames[0]?.next, hints.renames[2]);
  assert.equal(hints.renames[2]?.next, undefined);
});

test('an exchange is not taken for nothing', () => {
  const hints = new PendingEvents();
  const at = directory();
  hints.renamed(at, name('a'), at, name('b'), false);
  hints.renamed(at, name('b'), at, name('a'), false);
  assert.deepEqual(renames(hints), ['a -> b', 'b -> a']);
});

test('a rename takes over what was heard of its source', () => {
  const hints = new PendingEvents();
  const at = directory();
  hints.touch(at, name('tmp'), In.CREATE);
  hints.touch(at, name('tmp'), In.MODIFY);
  hints.renamed(at, name('tmp'), at, name('f'), false);
  assert.equal(hints.renames[0]?.bits, In.CREATE | In.MODIFY);
  assert.equal(hints.renames[0]?.first, 'made');
  assert.equal(hints.touches[0]?.done, true);
});

test('a deletion is not believed once something moved to the name', () => {
  const hints = new PendingEvents();
  const at = directory();
  hints.touch(at, name('f'), In.DELETE);
  hints.renamed(at, name('g'), at, name('f'), false);
  assert.equal(hints.touches[0]?.bits, In.DELETE | LOOK);
});

test('what is meant for a node that another stands for goes to that one', () => {
  const hints = new PendingEvents();
  const old = directory();
  old.forward = directory();
  hints.touch(old, name('f'), In.CREATE);
  assert.equal(hints.touches[0]?.node, old.forward);
});
