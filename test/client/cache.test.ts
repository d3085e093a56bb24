import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId, SuperblockId } from '../../src/protocol/brand';
import { S_IFDIR, S_IFREG } from '../../src/protocol/fuse';
import { ContentCache } from '../../src/client/cache/content';
import { Invalidations } from '../../src/client/cache/invalidations';
import { AUTO_MS, type Circumstances, rightTo } from '../../src/client/cache/policy';
import { DentryTree } from '../../src/client/tree/dentries';
import { Forgets } from '../../src/client/tree/forgets';
import { type Inode, InodeTable } from '../../src/client/tree/inodes';
import { Tree } from '../../src/client/tree/tree';
import { ForgetOne, NO_ENTRY } from '../../src/protocol/fuse';

test('a reply sent before an invalidation is not kept, one sent after it is', () => {
  const log = new Invalidations();
  const before = log.begin(0);
  log.invalidate('/a/file', false);
  const after = log.begin(0);
  assert.equal(log.crossed(before, '/a/file'), true);
  assert.equal(log.crossed(after, '/a/file'), false);
  assert.equal(log.crossed(before, '/a/neighbour'), false, 'a neighbour stays');
  assert.equal(log.crossed(before, '/a'), false);
  log.end(before, 0);
  log.end(after, 0);
});

test('the invalidation of a tree crosses replies about all that is below it', () => {
  const log = new Invalidations();
  const stamp = log.begin(0);
  log.invalidate('/a/b', true);
  for (const path of ['/a/b', '/a/b/c', '/a/b/c/d']) assert.equal(log.crossed(stamp, path), true, path);
  for (const path of ['/', '/a', '/a/bc', '/a/c/b']) assert.equal(log.crossed(stamp, path), false, path);
  log.invalidate('/', true);
  assert.equal(log.crossed(stamp, '/a/bc'), true);
  log.end(stamp, 0);
});

test('more invalidations than are remembered cross everything that is under way, and nothing that begins later', () => {
  const log = new Invalidations();
  const stamp = log.begin(0);
  for (let i = 0; i < 10_000; i++) log.invalidate(`/storm/${i}`, false);
  assert.equal(log.crossed(stamp, '/quiet'), true);
  const later = log.begin(0);
  assert.equal(log.crossed(later, '/quiet'), false);
  log.end(stamp, 0);
  log.end(later, 0);
});

const now: Circumstances = {
  mode: 'lease',
  superblock: { leaseMs: Number.POSITIVE_INFINITY },
  leaseSince: () => 10,
  connected: true,
  nowMs: 1e6,
};
const cached = (start: number, at: number, crossed = false) => ({ stamp: { start, at }, crossed });

test('an answer under a watch in force is good until an event invalidates it', () => {
  assert.equal(rightTo(cached(10, 0), now), 'lease');
  assert.equal(rightTo(cached(9, 0), now), 'none', 'asked before the watch was in force');
  const behind = { stamp: { start: 9, at: 0, under: 10 }, crossed: false };
  assert.equal(rightTo(behind, now), 'lease', 'asked before, in one frame behind the watch');
  assert.equal(rightTo(behind, { ...now, leaseSince: () => 11 }), 'none', 'but not behind that one');
  assert.equal(rightTo(cached(11, 0, true), now), 'none', 'crossed by an invalidation');
  assert.equal(rightTo(cached(11, 0), { ...now, leaseSince: () => undefined }), 'none');
});

test('without a watch a second is believed', () => {
  const unwatched = { ...now, leaseSince: () => undefined };
  assert.equal(rightTo(cached(1, now.nowMs - AUTO_MS + 1), unwatched), 'timeout');
  assert.equal(rightTo(cached(1, now.nowMs - AUTO_MS), unwatched), 'none');
});

test("a polled superblock's lease is as long as its poll, and longer only while the link is down", () => {
  const polled = { ...now, superblock: { leaseMs: 3000 } };
  assert.equal(rightTo(cached(10, now.nowMs - 2000), polled), 'lease');
  assert.equal(rightTo(cached(10, now.nowMs - 4000), polled), 'none');
  assert.equal(rightTo(cached(10, now.nowMs - 4000), { ...polled, connected: false }), 'lease');
});

