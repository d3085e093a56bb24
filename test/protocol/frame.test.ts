import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { NodeId, Unique } from '../../src/protocol/brand';
import {
  encodeNotifyFrame,
  encodeReplyFrame,
  FrameError,
  FrameReader,
  MAX_FRAME,
} from '../../src/protocol/frame';
import { decodeHeader, decodeReply, decodeRequest, encodeRequest, NEWEST } from '../../src/protocol/message';
import { type OpName, ops } from '../../src/protocol/opcodes';
import type { Struct } from '../../src/protocol/struct';
import { names, structValues } from './arbitrary';

/** Any request of an operation: its frame, and what it was made from. */
function requests(
  op: OpName,
): fc.Arbitrary<{ frame: Buffer; fixed: unknown; names: Buffer[]; data: Buffer }> {
  const spec = ops[op];
  const layout = spec.in as Struct<unknown> | undefined;
  return fc
    .record({
      unique: fc.bigInt({ min: 2n, max: (1n << 64n) - 1n }),
      nodeid: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fixed: layout === undefined ? fc.constant(undefined) : structValues(layout),
      names: fc.array(names, { minLength: spec.names, maxLength: spec.names }),
      data:
        spec.tail === 'bytes'
          ? fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
          : fc.constant(Buffer.alloc(0)),
    })
    .map(({ unique, nodeid, ...rest }) => ({
      ...rest,
      frame: encodeRequest(
        op,
        unique as Unique,
        nodeid as NodeId,
        rest.fixed as never,
        rest.names,
        rest.data,
      ),
    }));
}

for (const op of Object.keys(ops) as OpName[]) {
  test(`a ${op} request decodes to what was encoded`, () => {
    fc.assert(
      fc.property(requests(op), ({ frame, fixed, names: encoded, data }) => {
        const request = decodeRequest(frame, decodeHeader(frame), NEWEST);
        assert.equal(request.op, op);
        assert.deepEqual(request.in, fixed);
        assert.deepEqual([...request.names], encoded);
        assert.deepEqual(request.data, data);
      }),
      { numRuns: 20 },
    );
  });
}

const frames = fc.array(
  fc.constantFrom(...(Object.keys(ops) as OpName[])).chain((op) => requests(op)),
  {
    minLength: 1,
    maxLength: 5,
  },
);

test('frames come out whole however the stream is torn', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(200)), (sent, sizes) => {
      const stream = Buffer.concat(sent.map(({ frame }) => frame));
      const reader = new FrameReader('requests', MAX_FRAME);
      const received: Buffer[] = [];
      let at = 0;
      for (const size of [...sizes, stream.length]) {
        for (const frame of reader.push(stream.subarray(at, at + size))) received.push(Buffer.from(frame));
        at = Math.min(at + size, stream.length);
      }
      reader.end();
      assert.deepEqual(
        received,
        sent.map(({ frame }) => frame),
      );
    }),
  );
});

test('a stream torn at every byte gives the same frames, and says so when it ends inside one', () => {
  const one = encodeReplyFrame(2n, 0, Buffer.from('body'));
  const two = encodeNotifyFrame(3, Buffer.from('told'));
  const stream = Buffer.concat([one, two]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const reader = new FrameReader('replies', MAX_FRAME);
    const before = [...reader.push(stream.subarray(0, cut))].map((frame) => Buffer.from(frame));
    const whole = cut === 0 || cut === one.length || cut === stream.length;
    if (!whole) {
      const torn = new FrameReader('replies', MAX_FRAME);
      for (const _ of torn.push(stream.subarray(0, cut))) void _;
      assert.throws(() => torn.end(), FrameError);
    }
    const after = [...reader.push(stream.subarray(cut))].map((frame) => Buffer.from(frame));
    assert.deepEqual([...before, ...after], [one, two]);
    reader.end();
  }
});

test('a frame larger than agreed, or shorter than its header, ends the stream before anything is held for it', () => {
  for (const length of [0, 1, 15, MAX_FRAME + 1, 0xffffffff]) {
    const reader = new FrameReader('replies', MAX_FRAME);
    const head = Buffer.alloc(16);
    head.writeUInt32LE(length, 0);
    assert.throws(() => [...reader.push(head)], FrameError);
    assert.equal(reader.pending, 0);
    assert.throws(() => [...reader.push(Buffer.alloc(0))], FrameError, 'and it stays ended');
  }
});

test('no bytes at all crash the decoders: they say errno, or that the stream is broken', () => {
  const codes = Object.values(ops).map((op) => op.code);
  const anything = fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.option(fc.constantFrom(...codes)));
  fc.assert(
    fc.property(anything, ([bytes, opcode]) => {
      const frame = Buffer.from(bytes);
      if (frame.length >= 8) {
        frame.writeUInt32LE(frame.length, 0);
        if (opcode !== null) frame.writeUInt32LE(opcode, 4);
      }
      for (const decode of [
        () => decodeRequest(frame, decodeHeader(frame), NEWEST),
        () => decodeReply(frame),
      ]) {
        try {
          decode();
        } catch (error) {
          assert.match(String(error), /^(ErrnoError|FrameError)/);
        }
      }
    }),
    { numRuns: 2000 },
  );
});
