// `livemount watch --json` over a real sshd, against what a shell does on the host.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { isAlive } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { eventually } from './eventually';
import { type Host, startHost } from './host';
import { Watching } from './watching';

/** The longest that the agent gathers changes. */
const WINDOW_MS = 25;

let host: Host;
before(async () => {
  host = await startHost();
});
after(() => host?.dispose());

function shell(script: string): void {
  execFileSync('sh', ['-ec', script], { cwd: host.folder });
}

/** A watch on a fresh folder, already in force. */
async function watchOn(t: TestContext, name: string, ...options: string[]): Promise<Watching> {
  mkdirSync(host.path(name), { recursive: true });
  const watching = new Watching(host.cli, [...options, host.at(name)]);
  t.after(() => watching.child.kill('SIGKILL'));
  await watching.ready();
  return watching;
}

test('the first line is ready, and each event is one line with exactly the promised keys', async (t) => {
  const watching = await watchOn(t, 'keys');
  const [ready] = watching.lines;
  assert.deepEqual([ready?.event, ready?.path, ready?.isDir], ['ready', host.path('keys'), true]);
  shell('mkdir keys/dir');
  const created = await watching.seen('create', host.path('keys/dir'));
  assert.equal(created.isDir, true);
  for (const line of watching.lines) {
    assert.deepEqual(Object.keys(line), ['event', 'path', 'to', 'isDir', 'superblock', 'seq', 'time']);
    assert.match(line.superblock, /^\d+:\d+@\d+$/);
    assert.ok(Math.abs(line.time - Date.now()) < 60_000, 'milliseconds since the epoch');
  }
  assert.equal(await watching.end(), 130);
  assert.equal(watching.stderr, '');
});

test('creating, writing, renaming and deleting are reported as such, in order', async (t) => {
  const watching = await watchOn(t, 'story');
  // Each step is told before the next, and its window over, so that none is coalesced with another: a write is told at
  // once, and the closing of the file comes behind it.
  const steps = [
    ['touch story/a', 'create', 'a'],
    ['echo text >> story/a', 'modify', 'a'],
    ['chmod 600 story/a', 'attrib', 'a'],
    ['mv story/a story/b', 'rename', 'b'],
    ['rm story/b', 'delete', 'b'],
  ] as const;
  for (const [command, kind, name] of steps) {
    shell(command);
    await watching.seen(kind, host.path(`story/${name}`));
    await new Promise((resolve) => setTimeout(resolve, 2 * WINDOW_MS));
  }
  const inStory = (name: string) => host.path(`story/${name}`);
  const kinds = watching.events.filter((event, index, all) => event !== all[index - 1]);
  assert.deepEqual(kinds, [
    `create ${inStory('a')}`,
    `modify ${inStory('a')}`,
    `attrib ${inStory('a')}`,
    `rename ${inStory('a')} -> ${inStory('b')}`,
    `delete ${inStory('b')}`,
  ]);
  const seqs = watching.lines.slice(1).map(({ seq }) => seq);
  assert.deepEqual(
    [...seqs].sort((a, b) => a - b),
    seqs,
  );
});

test('a tree that appears full is reported whole, and its leaving is one event', async (t) => {
  const watching = await watchOn(t, 'full');
  shell('mkdir -p full/x/y/z; touch full/x/1 full/x/y/2 full/x/y/z/3');
  for (const name of ['x/1', 'x/y/2', 'x/y/z/3']) await watching.seen('create', host.path(`full/${name}`));
  renameSync(host.path('full/x'), host.path('moved-out'));
  await watching.seen('delete', host.path('full/x'));
  const below = watching.lines.filter(
    ({ event, path }) => event === 'delete' && path !== host.path('full/x'),
  );
  assert.deepEqual(below, []);
});

