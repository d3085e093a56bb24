import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { connected, type Setting } from './support/hostAgent';

/** The round trips one operation takes. */
async function roundsOf<T>(
  { link }: Setting,
  operation: () => Promise<T>,
): Promise<{ rounds: number; value: T }> {
  await quiet();
  const before = link.rounds;
  const value = await operation();
  return { rounds: link.rounds - before, value };
}

/** Lets what was sent without being waited for come back. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimeout(resolve, 20));
}

function deep(dir: string): string {
  const below = path.join(dir, 'a/b/c/d/e/f');
  mkdirSync(below, { recursive: true });
  return below;
}

test('stat takes one round trip cold, whatever the depth', async (t) => {
  const setting = await connected(t, { lockstep: true });
  const file = path.join(deep(setting.dir), 'file');
  writeFileSync(file, 'content');
  const { rounds, value } = await roundsOf(setting, () => setting.vfs.stat(file));
  assert.equal(rounds, 1);
  assert.equal(value.size, 7n);
});

test('stat of a missing file takes one round trip cold', async (t) => {
  const setting = await connected(t, { lockstep: true });
  const { rounds } = await roundsOf(setting, () =>
    assert.rejects(setting.vfs.stat(path.join(setting.dir, 'x/y/z')), { code: 'ENOENT' }),
  );
  assert.equal(rounds, 1);
});

test('stat through links takes one round trip cold', async (t) => {
  const setting = await connected(t, { lockstep: true });
  writeFileSync(path.join(deep(setting.dir), 'file'), 'content');
  symlinkSync(path.join(setting.dir, 'a/b'), path.join(setting.dir, 'absolute'));
  symlinkSync('c/../c/d', path.join(setting.dir, 'a/b/relative'));
  const asked = path.join(setting.dir, 'absolute/relative/e/f/file');
  const { rounds, value } = await roundsOf(setting, () => setting.vfs.stat(asked));
  assert.equal(rounds, 1);
  assert.equal(value.kind, 'file');
  assert.equal(value.isSymlink, false);
});

test('readDirectory of 1,000 entries takes one round trip cold, and their stats none after it', async (t) => {
  // Without a watch an answer is believed for a moment: that moment must not pass on a busy machine.
  const now = performance.now();
  t.mock.method(performance, 'now', () => now);
  const setting = await connected(t, { lockstep: true });
  const below = deep(setting.dir);
  for (let i = 0; i < 1000; i++) writeFileSync(path.join(below, `file-${i}`), 'x'.repeat(i % 7));
  const { rounds, value } = await roundsOf(setting, () => setting.vfs.readDirectory(below));
  assert.equal(rounds, 1);
  assert.equal(value.length, 1000);
  const stats = await roundsOf(setting, () =>
    Promise.all(value.map((entry) => setting.vfs.stat(path.join(below, entry.name)))),
  );
  assert.equal(stats.rounds, 0);
});

test('a directory larger than a frame takes a round trip for each frame, and no handle stays open', async (t) => {
  const setting = await connected(t, { lockstep: true });
  const names = Array.from({ length: 4000 }, (_, i) => `${i}-${'x'.repeat(200)}`);
  for (const name of names) writeFileSync(path.join(setting.dir, name), '');
  const { rounds, value } = await roundsOf(setting, () => setting.vfs.readDirectory(setting.dir));
  assert.equal(rounds, 2);
  assert.deepEqual(value.map(({ name }) => name).sort(), names.sort());
  assert.deepEqual(descriptorsOf(setting.dir), []);
});

/** What this process, in which the agent runs too, has open of a directory. */
function descriptorsOf(dir: string): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === dir;
    } catch {
      return false;
    }
  });
}

test('readDirectory with links says what they lead to, in one round trip cold', async (t) => {
  const setting = await connected(t, { lockstep: true });
  mkdirSync(path.join(setting.dir, 'directory'));
  writeFileSync(path.join(setting.dir, 'file'), '');
  symlinkSync('directory', path.join(setting.dir, 'to-directory'));
  symlinkSync('nowhere', path.join(setting.dir, 'to-nowhere'));
  symlinkSync('/etc/../etc/hostname', path.join(setting.dir, 'to-file'));
  const { rounds, value } = await roundsOf(setting, () => setting.vfs.readDirectory(setting.dir));
  assert.equal(rounds, 1);
  const kinds = Object.fromEntries(value.map(({ name, kind, isSymlink }) => [name, `${kind} ${isSymlink}`]));
  assert.deepEqual(kinds, {
    directory: 'directory false',
    file: 'file false',
    'to-directory': 'directory true',
    'to-nowhere': 'other true',
    'to-file': 'file true',
  });
});

