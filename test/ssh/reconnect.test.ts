import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { LinkState, Vfs } from '../../src/client/vfs';
import { type HostLink, openHost } from '../../src/ssh/host';
import { stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { makeKey, type Sshd, type SshdOptions, startSshd } from '../fixtures/sshd';
import { realAgent } from './realAgent';

interface Setting {
  readonly sshd: Sshd;
  readonly proxy: TcpProxy;
  readonly link: HostLink;
  readonly vfs: Vfs;
  readonly folder: string;
  readonly cache: string;
}

/** A tree on a real host, which can be lost and changed before it is connected again. */
async function connected(t: TestContext, options: SshdOptions = {}): Promise<Setting> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-reconnect-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const cache = `${folder}.cache`;
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const sshd = await startSshd({
    ...options,
    settings: { ...options.settings, SetEnv: `XDG_CACHE_HOME=${cache}` },
  });
  t.after(() => sshd.dispose());
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  sshd.addHost('proxied', { Port: `${proxy.port}` });
  const agent = await realAgent(`reconnect test ${process.pid} ${folder}`);
  t.after(() => agent.dispose());
  const link = await openHost('proxied', {
    configFile: sshd.configFile,
    payload: agent.payload,
    graceS: 60,
  });
  t.after(() => {
    if (link.daemon !== undefined) stopProcess(link.daemon.pid);
  });
  const vfs = await connectVfs(link, { graceS: 60 });
  t.after(() => vfs.dispose());
  writeFileSync(join(folder, 'file'), 'content');
  return { sshd, proxy, link, vfs, folder, cache };
}

/** Resolves with the reason once the tree is in a state for a reason that fits. */
function told(vfs: Vfs, wanted: LinkState, reason = /(?:)/): Promise<string> {
  return new Promise((resolve) => {
    const listening = vfs.onStateChange((state, why) => {
      if (state !== wanted || !reason.test(why)) return;
      listening.dispose();
      resolve(why);
    });
  });
}

/** Connections that the server has taken so far. */
function logins(sshd: Sshd): number {
  return sshd.log().split('Connection from').length - 1;
}

/** Longer than the first waits of the schedule: an attempt that should not be made would have been. */
const NO_ATTEMPT_MS = 3500;

test('another host key after a drop stops the attempts and is said; put right, asking for it connects again', async (t) => {
  const { sshd, proxy, vfs, folder } = await connected(t);
  const known = readFileSync(sshd.knownHostsFile, 'utf8');
  const other = readFileSync(`${makeKey(join(sshd.directory, 'other'), 'ed25519')}.pub`, 'utf8');
  writeFileSync(sshd.knownHostsFile, `${sshd.host} ${other}`);
  const refused = told(vfs, 'reconnecting', /key/i);
  proxy.reset();
  assert.match(await refused, /known_hosts/, 'the reason names the record');
  const before = logins(sshd);
  await new Promise((resolve) => setTimeout(resolve, NO_ATTEMPT_MS));
  assert.equal(logins(sshd), before, 'nothing was tried that waiting cannot help');
  writeFileSync(sshd.knownHostsFile, known);
  const back = told(vfs, 'connected');
  vfs.reconnect();
  await back;
  assert.equal((await vfs.readFile(join(folder, 'file'))).toString(), 'content');
});

test('a login that is refused after a drop is not tried again and again', async (t) => {
  const { sshd, proxy, vfs } = await connected(t);
  const authorized = readFileSync(sshd.authorizedKeysFile, 'utf8');
  writeFileSync(sshd.authorizedKeysFile, '');
  const refused = told(vfs, 'reconnecting', /did not let/);
  proxy.reset();
  await refused;
  const before = logins(sshd);
  await new Promise((resolve) => setTimeout(resolve, NO_ATTEMPT_MS));
  assert.equal(logins(sshd), before);
  writeFileSync(sshd.authorizedKeysFile, authorized);
  const back = told(vfs, 'connected');
  vfs.reconnect();
  await back;
});

test('an agent whose folder was removed while it runs serves on, and is sent again when it has ended', async (t) => {
  const { proxy, link, vfs, folder, cache } = await connected(t);
  const daemon = link.daemon;
  assert.ok(daemon !== undefined && existsSync(cache));
  // All its threads have loaded what they need once it tells an event.
  const heard = new Promise<void>((resolve) => {
    const watch = vfs.watch(folder, { recursive: true }, () => resolve());
    t.after(() => watch.dispose());
    void watch.ready.then(() => writeFileSync(join(folder, 'new'), ''));
  });
  await heard;
  rmSync(cache, { recursive: true });
  let lost = told(vfs, 'reconnecting');
  proxy.reset();
  await lost;
  await vfs.writeFile(join(folder, 'file'), Buffer.from('saved'), {
    create: false,
    overwrite: true,
    expect: 'any',
  });
  assert.equal(link.daemon?.cookie, daemon.cookie);
  lost = told(vfs, 'reconnecting');
  const back = told(vfs, 'connected', /started anew/);
  stopProcess(daemon.pid, 'SIGKILL');
  await lost;
  await back;
  assert.ok(existsSync(cache), 'the agent was stored again');
  assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'saved');
  await vfs.writeFile(join(folder, 'file'), Buffer.from('again'), {
    create: false,
    overwrite: true,
    expect: 'any',
  });
  assert.notEqual(link.daemon?.cookie, daemon.cookie);
});

/** The host is started anew, as far as its logins can see: all its processes are gone, and the boot has another name. */
function reboot({ sshd, link, proxy }: Setting): void {
  const bootId = join(sshd.directory, 'boot_id');
  writeFileSync(bootId, '01234567-89ab-cdef-0123-456789abcdef\n');
  const place = '/proc/sys/kernel/random/boot_id';
  execFileSync('nsenter', ['--target', `${sshd.pid}`, '--mount', 'mount', '--bind', bootId, place]);
  if (link.daemon !== undefined) stopProcess(link.daemon.pid, 'SIGKILL');
  for (const pid of sshd.connections()) stopProcess(pid, 'SIGKILL');
  proxy.reset();
}

test('a drop, an agent that was killed and a host that was rebooted are distinguished', async (t) => {
  const setting = await connected(t, { ownMounts: true });
  const { vfs, link, proxy, folder } = setting;
  const file = join(folder, 'file');
  const first = link.daemon;
  assert.ok(first !== undefined);
  const comesBack = async (lose: () => void): Promise<string> => {
    const lost = told(vfs, 'reconnecting');
    const back = told(vfs, 'connected');
    lose();
    await lost;
    return back;
  };
  const content = async () => (await vfs.readFile(file)).toString();
  assert.equal(await comesBack(() => proxy.reset()), '');
  assert.equal(await comesBack(() => stopProcess(first.pid, 'SIGKILL')), 'the agent was started anew');
  assert.notEqual(link.daemon?.cookie, first.cookie);
  assert.equal(link.daemon?.bootId, first.bootId);
  assert.equal(await content(), 'content');
  assert.equal(await comesBack(() => reboot(setting)), 'the host was started anew');
  assert.notEqual(link.daemon?.bootId, first.bootId);
  // Nothing of what was known before counts.
  writeFileSync(file, 'after the reboot');
  assert.equal(await content(), 'after the reboot');
  assert.equal(await comesBack(() => proxy.reset()), '');
});
