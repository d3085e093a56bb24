import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type AgentChannel, type BootstrapOptions, bootstrap } from '../../src/ssh/agent/bootstrap';
import { ConnectError } from '../../src/ssh/connectError';
import { NoRuntimeError } from '../../src/ssh/agent/noRuntime';
import { makeAccount } from '../fixtures/accounts';
import { isAlive, stopProcess } from '../fixtures/processes';
import { type Sshd, type SshdOptions, startSshd } from '../fixtures/sshd';
import { connectTo } from './connectTo';
import { buildEchoAgent, echoes } from './echoAgent';

let agent: Awaited<ReturnType<typeof buildEchoAgent>>;
before(async () => {
  agent = await buildEchoAgent(`bootstrap test ${process.pid}`);
});
after(() => agent.dispose());

async function startHost(t: TestContext, options: SshdOptions = {}): Promise<Sshd> {
  const sshd = await startSshd(options);
  t.after(() => sshd.dispose());
  return sshd;
}

async function start(
  t: TestContext,
  sshd: Sshd,
  options: BootstrapOptions & { user?: string } = {},
  payload = agent.payload,
): Promise<AgentChannel> {
  const transport = await connectTo(sshd, options);
  t.after(() => transport.dispose());
  const started = await bootstrap(transport, payload, { graceS: 0, silenceMs: 10_000, ...options });
  t.after(() => stopProcess(started.daemon.pid));
  return started;
}

test('the agent is sent once, then found by its hash', async (t) => {
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${cacheBase(t)}` } });
  const uploads: [number, number][] = [];
  const first = await start(t, sshd, { onUpload: (sent, total) => uploads.push([sent, total]) });
  assert.equal(first.uploaded, true);
  assert.deepEqual(uploads.at(-1)?.[0], uploads.at(-1)?.[1]);
  await echoes(first.channel, 'first');
  const second = await start(t, sshd);
  assert.equal(second.uploaded, false);
  await echoes(second.channel, 'second');
  assert.deepEqual(second.daemon, first.daemon);
});

test('several clients at once start one daemon', async (t) => {
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${cacheBase(t)}` } });
  const started = await Promise.all(Array.from({ length: 5 }, () => start(t, sshd, { graceS: 30 })));
  assert.equal(new Set(started.map(({ daemon }) => daemon.cookie)).size, 1);
  await Promise.all(started.map(({ channel }, index) => echoes(channel, `client ${index}`)));
});

test('the daemon ends after the grace time and leaves neither process, socket nor log', async (t) => {
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${cacheBase(t)}` } });
  const { channel, daemon } = await start(t, sshd);
  assert.equal(isAlive(daemon.pid), true);
  channel.end();
  while (isAlive(daemon.pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(
    readdirSync('/tmp/livemount-0').filter((name) =>
      name.startsWith(daemon.socketPath.split('/').pop() ?? ''),
    ),
    [],
  );
});

test('a daemon that was killed is replaced', async (t) => {
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${cacheBase(t)}` } });
  const first = await start(t, sshd, { graceS: 30 });
  const ended = new Promise((resolve) => first.channel.resume().once('close', resolve));
  stopProcess(first.daemon.pid, 'SIGKILL');
  await ended;
  const second = await start(t, sshd);
  assert.notEqual(second.daemon.cookie, first.daemon.cookie);
  assert.equal(second.daemon.bootId, first.daemon.bootId);
  await echoes(second.channel, 'again');
});

