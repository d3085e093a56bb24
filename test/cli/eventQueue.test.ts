import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventQueue } from '../../src/cli/eventQueue';
import type { Change } from '../../src/client/vfs';
import type { SuperblockId } from '../../src/protocol/brand';

function created(seq: number): Change {
  return {
    kind: 'create',
    path: `/w/${seq}`,
    isDirectory: false,
    sb: 1n as SuperblockId,
    seq: BigInt(seq),
    timeNs: 0n,
  };
}

test('events come out as they went in', async () => {
  const queue = new EventQueue('/w', 10);
  queue.push([created(1), created(2)]);
  queue.push([created(3)]);
  const taken = await queue.take(new AbortController().signal);
  assert.deepEqual(
    taken.map((change) => change.path),
    ['/w/1', '/w/2', '/w/3'],
  );
});

test('a reader that waits gets the next event', async () => {
  const queue = new EventQueue('/w', 10);
  const taken = queue.take(new AbortController().signal);
  queue.push([created(1)]);
  assert.equal((await taken).length, 1);
});

test('what does not fit folds into one overflow of the watched path, and later events follow it', async () => {
  const queue = new EventQueue('/w', 3);
  queue.push([1, 2, 3, 4, 5].map(created));
  const taken = await queue.take(new AbortController().signal);
  assert.deepEqual(
    taken.map(({ kind, path, seq }) => [kind, path, seq]),
    [
      ['overflow', '/w', 4n],
      ['create', '/w/5', 5n],
    ],
  );
});

test('an interrupt ends the wait, and nothing is left listening', async () => {
  const queue = new EventQueue('/w', 3);
  const controller = new AbortController();
  const taken = queue.take(controller.signal);
  controller.abort();
  assert.deepEqual(await taken, []);
  queue.push([created(1)]);
  assert.deepEqual(await queue.take(controller.signal), []);
});
