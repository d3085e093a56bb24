import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Change, Vfs, WatchOptions } from '../../src/client/vfs';
import { In } from '../../src/protocol/mask';
import type { Mask } from '../../src/protocol/brand';
import { beforeRemoval, connected, eventually, type Setting } from './support/hostAgent';

interface Seen {
  readonly changes: Change[];
  readonly texts: () => string[];
  readonly dispose: () => void;
}

async function watching(
  t: TestContext,
  vfs: Vfs,
  dir: string,
  options: Partial<WatchOptions> = {},
): Promise<Seen> {
  const changes: Change[] = [];
  const watch = vfs.watch(dir, { recursive: true, ...options }, (some) => void changes.push(...some));
  t.after(() => watch.dispose());
  await watch.ready;
  const base = /^.*livemount-client-[^/]+/.exec(dir)?.[0] ?? dir;
  const texts = () =>
    changes.map(({ kind, path: at, to }) => [kind, at, to].filter(Boolean).join(' ').replaceAll(base, ''));
  return { changes, texts, dispose: () => watch.dispose() };
}

/** Mounts a tmpfs until the test ends, or the function returned is called. */
function mount(t: TestContext, point: string): () => void {
  execFileSync('mount', ['-t', 'tmpfs', 'livemount-test', point]);
  let mounted = true;
  const unmount = () => {
    if (mounted) execFileSync('umount', [point]);
    mounted = false;
  };
  beforeRemoval(t, unmount);
  return unmount;
}

/** The inotify watches of this process, as the kernel counts them. */
function hostWatches(): number {
  let count = 0;
  for (const fd of fs.readdirSync('/proc/self/fdinfo')) {
    try {
      count += fs
        .readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('inotify ')).length;
    } catch {
      // The descriptor of the listing itself is closed again.
    }
  }
  return count;
}

function updates({ link }: Setting): number {
  return link.requests.filter((name) => name === 'FSNOTIFY_UPDATE').length;
}

test('200 editors opened and closed leave no mark behind on the host', async (t) => {
  const setting = await connected(t, { backend: 'inotify' });
  const { vfs, dir } = setting;
  for (let i = 0; i < 200; i++) fs.mkdirSync(path.join(dir, `d${i % 20}`), { recursive: true });
  for (let i = 0; i < 200; i++) fs.writeFileSync(path.join(dir, `d${i % 20}`, `f${i}`), '');
  const before = hostWatches();
  const watches = Array.from({ length: 200 }, (_, i) =>
    vfs.watch(path.join(dir, `d${i % 20}`, `f${i}`), { recursive: false }, () => undefined),
  );
  await Promise.all(watches.map((watch) => watch.ready));
  assert.equal(updates(setting), 1, 'all marks of one turn go in one update');
  assert.ok(hostWatches() > before);
  for (const watch of watches) watch.dispose();
  await eventually('the host watches are gone', () => hostWatches() === before);
  assert.equal(vfs.superblocks().find((one) => one.mountpoint === '/')?.aggregated, 0);
});

test('a group that adds nothing to the aggregated mask sends nothing', async (t) => {
  const setting = await connected(t);
  const first = await watching(t, setting.vfs, setting.dir);
  const before = updates(setting);
  const second = await watching(t, setting.vfs, setting.dir, { mask: In.CREATE as Mask });
  fs.writeFileSync(path.join(setting.dir, 'file'), '');
  fs.appendFileSync(path.join(setting.dir, 'file'), 'more');
  await eventually('both were told', () => first.changes.length > 0 && second.changes.length > 0);
  second.dispose();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(updates(setting), before);
});

test('each group gets the changes in its own mark, under the name it asked for', async (t) => {
  const { vfs, dir } = await connected(t);
  fs.mkdirSync(path.join(dir, 'real/sub'), { recursive: true });
  fs.mkdirSync(path.join(dir, 'elsewhere'));
  fs.symlinkSync('real', path.join(dir, 'link'));
  fs.writeFileSync(path.join(dir, 'elsewhere/other'), '');
  fs.writeFileSync(path.join(dir, 'real/sub/deep'), '');
  const tree = await watching(t, vfs, path.join(dir, 'link'));
  const shallow = await watching(t, vfs, path.join(dir, 'real'), { recursive: false });
  fs.writeFileSync(path.join(dir, 'elsewhere/foreign'), '');
  fs.renameSync(path.join(dir, 'elsewhere/other'), path.join(dir, 'real/in'));
  fs.renameSync(path.join(dir, 'real/sub/deep'), path.join(dir, 'elsewhere/out'));
  await eventually('all was told', () => tree.changes.length >= 2 && shallow.changes.length >= 1);
  assert.deepEqual(tree.texts().sort(), ['create /link/in', 'delete /link/sub/deep']);
  assert.deepEqual(shallow.texts(), ['create /real/in']);
});

