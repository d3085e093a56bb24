import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { mock, type TestContext, test } from 'node:test';
import { GraceTimer } from '../../src/agent/daemon/graceTimer';
import { readGreeting } from '../../src/agent/daemon/greeting';
import { parseConnectOptions, parseDaemonOptions } from '../../src/agent/daemon/options';
import { claimFirstFolder, claimPrivateFolder } from '../../src/agent/daemon/privateFolder';
import { withStartLock } from '../../src/agent/daemon/startLock';
import { ErrnoError } from '../../src/protocol/errno';
import { MAX_GRACE_S } from '../../src/protocol/livemount';
import { stopProcess } from '../fixtures/processes';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'livemount-daemon-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const hasCode = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

test('a private folder is made private, and someone else’s or a link is refused', (t) => {
  const base = folder(t);
  claimPrivateFolder(join(base, 'new/deep'));
  assert.equal(statSync(join(base, 'new/deep')).mode & 0o777, 0o700);
  chmodSync(join(base, 'new'), 0o755);
  claimPrivateFolder(join(base, 'new'));
  assert.equal(statSync(join(base, 'new')).mode & 0o777, 0o700);

  claimPrivateFolder(join(base, 'theirs'));
  chownSync(join(base, 'theirs'), 12345, 12345);
  assert.throws(() => claimPrivateFolder(join(base, 'theirs')), hasCode('EACCES'));
  symlinkSync('new', join(base, 'link'));
  assert.throws(() => claimPrivateFolder(join(base, 'link')), hasCode('ENOTDIR'));
  writeFileSync(join(base, 'file'), '');
  assert.throws(() => claimPrivateFolder(join(base, 'file')), hasCode('ENOTDIR'));
});

test('the first folder that can be had is taken, and the error has all reasons when there is none', (t) => {
  const base = folder(t);
  claimPrivateFolder(join(base, 'theirs'));
  chownSync(join(base, 'theirs'), 12345, 12345);
  assert.equal(claimFirstFolder([join(base, 'theirs'), join(base, 'ours')]), join(base, 'ours'));
  assert.throws(
    () => claimFirstFolder([join(base, 'theirs'), '/proc/livemount']),
    /12345.*\/proc\/livemount/,
  );
});

test('the start lock lets one in at a time and is gone afterwards', async (t) => {
  const path = join(folder(t), 'lock');
  const order: string[] = [];
  // Another process of the same machine holds it first.
  const holder = spawn('sleep', ['30'], { stdio: 'ignore' });
  t.after(() => stopProcess(holder.pid));
  const stat = readFileSync(`/proc/${holder.pid}/stat`, 'latin1');
  symlinkSync(`${holder.pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`, path);
  await assert.rejects(
    withStartLock(path, 100, async () => order.push('too early')),
    hasCode('ETIMEDOUT'),
  );
  const waiting = withStartLock(path, 10_000, async () => order.push('second'));
  order.push('first');
  stopProcess(holder.pid, 'SIGKILL');
  await waiting;
  assert.deepEqual(order, ['first', 'second']);
  assert.equal(existsSync(path), false);
});

test('a lock whose process number is another’s now is broken', async (t) => {
  const path = join(folder(t), 'lock');
  symlinkSync(`${process.pid} 1`, path);
  assert.equal(await withStartLock(path, 10_000, async () => 'in'), 'in');
});

test('the daemon ends the grace time after the last channel and session', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let channels = 1;
  let sessions = true;
  let ended = 0;
  const timer = new GraceTimer({
    graceMs: 1000,
    isAttached: () => channels > 0,
    hasSessions: () => sessions,
    expired: () => {
      ended++;
    },
  });
  timer.restart();
  mock.timers.tick(100_000);
  assert.equal(ended, 0, 'a channel is open');
  channels = 0;
  timer.restart();
  mock.timers.tick(5000);
  assert.equal(ended, 0, 'a session may come back');
  sessions = false;
  mock.timers.tick(1000);
  assert.equal(ended, 1);
});

test('a session that nobody comes back to keeps the daemon for three hours at most', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let ended = 0;
  const timer = new GraceTimer({
    graceMs: 30 * 60_000,
    isAttached: () => false,
    hasSessions: () => true,
    expired: () => {
      ended++;
    },
  });
  timer.restart();
  for (let halfHour = 1; halfHour < 6; halfHour++) mock.timers.tick(30 * 60_000);
  assert.equal(ended, 0);
  mock.timers.tick(30 * 60_000);
  assert.equal(ended, 1);
});

test('arguments that are missing or wrong are refused', () => {
  const id = 'a'.repeat(32);
  assert.deepEqual(parseConnectOptions(['--id', id, '--marker', 'm', '--grace', '99999'], '/agent'), {
    program: '/agent',
    id,
    marker: 'm',
    graceS: MAX_GRACE_S,
  });
  for (const args of [
    [],
    ['--id', '../x', '--marker', 'm'],
    ['--id', id],
    ['--id', id, '--marker', 'm', '--other'],
  ]) {
    assert.throws(() => parseConnectOptions(args, '/agent'), hasCode('EINVAL'));
  }
  assert.throws(() => parseDaemonOptions(['--socket', '/s', '--grace', 'long']), hasCode('EINVAL'));
});

test('a greeting is read off the stream and nothing behind it', async () => {
  const greeting = { livemount: 1, pid: 1, cookie: 'c', bootId: 'b' };
  const stream = new PassThrough();
  stream.write(`${JSON.stringify(greeting)}\nframes`);
  assert.deepEqual(await readGreeting(stream), greeting);
  assert.equal(String(stream.read()), 'frames');
  const other = new PassThrough();
  other.write('HTTP/1.1 400 Bad Request\r\n');
  await assert.rejects(readGreeting(other), hasCode('EPROTO'));
  const closed = new PassThrough();
  closed.end();
  await assert.rejects(readGreeting(closed), hasCode('EPIPE'));
});