test("mode 'none' believes nothing, 'always' everything that no event belied", () => {
  assert.equal(rightTo(cached(11, now.nowMs), { ...now, mode: 'none' }), 'none');
  assert.equal(rightTo(cached(1, 0), { ...now, mode: 'always' }), 'timeout');
  assert.equal(rightTo(cached(1, 0, true), { ...now, mode: 'always' }), 'none');
  assert.equal(rightTo(cached(11, 0), { ...now, mode: 'auto' }), 'none');
});

const stamp = { start: 1, at: 0 };
const sb = 7n as SuperblockId;

function table(contents = new ContentCache(10_000)) {
  const posted: { nodeid: bigint; nlookup: bigint }[] = [];
  let linked = true;
  const forgets = new Forgets((_op, _nodeid, { count }, data) => {
    if (!linked) return false;
    for (let i = 0; i < count; i++) posted.push(ForgetOne.read(data, i * ForgetOne.size));
    return true;
  });
  const inodes = new InodeTable(sb, forgets, (inode) => contents.drop(inode));
  const setLinked = (value: boolean) => {
    linked = value;
  };
  return { contents, posted, forgets, inodes, setLinked };
}

function entry(nodeid: bigint, mode = S_IFREG | 0o644) {
  return { ...NO_ENTRY, nodeid: nodeid as NodeId, attr: { ...NO_ENTRY.attr, mode } };
}

test('lookups are counted, and given back together when the last name of an inode goes', () => {
  const { inodes, forgets, posted } = table();
  const tree = new DentryTree(inodes, stamp);
  const inode = inodes.claim(entry(5n), sb);
  const one = tree.set(tree.root, 'one', inode, stamp, false);
  inodes.claim(entry(5n), sb);
  const two = tree.set(tree.root, 'two', inode, stamp, false);
  assert.equal(inodes.size, 2);
  tree.drop(one);
  forgets.flush();
  assert.deepEqual(posted, []);
  tree.drop(two);
  forgets.flush();
  assert.deepEqual(posted, [{ nodeid: 5n, nlookup: 2n }]);
  assert.equal(inodes.size, 1);
});

test('forgets wait while there is no link', () => {
  const { forgets, posted, setLinked } = table();
  setLinked(false);
  forgets.add(5n as NodeId, 1n);
  forgets.flush();
  forgets.add(5n as NodeId, 2n);
  setLinked(true);
  forgets.flush();
  assert.deepEqual(posted, [{ nodeid: 5n, nlookup: 3n }]);
  assert.equal(forgets.waiting, 0);
});

test('attributes that can not be are EIO, and nothing of the entry is kept', () => {
  const { inodes, forgets, posted } = table();
  assert.throws(() => inodes.claim(entry(5n, 0o644), sb), { code: 'EIO' });
  assert.throws(() => inodes.claim({ ...entry(6n), attr: { ...entry(6n).attr, size: 1n << 63n } }, sb), {
    code: 'EIO',
  });
  assert.equal(inodes.size, 1);
  forgets.flush();
  assert.deepEqual(
    posted.map(({ nodeid }) => nodeid),
    [5n, 6n],
  );
});

test('a nodeid whose type changes is EIO', () => {
  const { inodes } = table();
  const tree = new DentryTree(inodes, stamp);
  tree.set(tree.root, 'name', inodes.claim(entry(5n), sb), stamp, false);
  assert.throws(() => inodes.claim(entry(5n, S_IFDIR | 0o755), sb), { code: 'EIO' });
});

