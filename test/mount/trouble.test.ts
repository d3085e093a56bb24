import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { EventLog } from './eventLog';
import { ground } from './mounted';
import { until } from './until';

// The link of these tests runs in this process, so what works in the mount is on other threads or other processes.
const run = promisify(execFile);
const { promises: files } = fs;

test('while the link is down what is known is served, the rest waits, and each change takes effect once', async (t) => {
  const { folder, mount, proxy } = await ground(t);
  for (const name of ['known', 'unknown', 'log']) fs.writeFileSync(join(folder, name), `${name}\n`);
  const link = await proxy();
  const served = await mount(folder, {}, link);
  await until('the lease', async () => (await served.ask('leased')) === 'true');
  assert.equal(await files.readFile(join(served.at, 'known'), 'utf8'), 'known\n');

  link.refuse();
  link.cut();
  await until('the link is down', async () => (await served.ask('state')) === 'reconnecting');
  assert.equal(await files.readFile(join(served.at, 'known'), 'utf8'), 'known\n');
  let settled = 0;
  const waiting = [
    files.readFile(join(served.at, 'unknown'), 'utf8'),
    files.appendFile(join(served.at, 'log'), 'once\n'),
    files.mkdir(join(served.at, 'made')),
  ].map((work) => work.finally(() => settled++));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(settled, 0);
  assert.equal(fs.existsSync(join(folder, 'made')), false);
  link.refuse(false);
  assert.equal((await Promise.all(waiting))[0], 'unknown\n');
  assert.equal(fs.readFileSync(join(folder, 'log'), 'utf8'), 'log\nonce\n');
  assert.equal(fs.statSync(join(folder, 'made')).isDirectory(), true);
  await served.unmount();
});