test('what is excluded is not reported, and neither is what lies deeper without recursion', async (t) => {
  mkdirSync(host.path('some/deep'), { recursive: true });
  const excluding = await watchOn(t, 'some', '--exclude', '**/*.o', '--exclude', 'node_modules/**');
  const shallow = await watchOn(t, 'some', '--no-recursive');
  shell('mkdir some/node_modules; touch some/node_modules/x some/a.o some/deep/b.o some/deep/c some/end');
  await excluding.seen('create', host.path('some/end'));
  await excluding.seen('create', host.path('some/deep/c'));
  await shallow.seen('create', host.path('some/end'));
  for (const { path } of excluding.lines) assert.doesNotMatch(path, /\.o$|node_modules\/x/);
  for (const { path } of shallow.lines) assert.doesNotMatch(path, /deep\/./);
});

test('a path that does not exist yet is watched from the moment it does', async (t) => {
  mkdirSync(host.path('later'));
  const watching = new Watching(host.cli, [host.at('later/to/come')]);
  t.after(() => watching.child.kill('SIGKILL'));
  await watching.ready();
  assert.match(watching.stderr, /does not exist yet/);
  shell('mkdir -p later/to/come; touch later/to/come/file');
  await watching.seen('create', host.path('later/to/come/file'));
});

test('names of any bytes come whole', async (t) => {
  const watching = await watchOn(t, 'names');
  const raw = Buffer.concat([Buffer.from(`${host.path('names')}/`), Buffer.from([0xff, 0xfe, 0x41])]);
  writeFileSync(raw, '');
  writeFileSync(host.path('names/new\nline "quoted" ünïcode'), '');
  await watching.seen('create', host.path('names/new\nline "quoted" ünïcode'));
  await watching.until(
    () => watching.lines.some((line) => line.pathBytes !== undefined),
    'the name that is no UTF-8',
  );
  const [odd] = watching.lines.filter((line) => line.pathBytes !== undefined);
  assert.deepEqual(Buffer.from(odd?.pathBytes ?? '', 'base64'), raw);
});

