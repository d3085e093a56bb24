import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BytePath } from '../../src/server/watch/bytePath';
import {
  DT,
  Entries,
  entryCode,
  foldIno,
  inoOf,
  Packer,
  typeOf,
} from '../../src/server/watch/shadow/entries';

test('a directory gives back what it was packed from, whatever the names and numbers', () => {
  const listed: [string, number, number][] = [
    ['plain', 12, DT.REG],
    ['\xff\xfe not UTF-8', 2 ** 48 - 1, DT.DIR],
    ['tab\tand\nnewline', 47, DT.LNK],
    ['x'.repeat(255), 0, DT.SOCK],
  ];
  const packer = new Packer();
  for (const [name, ino, type] of listed) packer.add(name as BytePath, entryCode(ino, type));
  const entries = new Entries();
  entries.replace(packer.finish());
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(
      [...entries].map(([name, code]) => [name, inoOf(code), typeOf(code)]),
      listed,
    );
    entries.pack();
  }
});

test('changes survive packing', () => {
  const entries = new Entries();
  entries.set('a' as BytePath, entryCode(1, DT.REG));
  entries.set('b' as BytePath, entryCode(2, DT.DIR));
  entries.pack();
  assert.equal(entries.isUnpacked, false);
  entries.delete('a' as BytePath);
  entries.pack();
  assert.equal(entries.get('a' as BytePath), undefined);
  assert.equal(entries.get('b' as BytePath), entryCode(2, DT.DIR));
});

test('inode numbers of 64 bits are folded to numbers that stay exact', () => {
  const folded = foldIno(0xffff_ffff, 0xffff_0001);
  assert.ok(Number.isSafeInteger(entryCode(folded, DT.SOCK)));
  assert.notEqual(foldIno(1, 0), foldIno(1, 0x10000));
  assert.equal(foldIno(7, 3), 3 * 2 ** 32 + 7);
});
