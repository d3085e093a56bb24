import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { ConnectError } from '../../src/ssh/connectError';
import { compareDaemons } from '../../src/ssh/agent/daemonIdentity';
import type { DaemonMemory } from '../../src/ssh/agent/daemonMemory';
import { type HostLink, type OpenHostOptions, openHost } from '../../src/ssh/host';
import type { ConnectStep } from '../../src/ssh/agent/ladder';
import { eventually } from '../e2e/eventually';
import { childrenOf, stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { type Sshd, type SshdOptions, startSshd } from '../fixtures/sshd';
import { buildEchoAgent, echoes } from './echoAgent';

let agent: Awaited<ReturnType<typeof buildEchoAgent>>;
before(async () => {
  agent = await buildEchoAgent(`host test ${process.pid}`);
});
after(() => agent.dispose());

let caches = 0;
async function startHost(t: TestContext, options: SshdOptions = {}): Promise<Sshd> {
  const cache = `/tmp/livemount-test-host-${process.pid}-${caches++}`;
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const settings = { SetEnv: `XDG_CACHE_HOME=${cache}`, ...options.settings };
  const sshd = await startSshd({ ...options, settings });
  t.after(() => sshd.dispose());
  return sshd;
}

async function open(
  t: TestContext,
  sshd: Sshd,
  options: Partial<OpenHostOptions> = {},
  alias = sshd.host,
): Promise<HostLink> {
  const link = await openHost(alias, {
    configFile: sshd.configFile,
    payload: agent.payload,
    graceS: 20,
    silenceMs: 10_000,
    ...options,
  });
  t.after(() => {
    link.dispose();
    if (link.daemon !== undefined) stopProcess(link.daemon.pid);
  });
  return link;
}

function memory(): DaemonMemory & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return { kept, get: async (key) => kept.get(key), set: async (key, value) => void kept.set(key, value) };
}

/** Commands the server ran so far, from its log. */
function commandsRun(sshd: Sshd): number {
  return sshd.log().split('Starting session: command').length - 1;
}

for (const transportKind of ['builtin', 'system'] as const) {
  test(`${transportKind}: all channels of a link reach the same agent, further ones without a command`, async (t) => {
    const sshd = await startHost(t);
    const steps: ConnectStep['kind'][] = [];
    const link = await open(t, sshd, { transportKind, onProgress: (step) => steps.push(step.kind) });
    assert.equal(link.rung, 'node');
    assert.match(link.reason, /runs on \/.*node/);
    assert.deepEqual([...new Set(steps)], ['connecting', 'starting-agent', 'uploading']);
    const channels = [await link.openChannel(), await link.openChannel(), await link.openChannel()];
    await Promise.all(channels.map((channel, index) => echoes(channel, `channel ${index}`)));
    assert.equal(commandsRun(sshd), 1);
  });
}

test('once the agent runs, no program stands between the SSH server and it', async (t) => {
  const sshd = await startHost(t);
  const link = await open(t, sshd);
  await echoes(await link.openChannel(), 'direct');
  const below = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...below(child)]);
  await eventually('the command has ended', () => sshd.connections().flatMap(below).length === 0);
});

test('a remembered daemon is reached without starting any program', async (t) => {
  const sshd = await startHost(t);
  const daemonMemory = memory();
  const first = await open(t, sshd, { daemonMemory });
  first.dispose();
  const second = await open(t, sshd, { daemonMemory });
  assert.equal(commandsRun(sshd), 1);
  assert.deepEqual(second.daemon, first.daemon);
  assert.equal(second.reason, first.reason);
  await echoes(await second.openChannel(), 'warm');
});

test('something else behind the remembered socket is not taken for the daemon', async (t) => {
  const sshd = await startHost(t);
  const daemonMemory = memory();
  const first = await open(t, sshd, { daemonMemory });
  for (const [key, value] of daemonMemory.kept) {
    const record = JSON.parse(value);
    record.daemon.cookie = 'another';
    daemonMemory.kept.set(key, JSON.stringify(record));
  }
  const second = await open(t, sshd, { daemonMemory });
  assert.equal(commandsRun(sshd), 2);
  assert.equal(second.daemon?.cookie, first.daemon?.cookie);
});

test('a server without forwarding gets every channel as a command', async (t) => {
  const sshd = await startHost(t, {
    settings: { AllowStreamLocalForwarding: 'no', AllowTcpForwarding: 'no', DisableForwarding: 'yes' },
  });
  const link = await open(t, sshd);
  const channels = [await link.openChannel(), await link.openChannel(), await link.openChannel()];
  await Promise.all(channels.map((channel, index) => echoes(channel, `channel ${index}`)));
  assert.equal(commandsRun(sshd), 3);
});

