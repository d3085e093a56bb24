import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Channel } from '../../src/client/session/channel';
import { Priority, SendQueue } from '../../src/client/session/sendQueue';
import { Slots } from '../../src/client/session/slots';

test('a small request overtakes bulk data that waits, and a forget overtakes both', () => {
  const queue = new SendQueue();
  const [bulk, more, small, urgent] = ['bulk', 'more', 'small', 'urgent'].map((text) =>
    Buffer.from(text),
  ) as [Buffer, Buffer, Buffer, Buffer];
  queue.push(bulk, Priority.BULK);
  queue.push(more, Priority.BULK);
  queue.push(small, Priority.NORMAL);
  queue.push(urgent, Priority.URGENT);
  assert.equal(queue.waiting, 19);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => queue.shift()?.frame),
    [urgent, small, bulk, more, undefined],
  );
  assert.equal(queue.waiting, 0);
});

test('a request that has not left can be taken back', () => {
  const queue = new SendQueue();
  const frame = Buffer.from('frame');
  queue.push(frame, Priority.NORMAL);
  assert.equal(queue.remove(frame), true);
  assert.equal(queue.remove(frame), false);
  assert.equal(queue.shift(), undefined);
});

test('a channel whose peer does not read holds bulk data back, and lets a small request through first', async () => {
  const stream = new PassThrough({ highWaterMark: 1024 });
  const channel = new Channel(stream, { reply: () => undefined, ended: () => undefined });
  // The stream echoes what is written; nobody reads it, so it fills up. It is paused as a full link would be.
  stream.pause();
  const sent: string[] = [];
  for (let i = 0; i < 4; i++)
    channel.send(Buffer.alloc(200_000), Priority.BULK, () => sent.push(`bulk ${i}`));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(sent, ['bulk 0'], 'one bulk frame is in the stream, the others wait where lanes count');
  channel.send(Buffer.alloc(40), Priority.NORMAL, () => sent.push('small'));
  stream.removeAllListeners('data');
  stream.on('data', () => undefined);
  stream.resume();
  while (sent.length < 5) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(sent, ['bulk 0', 'small', 'bulk 1', 'bulk 2', 'bulk 3']);
  channel.dispose();
});

test('slots let a bounded number in, the others in order, and a cancelled one loses its place', async () => {
  const slots = new Slots(2);
  const entered: number[] = [];
  const cancel = new AbortController();
  const enter = async (id: number, signal?: AbortSignal) => {
    await slots.enter(signal);
    entered.push(id);
  };
  const all = [enter(1), enter(2), enter(3, cancel.signal), enter(4), enter(5)];
  await Promise.all(all.slice(0, 2));
  assert.deepEqual([slots.inUse, slots.queued], [2, 3]);
  cancel.abort();
  await assert.rejects(all[2] as Promise<void>, { code: 'ECANCELED' });
  slots.leave();
  await all[3];
  slots.leave();
  await all[4];
  assert.deepEqual(entered, [1, 2, 4, 5]);
  slots.leave();
  slots.leave();
  assert.deepEqual([slots.inUse, slots.queued], [0, 0]);
});
