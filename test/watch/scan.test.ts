import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MARK_SUBTREE } from '../../src/protocol/livemount';
import { IN_CHANGES } from '../../src/protocol/mask';
import type { Seen, Lister } from '../../src/server/watch/arming/backend';
import { baseOf, type BytePath } from '../../src/server/watch/bytePath';
import { type Change, Kind } from '../../src/server/watch/change';
import { compileMark, Coverage } from '../../src/server/watch/arming/coverage';
import { DT } from '../../src/server/watch/shadow/entries';
import { Shadow } from '../../src/server/watch/shadow/shadow';
import type { ShadowHost } from '../../src/server/watch/shadow/shadowHost';
import { ShadowTree } from '../../src/server/watch/shadow/shadowTree';

const KINDS = new Map<number, string>(Object.entries(Kind).map(([word, kind]) => [kind, word.toLowerCase()]));

/** Absolute paths with their inode numbers; a directory's ends in '/'. */
type Tree = Map<string, number>;

function seen(path: string, ino: number): Seen {
  const version = { ino: BigInt(ino), size: 0n, mtime_ns: 0n, ctime_ns: 0n };
  return { mode: path.endsWith('/') ? 0o40755 : 0o100644, version, ino, stamp: ino };
}

function fsOf(tree: Tree): Lister {
  return {
    stat(path) {
      for (const name of [path, `${path}/`]) {
        const ino = tree.get(name);
        if (ino !== undefined) return seen(name, ino);
      }
      return undefined;
    },
    list(path, each) {
      const base = path.endsWith('/') ? path : `${path}/`;
      if (!tree.has(base)) return false;
      for (const [at, ino] of tree) {
        const name = at.slice(base.length).replace(/\/$/, '');
        if (!at.startsWith(base) || name === '' || name.includes('/')) continue;
        each(name as BytePath, ino, at.endsWith('/') ? DT.DIR : DT.REG);
      }
      return true;
    },
  };
}

test('a directory that is scanned again is reported with what went from it meanwhile, and what was replaced', async () => {
  const tree: Tree = new Map([
    ['/', 1],
    ['/sub/', 2],
    ['/sub/gone', 3],
    ['/sub/kept', 4],
    ['/sub/replaced', 5],
    ['/sub/folder/', 6],
    ['/sub/folder/inner', 7],
  ]);
  const told: string[] = [];
  const mark = { path: Buffer.alloc(0), mask: IN_CHANGES, flags: MARK_SUBTREE, excludes: [] };
  const host: ShadowHost = {
    lister: fsOf(tree),
    base: baseOf(Buffer.from('/')),
    coverage: new Coverage([compileMark(mark)]),
    watchesAll: false,
    arm: () => 'armed',
    disarm: () => {},
    learn: async () => {},
    poll: () => {},
    seenAgain: () => {},
    isFile: () => {},
    knownUpToNs: 0n,
    isCovered: () => false,
    report: ({ kind, path }: Change) => void told.push(`${KINDS.get(kind)} ${path}`),
    yieldIfDue: () => undefined,
  };
  const shadowTree = new ShadowTree(host);
  const { scanner } = new Shadow(shadowTree, host);
  const { root } = shadowTree;
  await scanner.grow(root, 'report');
  assert.equal(told.splice(0).length, 6);
  tree.delete('/sub/gone');
  tree.delete('/sub/folder/');
  tree.delete('/sub/folder/inner');
  tree.set('/sub/replaced', 8);
  tree.set('/sub/made', 3);
  await scanner.grow(root, 'report');
  assert.deepEqual(told.splice(0).sort(), [
    'create sub/made',
    'delete sub/folder',
    'delete sub/gone',
    'modify sub/replaced',
  ]);
  await scanner.grow(root, 'report');
  assert.deepEqual(told, []);
});