for (const size of [0, 1, 1024, 1 << 20]) {
  test(`readFile of ${size} bytes takes one round trip cold`, async (t) => {
    const setting = await connected(t, { lockstep: true });
    const file = path.join(deep(setting.dir), 'file');
    const content = Buffer.alloc(size, 'abcdefg');
    writeFileSync(file, content);
    const { rounds, value } = await roundsOf(setting, () => setting.vfs.readFile(file));
    assert.equal(rounds, 1);
    assert.deepEqual(value, content);
  });

  test(`writeFile of ${size} bytes takes one round trip cold, and nothing to read back`, async (t) => {
    const setting = await connected(t, { lockstep: true });
    const file = path.join(deep(setting.dir), 'file');
    writeFileSync(file, 'old content');
    const content = Buffer.alloc(size, 'abcdefg');
    const options = { create: true, overwrite: true, expect: 'any' } as const;
    const { rounds, value } = await roundsOf(setting, () => setting.vfs.writeFile(file, content, options));
    assert.equal(rounds, 1);
    assert.equal(value.size, BigInt(size));
    assert.deepEqual(readFileSync(file), content);
    const after = await roundsOf(setting, async () => [
      await setting.vfs.stat(file),
      await setting.vfs.readFile(file),
    ]);
    assert.equal(after.rounds, 0);
    assert.deepEqual(after.value[1], content);
  });
}

test('writeFile of a new file takes one round trip cold', async (t) => {
  const setting = await connected(t, { lockstep: true });
  const file = path.join(deep(setting.dir), 'new');
  const { rounds } = await roundsOf(setting, () =>
    setting.vfs.writeFile(file, Buffer.from('new'), { create: true, overwrite: false, expect: 'any' }),
  );
  assert.equal(rounds, 1);
  assert.equal(readFileSync(file, 'utf8'), 'new');
});

test('mkdir and remove take one round trip cold', async (t) => {
  const setting = await connected(t, { lockstep: true });
  const below = path.join(deep(setting.dir), 'made');
  assert.equal((await roundsOf(setting, () => setting.vfs.mkdir(below))).rounds, 1);
  assert.equal((await roundsOf(setting, () => setting.vfs.remove(below, { recursive: false }))).rounds, 1);
});

test('rename and copy between directories take one round trip cold', async (t) => {
  const setting = await connected(t, { lockstep: true });
  const { dir, vfs } = setting;
  const below = deep(dir);
  const other = path.join(dir, 'x/y/z');
  mkdirSync(other, { recursive: true });
  writeFileSync(path.join(below, 'file'), 'content');
  const into = path.join(other, 'moved');
  const copied = path.join(below, 'copied');
  const rename = () => vfs.rename(path.join(below, 'file'), into, { overwrite: false });
  assert.equal((await roundsOf(setting, rename)).rounds, 1);
  // Nothing that was learned counts any more.
  t.mock.method(performance, 'now', () => 1e12);
  assert.equal((await roundsOf(setting, () => vfs.copy(into, copied, { overwrite: true }))).rounds, 1);
  assert.equal(readFileSync(into, 'utf8'), 'content');
  assert.equal(readFileSync(copied, 'utf8'), 'content');
  await assert.rejects(vfs.rename(path.join(dir, 'none/file'), into, { overwrite: true }), {
    code: 'ENOENT',
  });
  await assert.rejects(vfs.rename(into, path.join(dir, 'none/file'), { overwrite: true }), {
    code: 'ENOENT',
  });
  await assert.rejects(vfs.rename(into, copied, { overwrite: false }), { code: 'EEXIST' });
});

test('a watch and the listing behind it go in one frame, and the listing is covered by the watch', async (t) => {
  const setting = await connected(t, { lockstep: true });
  writeFileSync(path.join(setting.dir, 'file'), 'content');
  const { rounds } = await roundsOf(setting, async () => {
    const watch = setting.vfs.watch(setting.dir, { recursive: true }, () => undefined);
    t.after(() => watch.dispose());
    await setting.vfs.readDirectory(setting.dir);
  });
  assert.equal(rounds, 1);
  const explained = await setting.vfs.explain(setting.dir);
  assert.equal(explained.lease, 'lease');
  assert.ok(explained.cached.includes('entries'));
});

test('under a live watch stats, listings, absent names and contents cost nothing, however late', async (t) => {
  const setting = await connected(t, { lockstep: true });
  const { vfs, dir } = setting;
  const below = deep(dir);
  writeFileSync(path.join(below, 'file'), 'content');
  const watch = vfs.watch(dir, { recursive: true }, () => undefined);
  t.after(() => watch.dispose());
  await watch.ready;
  const look = async () => {
    await vfs.readDirectory(below);
    await vfs.stat(path.join(below, 'file'));
    await vfs.readFile(path.join(below, 'file'));
    await assert.rejects(vfs.stat(path.join(dir, '.vscode/settings.json')), { code: 'ENOENT' });
    await assert.rejects(vfs.readFile(path.join(dir, '.vscode/tasks.json')), { code: 'ENOENT' });
    await assert.rejects(vfs.readFile(path.join(below, 'absent')), { code: 'ENOENT' });
  };
  await look();
  // Longer than what is believed without a watch.
  t.mock.method(performance, 'now', () => 1e12);
  assert.equal((await roundsOf(setting, look)).rounds, 0);
});