test('a mount that comes and goes under the watch is reported', async (t) => {
  mkdirSync(host.path('mounting/point'), { recursive: true });
  const watching = await watchOn(t, 'mounting');
  execFileSync('mount', ['-t', 'tmpfs', 'livemount-test', host.path('mounting/point')]);
  let mounted = true;
  t.after(() => mounted && execFileSync('umount', ['-l', host.path('mounting/point')]));
  await watching.seen('mount', host.path('mounting/point'));
  // What stands there when the new mount begins to be watched is not told as created.
  const inside = () => watching.lines.find(({ path }) => path.startsWith(host.path('mounting/point/inside')));
  for (let i = 0; inside() === undefined; i++) {
    shell(`touch mounting/point/inside${i}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.notEqual(inside()?.superblock, watching.lines[0]?.superblock);
  for (const { superblock } of watching.lines) assert.match(superblock, /^\d+:\d+@\d+$/);
  execFileSync('umount', [host.path('mounting/point')]);
  mounted = false;
  await watching.seen('unmount', host.path('mounting/point'));
});

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends the watch cleanly, and its marks on the host with it`, async (t) => {
    // An agent that nobody else uses: sessions of killed programs keep their marks for the grace time.
    const own = await startHost();
    t.after(() => own.dispose());
    const watching = new Watching(own.cli, [own.cli.at(own.folder)]);
    await watching.ready();
    const [daemon] = own.cli.daemons();
    assert.ok(daemon !== undefined);
    const during = marksOf(daemon);
    assert.ok(during > 0);
    assert.equal(await watching.end(signal), status);
    assert.equal(watching.stderr, '');
    await eventually('the connection ended', () => own.sshd.connections().length === 0);
    await eventually('the marks are gone', () => marksOf(daemon) < during);
  });
}

/** How many things a process watches (proc_pid_fdinfo(5)). */
function marksOf(pid: number): number {
  const folder = `/proc/${pid}/fdinfo`;
  return readdirSync(folder).reduce((count, fd) => count + marksIn(`${folder}/${fd}`), 0);
}

function marksIn(fdinfo: string): number {
  let text: string;
  try {
    text = readFileSync(fdinfo, 'utf8');
  } catch {
    return 0; // Closed since it was listed.
  }
  return text.match(/^(inotify wd|fanotify (ino|mnt_id|sdev)):/gm)?.length ?? 0;
}

test('a reader that goes away ends the watch cleanly', async (t) => {
  const watching = await watchOn(t, 'closed');
  watching.child.stdout.destroy();
  // A pipe tells its writer when it writes: an event that comes before the pipe is closed tells nothing.
  const touching = setInterval(() => shell('echo >> closed/one'), 50);
  t.after(() => clearInterval(touching));
  assert.equal(await watching.exitCode(), 0);
});

test('a reader that is slow loses nothing', async (t) => {
  const watching = await watchOn(t, 'slow');
  watching.child.stdout.pause();
  shell('i=0; while [ $i -lt 3000 ]; do : > slow/f$i; i=$((i+1)); done');
  await new Promise((resolve) => setTimeout(resolve, 200));
  watching.child.stdout.resume();
  await watching.seen('create', host.path('slow/f2999'));
  const created = new Set(watching.lines.filter(({ event }) => event === 'create').map(({ path }) => path));
  assert.equal(created.size, 3000);
});

test('after a lost connection the watch goes on, with what was missed', async (t) => {
  const proxy = await TcpProxy.start({ targetPort: host.sshd.port });
  t.after(() => proxy.dispose());
  const alias = `livemount-proxied-${proxy.port}`;
  host.sshd.addHost(alias, { Port: `${proxy.port}` });
  mkdirSync(host.path('dropped'));
  const watching = new Watching(host.cli, [host.cli.at(host.path('dropped'), alias)]);
  t.after(() => watching.child.kill('SIGKILL'));
  await watching.ready();
  proxy.refuse();
  proxy.reset();
  await watching.until(() => watching.stderr.includes('reconnecting'), 'the loss was noticed');
  shell('touch dropped/meanwhile; mkdir dropped/dir');
  proxy.refuse(false);
  await watching.seen('create', host.path('dropped/meanwhile'));
  renameSync(host.path('dropped/meanwhile'), host.path('dropped/dir/moved'));
  await watching.seen('rename', host.path('dropped/dir/moved'));
  assert.equal(await watching.end(), 130);
});

test('after the agent was killed the watch goes on, and says that something may be missing', async (t) => {
  const watching = await watchOn(t, 'killed');
  const [daemon] = host.cli.daemons();
  assert.ok(daemon !== undefined && isAlive(daemon));
  process.kill(daemon, 'SIGKILL');
  await watching.until(() => watching.stderr.includes('reconnecting'), 'the loss was noticed');
  await watching.until(() => watching.lines.some(({ event }) => event === 'overflow'), 'an overflow');
  writeFileSync(host.path('killed/after'), '');
  await watching.seen('create', host.path('killed/after'));
  assert.equal(await watching.end(), 130);
});

test('a watched folder that is deleted and comes back is watched again', async (t) => {
  const watching = await watchOn(t, 'again');
  rmSync(host.path('again'), { recursive: true });
  await watching.seen('delete', host.path('again'));
  shell('mkdir again; touch again/x');
  await watching.seen('create', host.path('again/x'));
});

test('two watches see the same, and each other’s writes through the program', async (t) => {
  const one = await watchOn(t, 'both');
  const two = await watchOn(t, 'both');
  const put = host.cli.start(['put', '-', host.at('both/file')]);
  put.stdin.end('content');
  await once(put, 'close');
  for (const watching of [one, two]) {
    await watching.until(
      () => watching.lines.some(({ path, to }) => [path, to].includes(host.path('both/file'))),
      'the saved file',
    );
  }
});