test('a program that waits for a dead link can be interrupted, waits no longer than was said, and unmounting waits for nobody', async (t) => {
  const { folder, mount, proxy } = await ground(t);
  fs.writeFileSync(join(folder, 'file'), 'content');
  const link = await proxy();
  const [patient, hasty] = [await mount(folder, {}, link), await mount(folder, { timeoutS: 1 }, link)];
  link.refuse();
  link.cut();
  for (const served of [patient, hasty])
    await until('the link is down', async () => (await served.ask('state')) === 'reconnecting');

  const cat = spawn('cat', [join(patient.at, 'file')], { stdio: 'ignore' });
  await until('it waits', async () => sleeps(cat));
  cat.kill('SIGINT');
  const [, signal] = (await once(cat, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGINT');
  await assert.rejects(files.readFile(join(hasty.at, 'file')), { code: 'ETIMEDOUT' });
  for (const served of [patient, hasty]) {
    const ended = once(served.process, 'exit');
    assert.equal(spawnSync('umount', [served.at], { encoding: 'utf8', timeout: 10_000 }).status, 0);
    await ended;
  }
});

test('an agent that dies takes nothing with it: open files go on, and what changed meanwhile is told', async (t) => {
  const { folder, mount, restartDaemon } = await ground(t);
  fs.mkdirSync(join(folder, 'watched'));
  for (const name of ['changed', 'stays', 'goes'])
    fs.writeFileSync(join(folder, `watched/${name}`), 'before');
  fs.writeFileSync(join(folder, 'open'), 'line 1\n');
  const served = await mount(folder);
  const open = await files.open(join(served.at, 'open'), 'a+');
  t.after(() => open.close());
  await open.appendFile('line 2\n');
  const log = await EventLog.of(join(served.at, 'watched'));
  t.after(() => log.dispose());
  // The watcher is found with the first event.
  fs.writeFileSync(join(folder, 'watched/first'), '');
  await until('the first event', async () => log.net()['/first'] === 'came');
  log.clear();

  await restartDaemon(() => {
    fs.writeFileSync(join(folder, 'watched/changed'), 'afterwards');
    fs.writeFileSync(join(folder, 'watched/new'), 'new');
    fs.unlinkSync(join(folder, 'watched/goes'));
  });
  await until('connected', async () => (await served.ask('state')) === 'connected');
  await open.appendFile('line 3\n');
  await until(
    'the third line is on the host',
    async () => fs.readFileSync(join(folder, 'open'), 'utf8') === 'line 1\nline 2\nline 3\n',
  );
  assert.equal((await open.read(Buffer.alloc(6), 0, 6, 0)).buffer.toString(), 'line 1');
  assert.equal(await files.readFile(join(served.at, 'watched/changed'), 'utf8'), 'afterwards');
  await assert.rejects(files.stat(join(served.at, 'watched/goes')), { code: 'ENOENT' });
  await until('the difference', async () => {
    const net = log.net();
    return net['/changed'] === 'content' && net['/new'] === 'came' && net['/goes'] === 'went';
  });
  assert.equal(log.net()['/stays'], undefined);
  await open.close();
  await log.end();
  await served.unmount();
});

test('a mount goes with the process that serves it', async (t) => {
  const { folder, mount } = await ground(t);
  const served = await mount(folder);
  served.process.kill('SIGKILL');
  await until('it is gone', async () => !fs.readFileSync('/proc/self/mountinfo', 'utf8').includes(served.at));
  assert.deepEqual(fs.readdirSync(served.at), []);
});

test('locks are the host’s: two mounts and a program on the host exclude each other', async (t) => {
  const { folder, mount } = await ground(t);
  fs.writeFileSync(join(folder, 'file'), 'content');
  const [one, other] = [await mount(folder), await mount(folder)];
  const places = [one.at, other.at, folder].map((top) => join(top, 'file'));
  for (const kind of ['flock', 'lockf']) {
    for (const holder of places) {
      const held = await hold(kind, holder);
      for (const place of places) {
        if (place !== holder) assert.equal(await tryLock(kind, place), 'taken', `${kind} ${holder} ${place}`);
      }
      held.stdin?.end();
      await once(held, 'exit');
      for (const place of places) {
        await until(`${kind} of ${place} is free`, async () => (await tryLock(kind, place)) === 'free');
      }
    }
  }
  // Who waits gets it when it is given back, and can be interrupted until then.
  const held = await hold('flock', places[0] ?? '');
  const waiting = run('flock', [places[1] ?? '', 'true']);
  held.stdin?.end();
  await waiting;
  for (const served of [one, other]) await served.unmount();
});

const LOCK = `
import fcntl, sys
kind, path, how = sys.argv[1:4]
file = open(path, 'r+')
take = fcntl.flock if kind == 'flock' else fcntl.lockf
try:
    take(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print('free', flush=True)
except BlockingIOError:
    print('taken', flush=True)
if how == 'hold': sys.stdin.read()
`;

async function hold(kind: string, path: string): Promise<ChildProcess> {
  const child = spawn('python3', ['-c', LOCK, kind, path, 'hold'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal(said.toString().trim(), 'free');
  return child;
}

async function tryLock(kind: string, path: string): Promise<string> {
  return (await run('python3', ['-c', LOCK, kind, path, 'try'])).stdout.trim();
}

test('what one mount has written and closed, the other reads', async (t) => {
  const { folder, mount } = await ground(t);
  const [one, other] = [await mount(folder), await mount(folder)];
  for (const served of [one, other])
    await until('the lease', async () => (await served.ask('leased')) === 'true');
  for (let i = 0; i < 20; i++) {
    const [from, to] = i % 2 === 0 ? [one, other] : [other, one];
    const content = `round ${i} `.repeat(i * 50);
    fs.writeFileSync(join(from.at, 'shared'), content);
    try {
      await until(`round ${i}`, async () => fs.readFileSync(join(to.at, 'shared'), 'utf8') === content);
    } catch (error) {
      // Whether the host or the other mount has something else says where to look.
      const shown = [folder, from.at, to.at].map((top) => fs.readFileSync(join(top, 'shared'), 'latin1'));
      t.diagnostic(
        `on the host, where it was written, where it is read: ${shown.map((text) => text.slice(0, 20) + text.length)}`,
      );
      throw error;
    }
    fs.renameSync(join(to.at, 'shared'), join(to.at, 'moved'));
    await until('it moved', async () => fs.readdirSync(from.at).join() === 'moved');
    fs.renameSync(join(from.at, 'moved'), join(from.at, 'shared'));
    await until('it moved back', async () => fs.readdirSync(to.at).join() === 'shared');
  }
  for (const served of [one, other]) await served.unmount();
});

/** The process waits for something. */
function sleeps(child: ChildProcess): boolean {
  const stat = fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1');
  const wchan = fs.readFileSync(`/proc/${child.pid}/wchan`, 'latin1');
  return /\) [SD] /.test(stat) && /fuse|request_wait/.test(wchan);
}