test('what every group excludes is not even sent; what one of them excludes does not reach that one', async (t) => {
  const { vfs, dir, link } = await connected(t);
  fs.mkdirSync(path.join(dir, 'node_modules/x'), { recursive: true });
  fs.mkdirSync(path.join(dir, 'out'));
  const editor = await watching(t, vfs, dir, { excludes: ['**/node_modules/**', '**/out/**'] });
  const search = await watching(t, vfs, dir, { excludes: ['**/node_modules/**'] });
  let events = 0;
  link.wire.filter = ({ direction, frame }) => {
    if (direction === 'down' && frame.includes('node_modules')) events++;
    return true;
  };
  fs.writeFileSync(path.join(dir, 'node_modules/x/file'), '');
  fs.writeFileSync(path.join(dir, 'out/file'), '');
  fs.writeFileSync(path.join(dir, 'last'), '');
  await eventually('both were told', () => editor.changes.length >= 1 && search.changes.length >= 2);
  assert.deepEqual(editor.texts(), ['create /last']);
  assert.deepEqual(search.texts().sort(), ['create /last', 'create /out/file']);
  assert.equal(events, 0);
});

test('what is excluded is not under the lease', async (t) => {
  const { vfs, dir } = await connected(t);
  fs.mkdirSync(path.join(dir, 'node_modules/x'), { recursive: true });
  await watching(t, vfs, dir, { excludes: ['**/node_modules/**'] });
  await vfs.stat(path.join(dir, 'node_modules/x'));
  assert.equal((await vfs.explain(path.join(dir, 'node_modules/x'))).lease, 'timeout');
  assert.equal((await vfs.explain(path.join(dir, 'other'))).lease, 'lease');
});

