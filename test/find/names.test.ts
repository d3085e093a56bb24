// The list of names that an agent keeps: made once, ranked, and true to the tree whatever happens in it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NameList } from '../../src/agent/find/nameList';
import type { Vfs } from '../../src/client/vfs';
import type { FindQuery } from '../../src/protocol/find';
import { connected } from '../client/support/hostAgent';
import { PLAIN, pick, randomOf } from './trees';

async function ask(vfs: Vfs, dir: string, pattern: string, more: Partial<FindQuery> = {}) {
  for (;;) {
    const names: string[] = [];
    const query = { ...PLAIN, pattern, ranked: true, results: 1000, ...more };
    const end = await vfs.files(dir, query, {
      found: (files) => void names.push(...files.map(({ path }) => path.slice(dir.length + 1))),
    });
    if (!end.building) return { names, size: end.files };
  }
}

/** Events are on their way for a while; a list that does not come to this is wrong. */
async function listBecomes(
  vfs: Vfs,
  dir: string,
  pattern: string,
  expected: readonly string[],
  what: string,
): Promise<void> {
  const wanted = [...expected].sort();
  const end = Date.now() + 20_000;
  for (;;) {
    const found = (await ask(vfs, dir, pattern)).names;
    const names = found.filter((name) => name.slice(name.lastIndexOf('/') + 1).includes(pattern));
    if (JSON.stringify(names.sort()) === JSON.stringify(wanted)) return;
    if (Date.now() > end) assert.deepEqual(names, wanted, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a query is answered best first, and the list is not made again', async (t) => {
  const { vfs, dir } = await connected(t);
  mkdirSync(join(dir, 'src/cli'), { recursive: true });
  for (const name of ['src/cli/main.ts', 'src/main.test.ts', 'src/domain.ts', 'readme', 'src/ünï'])
    writeFileSync(join(dir, name), '');
  assert.deepEqual((await ask(vfs, dir, 'main')).names, [
    'src/cli/main.ts',
    'src/main.test.ts',
    'src/domain.ts',
  ]);
  assert.deepEqual((await ask(vfs, dir, 'ünï')).names, ['src/ünï']);
  assert.deepEqual((await ask(vfs, dir, 'main', { results: 1 })).names, ['src/cli/main.ts']);
  assert.deepEqual((await ask(vfs, dir, 'none of them')).names, []);
});

test('what happens in the tree happens in the list', async (t) => {
  const { vfs, dir } = await connected(t);
  mkdirSync(join(dir, 'a/b'), { recursive: true });
  writeFileSync(join(dir, 'a/b/file1'), '');
  writeFileSync(join(dir, '.gitignore'), 'ignored\n');
  assert.deepEqual((await ask(vfs, dir, 'file')).names, ['a/b/file1']);
  const becomes = (what: string, names: readonly string[]) => listBecomes(vfs, dir, 'file', names, what);
  writeFileSync(join(dir, 'file2'), '');
  await becomes('a new file', ['a/b/file1', 'file2']);
  renameSync(join(dir, 'a'), join(dir, 'c'));
  await becomes('a renamed folder', ['c/b/file1', 'file2']);
  mkdirSync(join(dir, 'ignored'));
  writeFileSync(join(dir, 'ignored/file3'), '');
  execFileSync('sh', ['-c', 'mkdir -p d/e && touch d/e/file4 d/.file5 && mv d f'], { cwd: dir });
  await becomes('a tree that came at once', ['c/b/file1', 'f/e/file4', 'file2']);
  rmSync(join(dir, 'c'), { recursive: true });
  await becomes('a deleted folder', ['f/e/file4', 'file2']);
  writeFileSync(join(dir, '.gitignore'), 'f\n');
  await becomes('another ignore file', ['file2', 'ignored/file3']);
});

test('after a storm of changes the list is what the tree is', async (t) => {
  const seed = Number(process.env.LIVEMOUNT_SEED ?? Date.now() % 100_000);
  const random = randomOf(seed);
  const { vfs, dir } = await connected(t);
  await ask(vfs, dir, 'x');
  const names = ['p', 'q', 'r', 'xs'];
  const folders = () =>
    execFileSync('find', ['.', '-type', 'd'], { cwd: dir, encoding: 'utf8' }).trim().split('\n');
  for (let step = 0; step < 150; step++) {
    const at = join(dir, pick(random, folders()), pick(random, names));
    const kind = random();
    if (kind < 0.35 && !existsSync(at)) mkdirSync(at);
    else if (kind < 0.75 && !existsSync(at)) writeFileSync(at, '');
    else if (kind < 0.85 && existsSync(at)) rmSync(at, { recursive: true });
    else if (existsSync(at)) {
      const to = join(dir, pick(random, folders()), pick(random, names));
      if (!existsSync(to) && !`${to}/`.startsWith(`${at}/`)) renameSync(at, to);
    }
  }
  const expected = execFileSync('find', ['.', '-type', 'f', '-name', 'xs'], { cwd: dir, encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(2))
    .sort();
  await listBecomes(vfs, dir, 'xs', expected, `seed ${seed}`);
});

test('names are added, removed and counted once', () => {
  const list = new NameList(3);
  for (const path of ['a/x', 'a/x', 'a/y', 'b']) list.add(path);
  assert.equal(list.size, 3);
  list.add('c');
  assert.equal(list.isFull, true);
  list.removeTree('a');
  assert.deepEqual(list.all(), ['b']);
  list.remove('nothing');
  assert.deepEqual(list.ranked('b', 10), [{ path: 'b', score: list.ranked('b', 1)[0]?.score }]);
});
