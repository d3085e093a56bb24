import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { MarkedLines } from '../../src/ssh/agent/markedLines';

const seed =
  process.env.LIVEMOUNT_SEED === undefined ? Date.now() & 0xffffff : Number(process.env.LIVEMOUNT_SEED);

test(`marked lines are found however the bytes are cut, and what follows is left alone (seed ${seed})`, async () => {
  const noise = fc.string({ maxLength: 50 });
  const cuts = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(
      noise,
      noise,
      fc.uint8Array({ maxLength: 100 }),
      cuts,
      async (before, between, after, sizes) => {
        const text = `${before}MARK need {"a":1}\n${between}MARK ready\n`;
        let bytes = Buffer.concat([Buffer.from(text), after]);
        const stream = new PassThrough();
        const lines = new MarkedLines(stream, 'MARK');
        const found = (async () => [await lines.next(), await lines.next()])();
        for (const size of sizes) {
          stream.write(bytes.subarray(0, size));
          bytes = bytes.subarray(size);
          await new Promise((resolve) => setImmediate(resolve));
        }
        stream.end(bytes);
        assert.deepEqual(await found, [
          { verb: 'need', rest: '{"a":1}' },
          { verb: 'ready', rest: '' },
        ]);
        const rest: Buffer[] = [];
        for await (const chunk of stream) rest.push(chunk);
        assert.deepEqual(Buffer.concat(rest), Buffer.from(after));
      },
    ),
    { seed, numRuns: 200 },
  );
});

test('a stream that ends without a mark gives nothing, and its output is kept', async () => {
  const stream = new PassThrough();
  const lines = new MarkedLines(stream, 'MARK');
  stream.end('This account is disabled.\n');
  assert.equal(await lines.next(), undefined);
  assert.equal(lines.skipped, 'This account is disabled.');
});