test('where changes are found by polling, a cached answer is believed as long as the agent says, and the explanation says how long', async (t) => {
  const now = performance.now();
  t.mock.method(performance, 'now', () => now);
  const setting = await connected(t, { lockstep: true, backend: 'poll' });
  const { vfs, dir } = setting;
  const file = path.join(dir, 'file');
  writeFileSync(file, 'content');
  const watch = vfs.watch(dir, { recursive: true, visible: true }, () => undefined);
  t.after(() => watch.dispose());
  await watch.ready;
  await vfs.stat(file);
  const { superblock, blindSpots } = await vfs.explain(file);
  const { pollMs } = superblock.mount;
  assert.ok(pollMs >= 1000, `${pollMs} ms`);
  assert.ok(
    blindSpots.some((spot) => spot.includes(`every ${pollMs / 1000} s`)),
    blindSpots.join(' '),
  );
  t.mock.method(performance, 'now', () => now + pollMs - 1);
  assert.equal((await roundsOf(setting, () => vfs.stat(file))).rounds, 0);
  t.mock.method(performance, 'now', () => now + pollMs);
  assert.equal((await roundsOf(setting, () => vfs.stat(file))).rounds, 1);
});

test('without a watch what is cached is asked again after a second', async (t) => {
  const setting = await connected(t, { lockstep: true });
  const file = path.join(setting.dir, 'file');
  writeFileSync(file, 'content');
  await setting.vfs.stat(file);
  assert.equal((await roundsOf(setting, () => setting.vfs.stat(file))).rounds, 0);
  t.mock.method(performance, 'now', () => 1e12);
  assert.equal((await roundsOf(setting, () => setting.vfs.stat(file))).rounds, 1);
});

test("in mode 'none' every access asks, and in mode 'always' none does twice", async (t) => {
  let mode: 'none' | 'always' = 'none';
  const setting = await connected(t, { lockstep: true, modeOf: () => mode });
  const file = path.join(setting.dir, 'file');
  writeFileSync(file, 'content');
  await setting.vfs.stat(file);
  assert.equal((await roundsOf(setting, () => setting.vfs.stat(file))).rounds, 1);
  mode = 'always';
  t.mock.method(performance, 'now', () => 1e12);
  assert.equal((await roundsOf(setting, () => setting.vfs.stat(file))).rounds, 0);
});

test("in mode 'always' asking for a folder anew shows the changes in it for which no event came", async (t) => {
  const { vfs, dir } = await connected(t, { modeOf: () => 'always' });
  const file = path.join(dir, 'file');
  writeFileSync(file, 'content');
  assert.equal((await vfs.lstat(file)).size, 7n);
  writeFileSync(file, 'more content');
  assert.equal((await vfs.lstat(file)).size, 7n);
  await vfs.lstat(dir, { fresh: true });
  assert.equal((await vfs.lstat(file)).size, 12n);
});

test('opening a folder fetches what the editor asks next: then it costs nothing', async (t) => {
  const setting = await connected(t, { lockstep: true, prefetch: true });
  const { vfs, dir } = setting;
  mkdirSync(path.join(dir, '.vscode'));
  writeFileSync(path.join(dir, '.vscode/settings.json'), '{}');
  writeFileSync(path.join(dir, 'package.json'), '{}');
  writeFileSync(path.join(dir, 'large.json'), Buffer.alloc(1 << 20));
  const opened = await roundsOf(setting, async () => {
    const watch = vfs.watch(dir, { recursive: true }, () => undefined);
    t.after(() => watch.dispose());
    await watch.ready;
    await quiet();
  });
  assert.ok(opened.rounds <= 3, `${opened.rounds} round trips`);
  const asked = await roundsOf(setting, async () => {
    await vfs.stat(dir);
    await vfs.readDirectory(dir);
    await vfs.readFile(path.join(dir, 'package.json'));
    await vfs.readFile(path.join(dir, '.vscode/settings.json'));
    for (const name of [
      '.vscode/tasks.json',
      '.vscode/launch.json',
      '.git',
      'pom.xml',
      'node_modules/.bin',
    ]) {
      await assert.rejects(vfs.readFile(path.join(dir, name)), { code: 'ENOENT' });
    }
  });
  assert.equal(asked.rounds, 0);
});
