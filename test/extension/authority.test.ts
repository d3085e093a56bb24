import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeHost, encodeHost } from '../../src/extension/authority';

const seed = Number(process.env.LIVEMOUNT_SEED ?? Date.now() % 1e9);

test('usual hosts stay readable', () => {
  for (const host of ['db7', 'db7.example.org', 'build@db7:2222', 'a_b-c'])
    assert.equal(encodeHost(host), host);
});

test('capitals survive an editor that lowercases authorities', () => {
  const authority = encodeHost('Admin@MyHost');
  assert.equal(authority, '+41dmin@+4dy+48ost');
  assert.equal(decodeHost(authority.toLowerCase()), 'Admin@MyHost');
  assert.equal(
    decodeHost(authority.toUpperCase().replace(/[^+A-F0-9@]/g, (c) => c.toLowerCase())).length > 0,
    true,
  );
});

test('a plus that starts no escape stands for itself', () => {
  assert.equal(decodeHost('c++host'), 'c++host');
});

test(`every host comes back as it was (seed ${seed})`, () => {
  const character = fc
    .integer({ min: 1, max: 0x10ffff })
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code));
  const host = fc.array(character, { minLength: 1, maxLength: 40 }).map((characters) => characters.join(''));
  fc.assert(
    fc.property(host, (text) => {
      const authority = encodeHost(text);
      assert.match(authority, /^[a-z0-9._@:+-]+$/);
      assert.equal(decodeHost(authority), text);
    }),
    { seed },
  );
});
