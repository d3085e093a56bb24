// A watch whose path leads through links follows them when they lead elsewhere: it hears the new place, not the old one.
import * as fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Vfs } from '../../src/client/vfs';
import { connected, eventually } from '../client/support/hostAgent';

interface Seen {
  /** "kind path" of each change, below the test's folder. */
  readonly told: string[];
  clear(): void;
}

async function watching(t: TestContext, vfs: Vfs, dir: string, at: string, recursive = true): Promise<Seen> {
  const told: string[] = [];
  const watch = vfs.watch(path.join(dir, at), { recursive, visible: true }, (changes) => {
    for (const { kind, path: where } of changes) told.push(`${kind} ${path.relative(dir, where)}`);
  });
  t.after(() => watch.dispose());
  await watch.ready;
  return { told, clear: () => told.splice(0) };
}

/** Two folders with the same things in them, and a link `cur` to the first. */
function twoFolders(dir: string): void {
  for (const folder of ['r1', 'r2']) {
    fs.mkdirSync(path.join(dir, folder, 'app/x'), { recursive: true });
    fs.writeFileSync(path.join(dir, folder, 'app/file'), folder);
  }
  fs.symlinkSync('r1', path.join(dir, 'cur'));
}

/** Lets the link lead elsewhere at once, as `ln -sfn` and `mv -T` do. */
function relink(dir: string, link: string, target: string): void {
  fs.symlinkSync(target, path.join(dir, `${link}.new`));
  fs.renameSync(path.join(dir, `${link}.new`), path.join(dir, link));
}

/** What is made in the folder shows under the link; what is made in the other one does not. */
async function hears(
  dir: string,
  { told, clear }: Seen,
  where: string,
  under: string,
  not: string,
): Promise<void> {
  clear();
  fs.writeFileSync(path.join(dir, not, 'of-the-other'), '');
  fs.writeFileSync(path.join(dir, where, 'made-now'), '');
  await eventually(`what is made in ${where} is told`, () => told.includes(`create ${under}/made-now`));
  assert.ok(!told.some((text) => text.includes('of-the-other')), told.join(', '));
  fs.rmSync(path.join(dir, not, 'of-the-other'));
  fs.rmSync(path.join(dir, where, 'made-now'));
  await eventually('and that it is gone', () => told.includes(`delete ${under}/made-now`));
  clear();
}