for (const shell of [
  '/bin/sh',
  '/bin/bash',
  '/bin/dash',
  '/usr/bin/zsh',
  '/usr/bin/fish',
  '/bin/csh',
  '/usr/bin/tcsh',
]) {
  test(`a login shell ${shell} with a noisy rc file is survived`, async (t) => {
    const name = `livemount-${shell.split('/').pop()}`;
    const account = makeAccount(name, shell);
    t.after(() => account.dispose());
    mkdirSync(join(account.home, '.config/fish'), { recursive: true });
    for (const file of ['.bashrc', '.profile', '.zshenv', '.cshrc', '.config/fish/config.fish']) {
      writeFileSync(
        join(account.home, file),
        'echo "Welcome! 0123456789abcdef it\'s noisy"\necho -n no newline\n',
      );
    }
    const sshd = await startHost(t, { user: name });
    const started = await start(t, sshd);
    await echoes(started.channel, 'hello');
    started.channel.destroy();
    while (isAlive(started.daemon.pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

test('a host without Node says so, and what it is', async (t) => {
  const sshd = await startHost(t, { settings: { SetEnv: 'PATH=/nonexistent' } });
  const failure = await start(t, sshd, { onlyNodePaths: true }).then(
    () => assert.fail('it started'),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof NoRuntimeError);
  assert.equal(failure.host.os, 'Linux');
  assert.ok(['glibc', 'musl'].includes(failure.host.libc));
  assert.match(failure.message, /no Node\.js was found.*18 or newer/);
});

test('a Node that is too old is named', async (t) => {
  const sshd = await startHost(t);
  const old = join(sshd.directory, 'node');
  writeFileSync(old, '#!/bin/sh\necho v16.20.2\n', { mode: 0o755 });
  await assert.rejects(
    start(t, sshd, { nodePaths: [old], onlyNodePaths: true }),
    /too old \(.*node=v16\.20\.2\)/,
  );
});

test('a cache folder of someone else is refused and the next one is taken', async (t) => {
  const account = makeAccount('livemount-owner', '/bin/sh');
  t.after(() => account.dispose());
  const base = cacheBase(t);
  mkdirSync(base);
  symlinkSync(account.home, join(base, 'livemount'));
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${base}` } });
  const started = await start(t, sshd);
  const stored = dirname(programOf(started));
  t.after(() => rmSync(stored, { recursive: true }));
  assert.equal(dirname(stored), '/tmp/livemount-0');
  await echoes(started.channel, 'elsewhere');
  assert.deepEqual(
    readdirSync(account.home).filter((name) => !name.startsWith('.')),
    [],
  );
});

/** Mounts a tmpfs for this test and returns its folder. */
function mountTmpfs(t: TestContext, options: string): string {
  const folder = mkdtempSync('/tmp/livemount-test-mount-');
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'livemount-test', folder]);
  t.after(() => {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** The host's view of the file that a started daemon runs. */
function programOf({ daemon }: AgentChannel): string {
  const [, ...args] = readFileSync(`/proc/${daemon.pid}/cmdline`, 'utf8').split('\0');
  return args.find((argument) => !argument.startsWith('-')) ?? '';
}

test('a full disk is passed over for the next folder', async (t) => {
  const full = mountTmpfs(t, 'size=4k');
  const next = cacheBase(t);
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${full} XDG_RUNTIME_DIR=${next}` } });
  const started = await start(t, sshd);
  await echoes(started.channel, 'next');
  assert.ok(programOf(started).startsWith(next), programOf(started));
  assert.deepEqual(
    readdirSync(join(full, 'livemount'), { recursive: true }).filter((name) => /agent/.test(String(name))),
    [],
  );
});

test('a read-only home is passed over for the next folder', async (t) => {
  const readOnly = mountTmpfs(t, 'ro');
  const next = cacheBase(t);
  const sshd = await startHost(t, {
    settings: { SetEnv: `XDG_CACHE_HOME=${readOnly} XDG_RUNTIME_DIR=${next}` },
  });
  assert.ok(programOf(await start(t, sshd)).startsWith(next));
});

test('a folder mounted noexec is passed over where a native module has to be loaded', async (t) => {
  const noexec = mountTmpfs(t, 'noexec');
  const next = cacheBase(t);
  const sshd = await startHost(t, {
    settings: { SetEnv: `XDG_CACHE_HOME=${noexec} XDG_RUNTIME_DIR=${next}` },
  });
  const content = Buffer.from('a native module');
  const part = {
    sha256: createHash('sha256').update(content).digest('hex'),
    packed: async () => gzipSync(content),
  };
  const natives = new Map(
    ['glibc', 'musl'].map((libc) => [`${process.platform}-${process.arch}-${libc}`, part]),
  );
  const started = await start(t, sshd, {}, { ...agent.payload, natives });
  const program = programOf(started);
  assert.ok(program.startsWith(next), program);
  assert.deepEqual(readFileSync(join(dirname(program), 'koffi.node')), content);
  assert.equal(statSync(dirname(program)).mode & 0o777, 0o700);
});

test('a damaged cached agent is replaced', async (t) => {
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${cacheBase(t)}` } });
  const first = await start(t, sshd);
  const program = programOf(first);
  writeFileSync(program, readFileSync(program, 'utf8').slice(0, 1000));
  const second = await start(t, sshd);
  assert.equal(second.uploaded, true);
  await echoes(second.channel, 'whole again');
});

test('a new version takes the place of those that were not used for long', async (t) => {
  const cache = cacheBase(t);
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${cache}` } });
  const forgotten = dirname(programOf(await start(t, sshd)));
  const used = join(dirname(forgotten), 'a'.repeat(32));
  mkdirSync(used);
  const longAgo = Date.now() / 1000 - 40 * 24 * 60 * 60;
  utimesSync(forgotten, longAgo, longAgo);
  const newer = await buildEchoAgent(`pruning ${process.pid}`);
  t.after(() => newer.dispose());
  const present = dirname(programOf(await start(t, sshd, {}, newer.payload)));
  assert.deepEqual(
    readdirSync(dirname(present)).sort(),
    [used, present].map((path) => basename(path)).sort(),
  );
});

