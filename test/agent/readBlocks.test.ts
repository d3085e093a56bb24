import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReadBlocks } from '../../src/agent/processes/readBlocks';

/** A read of so many bytes of one value, as the kernel does it: into the room it was given before. */
function read(
  blocks: ReadBlocks,
  room: Buffer,
  length: number,
  value: number,
): { bytes: Buffer; room: Buffer } {
  room.fill(value, 0, length);
  const bytes = blocks.took(length);
  return { bytes, room: blocks.room() };
}

describe('the memory that a stream is read into', () => {
  it('stays what it is until it is given back, also while a read is under way', () => {
    const blocks = new ReadBlocks();
    let room = blocks.room();
    const held: { bytes: Buffer; value: number }[] = [];
    // Of what is held, the oldest goes back each time, also in the middle of a read.
    for (let i = 0; i < 2000; i++) {
      const value = i & 0xff;
      const length = i % 7 === 0 ? room.length : 1 + ((i * 31) % room.length);
      const oldest = i % 3 === 0 ? undefined : held.shift();
      if (oldest !== undefined) blocks.reuse(oldest.bytes);
      const next = read(blocks, room, length, value);
      room = next.room;
      held.push({ bytes: next.bytes, value });
      if (held.length > 20) for (const { bytes } of held.splice(0, 15)) blocks.reuse(bytes);
      for (const { bytes, value: was } of held)
        assert.ok(bytes.equals(Buffer.alloc(bytes.length, was)), `${i}: overwritten`);
    }
  });

  it('grows for a stream that fills it, and is used again', () => {
    const blocks = new ReadBlocks();
    let room = blocks.room();
    const memories = new Set<ArrayBufferLike>();
    for (let i = 0; i < 1000; i++) {
      const next = read(blocks, room, room.length, 1);
      blocks.reuse(next.bytes);
      room = next.room;
      memories.add(room.buffer);
    }
    assert.equal(room.length, 256 << 10);
    assert.ok(memories.size < 8, `${memories.size} blocks`);
  });
});
