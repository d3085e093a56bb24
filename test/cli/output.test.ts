import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { Output } from '../../src/cli/output';

test('a write waits until a slow reader has taken what came before', async () => {
  const pipe = new PassThrough({ highWaterMark: 10 });
  const output = new Output(pipe, () => assert.fail('nobody went away'));
  let settled = false;
  const written = output.write('0123456789').then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(settled, false);
  assert.equal(String(pipe.read()), '0123456789');
  await written;
  assert.equal(settled, true);
});

test('a reader that goes away is reported once, and later writes are dropped', async () => {
  let told = 0;
  const broken = new Writable({
    autoDestroy: false,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('broken pipe'), { code: 'EPIPE' })),
  });
  const output = new Output(broken, () => told++);
  await output.write('one');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(output.isReaderGone, true);
  await output.write('two');
  await output.flush();
  assert.equal(told, 1);
});

test('a write that waits when the reader goes away settles', async () => {
  const held: ((error: Error) => void)[] = [];
  const stuck = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => held.push(done) });
  const output = new Output(stuck, () => {});
  const written = output.write('more than fits');
  held[0]?.(Object.assign(new Error('broken pipe'), { code: 'EPIPE' }));
  await written;
  assert.equal(output.isReaderGone, true);
});

test('a full disk is an error, not an end', async () => {
  const full = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('no space left'), { code: 'ENOSPC' })),
  });
  const output = new Output(full, () => assert.fail('not a reader that went away'));
  await assert.rejects(async () => {
    await output.write('some bytes');
    await output.flush();
  }, /no space left/);
});