test('of two replies that were under way together and disagree, the later one is not believed', () => {
  const { forgets, contents } = table();
  const log = new Invalidations();
  const tree = new Tree(forgets, log, () => sb, contents);
  const root = tree.dentries.root;
  const at = (seconds: bigint, nodeid = 5n) => {
    const { attr, ...rest } = entry(nodeid);
    return { ...rest, attr: { ...attr, ctime: seconds } };
  };
  const attrOf = () => root.children.get('name')?.inode?.attr;

  const older = log.begin(0);
  const newer = log.begin(0);
  tree.enter(root, 'name', at(2n), newer);
  log.end(newer, 0);
  assert.equal(attrOf()?.crossed, false, 'it came first');
  tree.enter(root, 'name', at(1n), older);
  log.end(older, 0);
  assert.equal(attrOf()?.crossed, true, 'it may be what was there before');

  const after = log.begin(0);
  tree.enter(root, 'name', at(3n), after);
  assert.equal(attrOf()?.crossed, false, 'it was asked for when the others were there');
  tree.enter(root, 'name', at(4n), after);
  assert.equal(attrOf()?.crossed, false, 'parts of one reply come in order');
  const beside = log.begin(0);
  log.end(after, 0);
  tree.enter(root, 'name', at(4n), beside);
  assert.equal(attrOf()?.crossed, false, 'they agree');
  tree.enter(root, 'name', at(9n, 6n), log.settled(0));
  assert.equal(root.children.get('name')?.crossed, false, 'an own change is the last word');
  tree.enter(root, 'name', NO_ENTRY, beside);
  assert.equal(root.children.get('name')?.crossed, true, 'it was asked for before the own change');
  log.end(beside, 0);

  const [first, second] = [log.begin(0), log.begin(0)];
  tree.enter(root, 'name', at(9n, 6n), second);
  log.end(second, 0);
  tree.enter(root, 'name', NO_ENTRY, first);
  assert.equal(root.children.get('name')?.crossed, true, 'that there is nothing may be what was before');
  log.end(first, 0);
});

test('a directory found under another name has left the old one, with all below it', () => {
  const { inodes } = table();
  const tree = new DentryTree(inodes, stamp);
  const directory = inodes.claim(entry(5n, S_IFDIR | 0o755), sb);
  const old = tree.set(tree.root, 'old', directory, stamp, false);
  tree.set(old, 'file', inodes.claim(entry(6n), sb), stamp, false);
  tree.set(tree.root, 'new', directory, stamp, false);
  assert.equal(tree.at('/old'), undefined);
  assert.equal(tree.at('/new/file'), undefined);
  assert.equal(tree.at('/new')?.inode, directory);
});

test('the tree keeps to its bound: what was not used for longest goes, a directory after what it holds', () => {
  const { inodes, forgets, posted } = table();
  const tree = new DentryTree(inodes, stamp, 10);
  const directory = tree.set(
    tree.root,
    'directory',
    inodes.claim(entry(2n, S_IFDIR | 0o755), sb),
    stamp,
    false,
  );
  for (let i = 3n; i < 30n; i++) {
    tree.set(directory, `file-${i}`, inodes.claim(entry(i), sb), stamp, false);
    const kept = tree.at('/directory/file-3');
    if (kept) tree.touch(kept);
  }
  assert.equal(tree.size, 10);
  assert.ok(tree.at('/directory/file-3'), 'what is used stays');
  assert.ok(tree.at('/directory/file-29'));
  assert.equal(tree.at('/directory/file-5'), undefined);
  forgets.flush();
  assert.equal(posted.length, 27 + 1 - 10);
});

test('contents keep to their bound, the least recently used go first, and one file never takes it all', () => {
  const contents = new ContentCache(10_000);
  const { inodes } = table(contents);
  const put = (nodeid: bigint, size: number): Inode => {
    const inode = inodes.claim(entry(nodeid), sb);
    contents.put(inode, {
      bytes: Buffer.alloc(size),
      version: { size: BigInt(size), mtimeNs: 0n },
      stamp,
      crossed: false,
    });
    return inode;
  };
  const [a, b] = [put(2n, 2000), put(3n, 2000)];
  put(4n, 2000);
  contents.get(a);
  for (let i = 5n; i < 7n; i++) put(i, 2000);
  assert.ok(contents.size <= 10_000);
  assert.ok(a.content, 'it was used');
  assert.equal(b.content, undefined);
  assert.equal(put(9n, 5000).content, undefined, 'half of the bound is too much for one');
  for (const inode of [a, b]) contents.drop(inode);
});
