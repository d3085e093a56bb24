// A host whose disk is full, or fills up while the agent is being sent.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openHost } from '../../src/ssh/host';
import { stopProcess } from '../fixtures/processes';
import { type Sshd, startSshd } from '../fixtures/sshd';
import { realAgent } from './realAgent';

/** The agent has room in it, its native module has none. */
const ENOUGH_FOR_ONE = 'size=1m';

interface FullHost {
  readonly sshd: Sshd;
  /** Puts a small filesystem over a folder, as the logins see it; gives it as this test sees it. */
  mount(folder: string, options: string): string;
}

/** A server with mounts of its own, which go with its last process. */
async function startHost(t: TestContext, cache: string): Promise<FullHost> {
  const sshd = await startSshd({ ownMounts: true, settings: { SetEnv: `XDG_CACHE_HOME=${cache}` } });
  t.after(() => sshd.dispose());
  const inside = (...command: string[]) =>
    execFileSync('nsenter', ['--target', `${sshd.pid}`, '--mount', ...command]);
  return {
    sshd,
    mount(folder, options) {
      inside('mkdir', '-p', '-m', '700', folder);
      inside('mount', '-t', 'tmpfs', '-o', `mode=700,${options}`, 'livemount-test', folder);
      return `/proc/${sshd.pid}/root${folder}`;
    },
  };
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-full-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(t: TestContext, sshd: Sshd, rungs: 'auto' | 'agent') {
  const agent = await realAgent(`full disk test ${process.pid} ${sshd.port}`);
  t.after(() => agent.dispose());
  const link = await openHost(sshd.host, {
    configFile: sshd.configFile,
    payload: agent.payload,
    graceS: 20,
    rungs,
  });
  t.after(() => {
    link.dispose();
    if (link.daemon !== undefined) stopProcess(link.daemon.pid);
  });
  return link;
}

const leftIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' });

test('of an agent whose second half has no room nothing is kept; without another folder that is said, and SFTP serves', async (t) => {
  const cache = scratch(t);
  const { sshd, mount } = await startHost(t, cache);
  const full = [mount(cache, ENOUGH_FOR_ONE), mount('/tmp/livemount-0', ENOUGH_FOR_ONE)];
  await assert.rejects(
    start(t, sshd, 'agent'),
    /no folder for the agent; make room.*the disk is full.*\/tmp\/livemount-0: the disk is full/,
  );
  assert.deepEqual(full.flatMap(leftIn), ['livemount']);
  const link = await start(t, sshd, 'auto');
  assert.equal(link.rung, 'sftp');
  assert.match(link.reason, /the disk is full/);
  assert.deepEqual(full.flatMap(leftIn), ['livemount']);
});

test('with room in the next folder alone the agent runs from there', async (t) => {
  const cache = scratch(t);
  const { sshd, mount } = await startHost(t, cache);
  const full = mount(cache, ENOUGH_FOR_ONE);
  const link = await start(t, sshd, 'agent');
  assert.equal(link.rung, 'node');
  assert.deepEqual(leftIn(full), ['livemount']);
});

test('an agent that is stored already starts on a disk that is full since, and goes on when its log has no room', async (t) => {
  const cache = scratch(t);
  const { sshd, mount } = await startHost(t, cache);
  const first = await start(t, sshd, 'agent');
  const socket = first.daemon?.socketPath ?? '';
  if (first.daemon !== undefined) process.kill(first.daemon.pid, 'SIGTERM');
  while (existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 10));
  first.dispose();
  const folder = mount('/tmp/livemount-0', 'size=4k');
  writeFileSync(join(folder, 'filler'), Buffer.alloc(4096));
  const second = await start(t, sshd, 'agent');
  assert.equal(second.rung, 'node');
  assert.notEqual(second.daemon?.cookie, first.daemon?.cookie);
  const { length } = leftIn(folder);
  assert.equal(length, 3, 'its socket and its log, and no lock');
  // It has something to log, which no disk takes.
  const running = second.daemon;
  const channel = await second.openChannel();
  const refused = once(channel.resume(), 'close');
  channel.write(Buffer.alloc(4096, 'no frame'));
  await refused;
  await second.openChannel();
  assert.equal(second.daemon?.cookie, running?.cookie, 'the same one serves on');
});