test('a cache that cannot even be made is passed over', async (t) => {
  const next = cacheBase(t);
  const settings = { SetEnv: `XDG_CACHE_HOME=/proc/no/cache XDG_RUNTIME_DIR=${next}` };
  const sshd = await startHost(t, { settings });
  assert.ok(programOf(await start(t, sshd)).startsWith(next));
});

test('a login without a home folder is served from the temporary folder', async (t) => {
  const account = makeAccount('livemount-homeless', '/bin/sh');
  t.after(() => account.dispose());
  rmSync(account.home, { recursive: true });
  const sshd = await startHost(t, { user: account.name });
  const started = await start(t, sshd);
  assert.ok(programOf(started).startsWith(`/tmp/livemount-${account.uid}/`), programOf(started));
  started.channel.destroy();
  while (isAlive(started.daemon.pid)) await new Promise((resolve) => setTimeout(resolve, 20));
});

test('two versions of the agent run beside each other', async (t) => {
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${cacheBase(t)}` } });
  const newer = await buildEchoAgent(`newer ${process.pid}`);
  t.after(() => newer.dispose());
  const [one, two] = await Promise.all([start(t, sshd), start(t, sshd, {}, newer.payload)]);
  assert.notEqual(one.daemon.pid, two.daemon.pid);
  assert.notEqual(one.daemon.socketPath, two.daemon.socketPath);
});

test('what a restricted login prints is in the error', async (t) => {
  const sshd = await startHost(t, { settings: { ForceCommand: 'echo This account has expired; exit 3' } });
  await assert.rejects(start(t, sshd), (error: unknown) => {
    assert.ok(error instanceof ConnectError);
    assert.match(error.message, /status 3; it printed: This account has expired/);
    return true;
  });
});

let nextCache = 0;
/** A fresh place for XDG_CACHE_HOME that is removed with the test. */
function cacheBase(t: TestContext): string {
  const path = `/tmp/livemount-test-cache-${process.pid}-${nextCache++}`;
  t.after(() => {
    if (existsSync(path)) rmSync(path, { recursive: true, force: true });
  });
  return path;
}

test('a login whose start files wait is said to be what keeps the agent, which starts once they end', async (t) => {
  const sshd = await startHost(t, { ownHome: true });
  assert.ok(sshd.home !== undefined);
  const waits = join(sshd.home, 'waits');
  writeFileSync(waits, '');
  writeFileSync(join(sshd.home, '.bashrc'), `while [ -e ${waits} ]; do sleep 0.1; done\n`);
  t.after(() => rmSync(waits, { force: true }));
  await assert.rejects(start(t, sshd, { silenceMs: 1000 }), (error: unknown) => {
    assert.ok(error instanceof ConnectError);
    assert.equal(error.failure, 'agent');
    assert.match(
      error.message,
      /^the login on the host did not get to the agent within 1 s: its start files/,
    );
    return true;
  });
  rmSync(waits);
  await echoes((await start(t, sshd)).channel, 'after the wait');
});

test('a host that starts the command, and no agent, is not said to have slow start files', async (t) => {
  const sshd = await startHost(t, { ownHome: true });
  assert.ok(sshd.home !== undefined);
  const slow = join(sshd.home, 'node');
  writeFileSync(slow, '#!/bin/sh\nexec sleep 5\n', { mode: 0o755 });
  const options = { silenceMs: 1500, nodePaths: [slow], onlyNodePaths: true };
  await assert.rejects(start(t, sshd, options), /the host did not start the agent within/);
});

test('start files that become another shell are what keeps the agent, too', async (t) => {
  const sshd = await startHost(t, { ownHome: true });
  assert.ok(sshd.home !== undefined);
  writeFileSync(join(sshd.home, '.bashrc'), 'exec /bin/sh\n');
  await assert.rejects(start(t, sshd, { silenceMs: 1000 }), /did not get to the agent .*: its start files/);
});
