import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type NodeId, ROOT_ID, type SuperblockId } from '../../src/protocol/brand';
import { S_IFDIR, S_IFREG } from '../../src/protocol/fuse';
import type { HostFs, HostStat } from '../../src/server/host/hostFs';
import { InodeTable } from '../../src/server/host/inodeTable';

const SB = 7n as SuperblockId;

/** The table asks the host only for the superblock of its root. */
function table(root = '/srv'): InodeTable {
  const mounts = { covering: () => ({ sb: SB }) };
  return new InodeTable(Buffer.from(root), { mounts } as unknown as HostFs);
}

function found(ino: bigint, mode: number, generation = 1n): HostStat {
  return { sb: SB, ino, generation, mode } as HostStat;
}

const name = (text: string) => Buffer.from(text, 'latin1');
const pathOf = (inodes: InodeTable, nodeid: NodeId) => inodes.placeOf(nodeid)?.path.toString('latin1');

describe('the inode table', () => {
  it('gives hard links of one inode one nodeid, and counts each lookup', () => {
    const inodes = table();
    const first = inodes.claim(inodes.root, name('a'), found(10n, S_IFREG));
    const second = inodes.claim(inodes.root, name('b'), found(10n, S_IFREG));
    assert.equal(first, second);
    assert.equal(first.nlookup, 2n);
    inodes.forget(first.nodeid, 1n);
    assert.equal(inodes.get(first.nodeid), first);
    inodes.forget(first.nodeid, 1n);
    assert.throws(() => inodes.get(first.nodeid), { code: 'ESTALE' });
  });

  it('takes a file that is found elsewhere and has one link for renamed behind our back', () => {
    const inodes = table();
    const file = inodes.claim(inodes.root, name('old'), { ...found(10n, S_IFREG), nlink: 1 });
    assert.equal(pathOf(inodes, file.nodeid), '/srv/old');
    assert.equal(inodes.claim(inodes.root, name('new'), { ...found(10n, S_IFREG), nlink: 1 }), file);
    assert.equal(pathOf(inodes, file.nodeid), '/srv/new');
    assert.equal(file.names.size, 1);
  });

  it('tries the name seen last first, and the others when that leads nowhere', () => {
    const inodes = table();
    const links = { ...found(10n, S_IFREG), nlink: 2 };
    const file = inodes.claim(inodes.root, name('a'), links);
    inodes.claim(inodes.root, name('b'), links);
    assert.equal(pathOf(inodes, file.nodeid), '/srv/b');
    inodes.claim(inodes.root, name('a'), links);
    assert.equal(pathOf(inodes, file.nodeid), '/srv/a');
    assert.equal(inodes.disprove(file), true);
    assert.equal(pathOf(inodes, file.nodeid), '/srv/b');
    assert.equal(inodes.disprove(file), false, 'the last name stays: it may be back, and handles need it');
  });

  it('shrinks to the root when all lookups are given back', () => {
    const inodes = table();
    const directory = inodes.claim(inodes.root, name('d'), found(2n, S_IFDIR));
    const nodes = [directory];
    for (let i = 0; i < 100; i++)
      nodes.push(inodes.claim(directory, name(`f${i}`), found(BigInt(100 + i), S_IFREG)));
    assert.equal(inodes.size, 102);
    for (const inode of nodes) inodes.forget(inode.nodeid, 1n);
    assert.equal(inodes.size, 1);
  });

  it('keeps a forgotten directory as long as something below it needs its path', () => {
    const inodes = table();
    const directory = inodes.claim(inodes.root, name('d'), found(2n, S_IFDIR));
    const file = inodes.claim(directory, name('f'), found(3n, S_IFREG));
    inodes.forget(directory.nodeid, 1n);
    assert.equal(pathOf(inodes, file.nodeid), '/srv/d/f');
    inodes.forget(file.nodeid, 1n);
    assert.equal(inodes.size, 1);
  });

  it('keeps nodeids through renames of a file and of directories above it', () => {
    const inodes = table();
    const a = inodes.claim(inodes.root, name('a'), found(2n, S_IFDIR));
    const b = inodes.claim(a, name('b'), found(3n, S_IFDIR));
    const file = inodes.claim(b, name('f'), found(4n, S_IFREG));
    assert.equal(pathOf(inodes, file.nodeid), '/srv/a/b/f');
    inodes.rename(inodes.root, name('a'), inodes.root, name('z'), false);
    assert.equal(pathOf(inodes, file.nodeid), '/srv/z/b/f');
    inodes.rename(b, name('f'), inodes.root, name('g'), false);
    assert.equal(pathOf(inodes, file.nodeid), '/srv/g');
    assert.equal(inodes.parentOf(file.nodeid), ROOT_ID);
  });

  it('swaps names in an exchange', () => {
    const inodes = table();
    const one = inodes.claim(inodes.root, name('one'), found(2n, S_IFREG));
    const two = inodes.claim(inodes.root, name('two'), found(3n, S_IFREG));
    inodes.rename(inodes.root, name('one'), inodes.root, name('two'), true);
    assert.equal(pathOf(inodes, one.nodeid), '/srv/two');
    assert.equal(pathOf(inodes, two.nodeid), '/srv/one');
  });

  it('does nothing when a rename names the same inode twice', () => {
    const inodes = table();
    const file = inodes.claim(inodes.root, name('a'), found(2n, S_IFREG));
    inodes.claim(inodes.root, name('b'), found(2n, S_IFREG));
    inodes.rename(inodes.root, name('a'), inodes.root, name('b'), false);
    assert.equal(file.names.size, 2);
  });

  it('gives a file replaced behind our back a new nodeid, and the old one no name', () => {
    const inodes = table();
    const old = inodes.claim(inodes.root, name('f'), found(5n, S_IFREG));
    const replaced = inodes.claim(inodes.root, name('f'), found(6n, S_IFREG));
    assert.notEqual(replaced.nodeid, old.nodeid);
    assert.throws(() => inodes.locate(old), { code: 'ESTALE' });
    assert.equal(pathOf(inodes, replaced.nodeid), '/srv/f');
  });

  it('distinguishes two inodes with one number by their generation', () => {
    const inodes = table();
    const old = inodes.claim(inodes.root, name('f'), found(5n, S_IFREG, 1n));
    const reused = inodes.claim(inodes.root, name('f'), found(5n, S_IFREG, 2n));
    assert.notEqual(reused.nodeid, old.nodeid);
  });

  it('moves a directory found under another name, as it can only have one', () => {
    const inodes = table();
    const directory = inodes.claim(inodes.root, name('old'), found(5n, S_IFDIR));
    const file = inodes.claim(directory, name('f'), found(6n, S_IFREG));
    assert.equal(pathOf(inodes, file.nodeid), '/srv/old/f');
    inodes.claim(inodes.root, name('new'), found(5n, S_IFDIR));
    assert.equal(pathOf(inodes, file.nodeid), '/srv/new/f');
  });

  it('never forgets the root and ignores a FORGET of what it does not know', () => {
    const inodes = table();
    inodes.forget(ROOT_ID, 10n);
    inodes.forget(99n as NodeId, 1n);
    assert.equal(inodes.get(ROOT_ID), inodes.root);
  });

  it('serves names of any bytes', () => {
    const inodes = table('/');
    const odd = Buffer.from([0xff, 0x0a, 0x80]);
    const file = inodes.claim(inodes.root, odd, found(5n, S_IFREG));
    assert.deepEqual(inodes.placeOf(file.nodeid)?.path, Buffer.concat([Buffer.from('/'), odd]));
  });

  it('makes the inodes of a superblock stale when its mount is gone', () => {
    const inodes = table();
    const other = { ...found(5n, S_IFDIR), sb: 8n as SuperblockId };
    const mount = inodes.claim(inodes.root, name('mnt'), other);
    const beside = inodes.claim(inodes.root, name('f'), found(6n, S_IFREG));
    inodes.dropSuperblock(8n as SuperblockId);
    assert.throws(() => inodes.locate(mount), { code: 'ESTALE' });
    assert.equal(pathOf(inodes, beside.nodeid), '/srv/f');
  });
});