test('a server with SFTP alone is worked on over SFTP, and why is said', async (t) => {
  const sshd = await startHost(t, { settings: { ForceCommand: 'internal-sftp' } });
  const link = await open(t, sshd, { silenceMs: 2000 });
  assert.equal(link.rung, 'sftp');
  assert.equal(link.daemon, undefined);
  assert.match(link.reason, /agent/);
  const sftp = await link.openSftp();
  const size = await new Promise<number>((resolve, reject) => {
    sftp.stat(sshd.authorizedKeysFile, (error, stats) => (error ? reject(error) : resolve(stats.size)));
  });
  assert.ok(size > 0);
});

test('a host without Node falls to SFTP, unless the agent is asked for', async (t) => {
  const sshd = await startHost(t);
  const noNode = { onlyNodePaths: true };
  const link = await open(t, sshd, noNode);
  assert.equal(link.rung, 'sftp');
  assert.match(link.reason, /no Node\.js/);
  await assert.rejects(open(t, sshd, { ...noNode, rungs: 'agent' }), /no Node\.js.*18 or newer/);
});

test('after a drop the next channel connects anew, to the same daemon', async (t) => {
  const sshd = await startHost(t);
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  sshd.addHost('proxied', { Port: `${proxy.port}` });
  const link = await open(t, sshd, {}, 'proxied');
  const channel = await link.openChannel();
  await echoes(channel, 'before');
  const before = link.daemon;
  const closed = new Promise<Error | undefined>((resolve) => link.onClose(resolve));
  const ended = new Promise((resolve) => channel.resume().once('close', resolve));
  proxy.reset();
  assert.match((await closed)?.message ?? '', /lost/);
  await ended;
  assert.equal(link.transport, undefined);
  await echoes(await link.openChannel(), 'after');
  assert.ok(before !== undefined && link.daemon !== undefined);
  assert.equal(compareDaemons(before, link.daemon), 'same');
});

test('a daemon that was killed is distinguished from a drop', async (t) => {
  const sshd = await startHost(t);
  const link = await open(t, sshd);
  const channel = await link.openChannel();
  const before = link.daemon;
  assert.ok(before !== undefined);
  const ended = new Promise((resolve) => channel.resume().once('close', resolve));
  stopProcess(before.pid, 'SIGKILL');
  await ended;
  await echoes(await link.openChannel(), 'after');
  assert.ok(link.daemon !== undefined);
  assert.equal(compareDaemons(before, link.daemon), 'restarted');
  assert.equal(compareDaemons(before, { ...link.daemon, bootId: 'another' }), 'rebooted');
});

test('a tree that an agent has served never falls to SFTP in a bad moment', async (t) => {
  const sshd = await startHost(t);
  const preferred = join(sshd.directory, 'node');
  symlinkSync(process.execPath, preferred);
  const link = await open(t, sshd, { nodePaths: [preferred], onlyNodePaths: true });
  const channel = await link.openChannel();
  assert.equal(link.rung, 'node');
  const ended = new Promise((resolve) => channel.resume().once('close', resolve));
  rmSync(preferred);
  stopProcess(link.daemon?.pid, 'SIGKILL');
  await ended;
  await assert.rejects(link.openChannel(), (error) => {
    assert.match(String(error), /no Node\.js/);
    return link.isTransient(error);
  });
  symlinkSync(process.execPath, preferred);
  await echoes(await link.openChannel(), 'back');
});

test('a link that is frozen, both ways or one way, is found dead within 15 s', {
  timeout: 60_000,
}, async (t) => {
  const sshd = await startHost(t);
  const frozen = async (
    transportKind: 'builtin' | 'system',
    direction: 'up' | 'down' | undefined,
  ): Promise<number> => {
    const proxy = await TcpProxy.start({ targetPort: sshd.port });
    t.after(() => proxy.dispose());
    const alias = `frozen-${transportKind}-${direction ?? 'both'}`;
    sshd.addHost(alias, { Port: `${proxy.port}` });
    const link = await open(t, sshd, { transportKind }, alias);
    const started = performance.now();
    proxy.stall(direction);
    return new Promise((resolve) => link.onClose(() => resolve((performance.now() - started) / 1000)));
  };
  const found = await Promise.all([
    frozen('builtin', undefined),
    frozen('builtin', 'up'),
    frozen('builtin', 'down'),
    frozen('system', undefined),
    frozen('system', 'up'),
  ]);
  // The bound that is promised, and a second for a machine that is busy with other tests.
  for (const seconds of found) assert.ok(seconds < 16, `found after ${found.join(', ')} s`);
});

test('connecting is given up when it is aborted', async (t) => {
  const sshd = await startHost(t);
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  proxy.stall('down');
  sshd.addHost('silent', { Port: `${proxy.port}`, ConnectTimeout: '2' });
  const abort = new AbortController();
  const aborted = open(t, sshd, { signal: abort.signal }, 'silent');
  abort.abort(new ConnectError('cancelled', 'not wanted any more'));
  await assert.rejects(aborted, /not wanted any more/);
  await assert.rejects(open(t, sshd, {}, 'silent'), (error) => {
    assert.ok(error instanceof ConnectError);
    assert.equal(error.failure, 'timeout');
    return true;
  });
});