test('a save of its own does not come back as a change, that of another client does', async (t) => {
  const mine = await connected(t);
  const { vfs, dir } = mine;
  const file = path.join(dir, 'file');
  fs.writeFileSync(file, 'old');
  const seen = await watching(t, vfs, dir);
  await vfs.writeFile(file, Buffer.from('saved by this client'), {
    create: false,
    overwrite: true,
    expect: 'any',
  });
  fs.writeFileSync(path.join(dir, 'last'), '');
  await eventually('what came later was told', () => seen.changes.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(seen.texts(), ['create /last']);
  fs.writeFileSync(file, 'saved by somebody else');
  await eventually('the other save was told', () => seen.changes.length > 1);
  assert.deepEqual(seen.texts().slice(1), ['modify /file']);
});

test('a file that somebody else has just made is in the listing once this client has saved over it', async (t) => {
  const { vfs, dir } = await connected(t);
  await watching(t, vfs, dir);
  assert.deepEqual(await vfs.readDirectory(dir), []);
  // The event of its making is still to come.
  fs.writeFileSync(path.join(dir, 'file'), 'made by the host');
  await vfs.writeFile(path.join(dir, 'file'), Buffer.from('saved'), {
    create: true,
    overwrite: true,
    expect: 'any',
  });
  const names = async () => (await vfs.readDirectory(dir)).map(({ name }) => name);
  assert.deepEqual(await names(), ['file']);
});

test("a group that does not want the client's own changes gets those of others", async (t) => {
  const { vfs, dir } = await connected(t);
  const all = await watching(t, vfs, dir);
  const foreign = await watching(t, vfs, dir, { own: false });
  await vfs.mkdir(path.join(dir, 'own'));
  await vfs.writeFile(path.join(dir, 'new'), Buffer.from('new'), {
    create: true,
    overwrite: false,
    expect: 'any',
  });
  fs.mkdirSync(path.join(dir, 'foreign'));
  await eventually('all was told', () => all.changes.length >= 3 && foreign.changes.length >= 1);
  assert.deepEqual(all.texts().sort(), ['create /foreign', 'create /new', 'create /own']);
  assert.deepEqual(foreign.texts(), ['create /foreign']);
});

test('a path that does not exist is watched, and reported when it appears', async (t) => {
  const { vfs, dir } = await connected(t);
  const settings = await watching(t, vfs, path.join(dir, '.vscode/settings.json'), { recursive: false });
  await assert.rejects(vfs.stat(path.join(dir, '.vscode/settings.json')), { code: 'ENOENT' });
  fs.mkdirSync(path.join(dir, '.vscode'));
  fs.writeFileSync(path.join(dir, '.vscode/settings.json'), '{}');
  await eventually('it was told', () => settings.changes.some(({ kind }) => kind === 'create'));
  assert.equal((await vfs.stat(path.join(dir, '.vscode/settings.json'))).size, 2n);
});

test('a mount below a recursive watch is watched too, is reported when it comes and goes, and shows what lies beneath', async (t) => {
  const { vfs, dir } = await connected(t);
  const point = path.join(dir, 'mnt');
  fs.mkdirSync(point);
  fs.writeFileSync(path.join(point, 'beneath'), '');
  const seen = await watching(t, vfs, dir);
  assert.deepEqual(
    (await vfs.readDirectory(point)).map(({ name }) => name),
    ['beneath'],
  );

  const unmount = mount(t, point);
  await eventually('the mount was told', () => seen.texts().includes('mount /mnt'));
  const [below] = vfs.mountsBelow(dir);
  assert.equal(below?.mount.fstype, 'tmpfs');
  assert.deepEqual(await vfs.readDirectory(point), []);
  const stat = await vfs.stat(point);
  assert.equal(stat.isMountpoint, true);
  assert.notEqual(stat.sb, (await vfs.stat(dir)).sb);

  await eventually('it is watched', () => (vfs.mountsBelow(dir)[0]?.aggregated ?? 0) !== 0);
  fs.writeFileSync(path.join(point, 'inside'), 'content');
  await eventually('what happens inside was told', () => seen.texts().includes('create /mnt/inside'));
  assert.equal((await vfs.readFile(path.join(point, 'inside'))).toString(), 'content');

  unmount();
  await eventually('the unmount was told', () => seen.texts().includes('unmount /mnt'));
  assert.deepEqual(
    (await vfs.readDirectory(point)).map(({ name }) => name),
    ['beneath'],
  );
  await assert.rejects(vfs.stat(path.join(point, 'inside')), { code: 'ENOENT' });
  assert.deepEqual(vfs.mountsBelow(dir), []);
});

test('a tree with a mount in it is not removed, and a rename across the boundary is EXDEV', async (t) => {
  const { vfs, dir } = await connected(t);
  const point = path.join(dir, 'a/mnt');
  fs.mkdirSync(point, { recursive: true });
  mount(t, point);
  fs.writeFileSync(path.join(dir, 'file'), '');
  await eventually('the mount was told', () => vfs.mountsBelow(dir).length === 1);
  await assert.rejects(vfs.remove(path.join(dir, 'a'), { recursive: true }), (error: Error) => {
    assert.match(error.message, /EBUSY/);
    assert.ok(error.message.includes(point));
    return true;
  });
  await assert.rejects(vfs.rename(path.join(dir, 'file'), path.join(point, 'file'), { overwrite: true }), {
    code: 'EXDEV',
  });
});

test('a file that is made and saved at once is reported as made', async (t) => {
  const { vfs, dir } = await connected(t);
  const made = new Set<string>();
  const watch = vfs.watch(dir, { recursive: true }, (changes) => {
    for (const { kind, path: where } of changes) if (kind === 'create') made.add(where);
  });
  t.after(() => watch.dispose());
  await watch.ready;
  for (let i = 0; i < 50; i++) {
    const file = path.join(dir, `file${i}`);
    await vfs.writeFile(file, Buffer.from('one'), { create: true, overwrite: false, expect: 'any' });
    await vfs.writeFile(file, Buffer.from('another'), { create: false, overwrite: true, expect: 'any' });
  }
  await eventually('all are told', () => made.size === 50);
});

test('a link that leads elsewhere now is followed there, whether it was made anew or replaced', async (t) => {
  const { vfs, dir } = await connected(t);
  const [first, second, third] = ['first', 'second', 'third'].map((name) => path.join(dir, name));
  assert.ok(first && second && third);
  for (const [i, folder] of [first, second, third].entries()) {
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, 'file'), 'x'.repeat(i));
  }
  const link = path.join(dir, 'link');
  fs.symlinkSync(first, link);
  await watching(t, vfs, dir);
  const size = async () => (await vfs.stat(path.join(link, 'file'))).size;
  // Between the two steps of making it anew there is no link.
  const leadsTo = async (expected: bigint) => {
    let found: bigint | undefined;
    const look = async () => {
      found = await size().catch(() => undefined);
    };
    await eventually(`the link leads to what has ${expected} bytes`, () => {
      void look();
      return found === expected;
    });
  };
  assert.equal(await size(), 0n);
  fs.rmSync(link);
  fs.symlinkSync(second, link);
  await leadsTo(1n);
  const beside = `${link}.new`;
  fs.symlinkSync(third, beside);
  fs.renameSync(beside, link);
  await leadsTo(2n);
});