for (const backend of ['inotify', 'poll', undefined] as const) {
  const settings = backend === undefined ? {} : { backend };
  const by = backend ?? 'the best backend';

  test(`by ${by}: a link that is replaced is followed, and its root is reported as changed`, async (t) => {
    const { vfs, dir } = await connected(t, settings);
    twoFolders(dir);
    const seen = await watching(t, vfs, dir, 'cur');
    await hears(dir, seen, 'r1', 'cur', 'r2');
    for (const [now, before] of [
      ['r2', 'r1'],
      ['r1', 'r2'],
    ] as const) {
      relink(dir, 'cur', now);
      await eventually('the root is told as changed', () => seen.told.includes('overflow cur'));
      await hears(dir, seen, now, 'cur', before);
      assert.equal((await vfs.readFile(path.join(dir, 'cur/app/file'))).toString(), now);
    }
  });

  test(`by ${by}: a link in the middle of the path, and one that leads to another link`, async (t) => {
    const { vfs, dir } = await connected(t, settings);
    twoFolders(dir);
    fs.symlinkSync('cur', path.join(dir, 'first'));
    const middle = await watching(t, vfs, dir, 'cur/app/x');
    const chain = await watching(t, vfs, dir, 'first/app', false);
    await hears(dir, middle, 'r1/app/x', 'cur/app/x', 'r2/app/x');
    relink(dir, 'cur', 'r2');
    await eventually('both are told', () => {
      return middle.told.includes('overflow cur/app/x') && chain.told.includes('overflow first/app');
    });
    await hears(dir, middle, 'r2/app/x', 'cur/app/x', 'r1/app/x');
    await hears(dir, chain, 'r2/app', 'first/app', 'r1/app');
    relink(dir, 'first', 'r1');
    await eventually('the chain is told again', () => chain.told.includes('overflow first/app'));
    await hears(dir, chain, 'r1/app', 'first/app', 'r2/app');
  });

  test(`by ${by}: a link that leads nowhere until its target appears, and one that is removed and made anew`, async (t) => {
    const { vfs, dir } = await connected(t, settings);
    twoFolders(dir);
    relink(dir, 'cur', 'not-yet/here');
    const seen = await watching(t, vfs, dir, 'cur');
    fs.mkdirSync(path.join(dir, 'not-yet/here'), { recursive: true });
    await eventually('the root is told', () => seen.told.includes('create cur'));
    await hears(dir, seen, 'not-yet/here', 'cur', 'r1');
    fs.rmSync(path.join(dir, 'cur'));
    await eventually('that it went is told', () => seen.told.includes('delete cur'));
    seen.clear();
    fs.symlinkSync('r2', path.join(dir, 'cur'));
    await eventually('that it is there again is told', () => seen.told.includes('create cur'));
    await hears(dir, seen, 'r2', 'cur', 'not-yet/here');
  });

  test(`by ${by}: a folder that becomes a link, and a link that becomes a folder`, async (t) => {
    const { vfs, dir } = await connected(t, settings);
    twoFolders(dir);
    fs.mkdirSync(path.join(dir, 'plain/app'), { recursive: true });
    const root = await watching(t, vfs, dir, 'plain');
    const below = await watching(t, vfs, dir, 'plain/app');
    fs.renameSync(path.join(dir, 'plain'), path.join(dir, 'before'));
    fs.symlinkSync('r1', path.join(dir, 'plain'));
    await eventually('both are told', () => root.told.length > 0 && below.told.length > 0);
    await eventually('the folder below is told as there', () =>
      below.told.some((text) => /^(create|overflow) plain\/app$/.test(text)),
    );
    await hears(dir, root, 'r1', 'plain', 'before');
    await hears(dir, below, 'r1/app', 'plain/app', 'before/app');
    fs.rmSync(path.join(dir, 'plain'));
    fs.renameSync(path.join(dir, 'before'), path.join(dir, 'plain'));
    await eventually('the folder below is told as there again', () =>
      below.told.some((text) => /^(create|overflow) plain\/app$/.test(text)),
    );
    await hears(dir, root, 'plain', 'plain', 'r1');
    await hears(dir, below, 'plain/app', 'plain/app', 'r1/app');
  });

  test(`by ${by}: a file through a link`, async (t) => {
    const { vfs, dir } = await connected(t, settings);
    twoFolders(dir);
    const file = await watching(t, vfs, dir, 'cur/app/file', false);
    fs.symlinkSync('r1/app/file', path.join(dir, 'link'));
    const link = await watching(t, vfs, dir, 'link', false);
    relink(dir, 'cur', 'r2');
    relink(dir, 'link', 'r2/app/file');
    await eventually('both are told as changed', () => {
      return file.told.includes('modify cur/app/file') && link.told.includes('modify link');
    });
    assert.equal((await vfs.readFile(path.join(dir, 'link'))).toString(), 'r2');
    file.clear();
    link.clear();
    fs.appendFileSync(path.join(dir, 'r2/app/file'), ', more');
    await eventually('what is written to it now is told', () => {
      return file.told.includes('modify cur/app/file') && link.told.includes('modify link');
    });
    file.clear();
    fs.appendFileSync(path.join(dir, 'r1/app/file'), ', more');
    fs.writeFileSync(path.join(dir, 'r2/app/file'), 'last');
    await eventually('the last one is told', () => file.told.includes('modify cur/app/file'));
    assert.equal((await vfs.readFile(path.join(dir, 'cur/app/file'))).toString(), 'last');
  });
}

test('links that lead in circles, and a file where a folder should be, are watched until something takes their place', async (t) => {
  const { vfs, dir } = await connected(t);
  twoFolders(dir);
  fs.symlinkSync('b', path.join(dir, 'a'));
  fs.symlinkSync('a', path.join(dir, 'b'));
  fs.writeFileSync(path.join(dir, 'file'), '');
  const circle = await watching(t, vfs, dir, 'a/app');
  const blocked = await watching(t, vfs, dir, 'file/app');
  relink(dir, 'b', 'r1');
  await eventually('the circle is open', () => circle.told.includes('create a/app'));
  await hears(dir, circle, 'r1/app', 'a/app', 'r2/app');
  relink(dir, 'file', 'r2');
  await eventually('a link took the place of the file', () => blocked.told.includes('create file/app'));
  await hears(dir, blocked, 'r2/app', 'file/app', 'r1/app');
});
