import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bytesOf, textOf } from '../../src/protocol/names';

const anyBytes = fc
  .oneof(
    fc.uint8Array({ maxLength: 40 }),
    // Valid text with a few bytes spoilt is where the boundary runs.
    fc
      .tuple(fc.string({ unit: 'binary' }), fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }))
      .map(([text, spoilt]) => {
        const bytes = Buffer.from(text);
        for (const [at, byte] of spoilt) if (at < bytes.length) bytes[at] = byte;
        return bytes;
      }),
  )
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0)));

test('any bytes survive the way to text and back', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => assert.deepEqual(bytesOf(textOf(bytes)), bytes)),
    { numRuns: 3000 },
  );
});

test('no two names share a text', () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      assert.equal(textOf(a) === textOf(b), a.equals(b));
    }),
    { numRuns: 1000 },
  );
});

test('what is UTF-8 reads as such', () => {
  for (const text of ['plain', 'größe', '日本語', '🙂', 'with space', '\u{10fe7f}', '\u{10ff00}']) {
    assert.equal(textOf(Buffer.from(text)), text);
    assert.deepEqual(bytesOf(text), Buffer.from(text));
  }
});

test('a byte that is not part of a character becomes a private-use character of its own', () => {
  assert.equal(textOf(Buffer.from([0x61, 0xff, 0x62])), 'a\u{10feff}b');
  assert.equal(textOf(Buffer.from([0xc3])), '\u{10fec3}');
  // Overlong, a surrogate, and beyond Unicode: not UTF-8 (RFC 3629).
  assert.equal([...textOf(Buffer.from([0xc0, 0x80]))].length, 2);
  assert.equal([...textOf(Buffer.from([0xed, 0xa0, 0x80]))].length, 3);
  assert.equal([...textOf(Buffer.from([0xf4, 0x90, 0x80, 0x80]))].length, 4);
});

test('a genuine character of the range is escaped byte by byte', () => {
  const genuine = Buffer.from('\u{10feff}');
  assert.notEqual(textOf(genuine), '\u{10feff}');
  assert.deepEqual(bytesOf(textOf(genuine)), genuine);
});

test('half a surrogate pair and a NUL are no names', () => {
  assert.throws(() => bytesOf('\ud800'), { code: 'EILSEQ' });
  assert.throws(() => bytesOf('a\0b'), { code: 'EINVAL' });
});
