// What people get wrong, and hosts that are not as they should be: one clear line, a status, and no hanging.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { makeAccount } from '../fixtures/accounts';
import { freePort, makeKey, type SshdOptions } from '../fixtures/sshd';
import { type Host, startHost } from './host';
import type { RunOptions } from './installation';

let host: Host;
before(async () => {
  host = await startHost();
});
after(() => host?.dispose());

async function another(t: TestContext, options: SshdOptions): Promise<Host> {
  const made = await startHost(options);
  t.after(() => made.dispose());
  return made;
}

/** Runs the program and expects it to fail with one line that matches. */
async function fails(
  on: Host,
  args: readonly string[],
  said: RegExp,
  options: RunOptions = {},
): Promise<void> {
  const { code, stdout, stderr } = await on.cli.run(args, options);
  assert.equal(code, 1, stderr);
  assert.equal(stdout.length, 0);
  assert.match(stderr, said);
  assert.equal(stderr.trim().split('\n').length, 1, `one line, not:\n${stderr}`);
}

test('a host that does not exist', () =>
  fails(host, ['ls', 'no-such-host.invalid:/'], /no-such-host\.invalid/));

test('a host where nobody listens', async () => {
  host.sshd.addHost('nobody-there', { Port: `${await freePort()}` });
  await fails(host, ['ls', 'nobody-there:/'], /nobody-there|127\.0\.0\.1/);
});

test('a key that the host refuses', async () => {
  const stranger = makeKey(path.join(host.folder, 'stranger'), 'ed25519');
  host.sshd.addHost('refusing', { IdentityFile: stranger });
  await fails(host, ['ls', 'refusing:/'], /refusing.*no terminal to ask on/i);
});

test('a host key that is not on record is refused where nobody can be asked', async () => {
  host.sshd.addHost('stranger-host', { UserKnownHostsFile: '/dev/null', StrictHostKeyChecking: 'ask' });
  await fails(
    host,
    ['ls', 'stranger-host:/'],
    /SHA256:\S+ of stranger-host is not on record.*no terminal to ask on/,
  );
});

test('a host key that is not the one on record', async () => {
  const other = makeKey(path.join(host.folder, 'other'), 'ed25519');
  const [type, base64] = readFileSync(`${other}.pub`, 'utf8').split(' ');
  const knownHosts = path.join(host.folder, 'changed_hosts');
  writeFileSync(knownHosts, `${host.sshd.host} ${type} ${base64}\n`);
  host.sshd.addHost('changed-host', { UserKnownHostsFile: knownHosts });
  await fails(host, ['ls', 'changed-host:/'], /changed-host shows.*ssh-keygen -R/);
});

test('a path that is not there', () =>
  fails(host, ['cat', host.at('missing')], /missing: there is no such file or folder/));

test('a folder where a file is wanted, and the other way round', async () => {
  writeFileSync(host.path('file'), 'content');
  await fails(host, ['cat', host.cli.at(host.folder)], /it is a folder/);
  await fails(host, ['ls', host.at('file/below')], /below: it is not a folder/);
  await fails(host, ['put', '-', host.cli.at(host.folder)], /it is a folder/);
});

test('links that lead nowhere, or in a circle', async () => {
  symlinkSync('nowhere', host.path('broken'));
  symlinkSync('circle', host.path('circle'));
  await fails(host, ['cat', host.at('broken')], /broken: there is no such file/);
  await fails(host, ['cat', host.at('circle')], /circle: its symbolic links lead in a circle/);
  const { code, stdout } = await host.cli.run(['ls', '-l', host.cli.at(host.folder)]);
  assert.equal(code, 0);
  assert.match(stdout.toString(), /broken -> nowhere\n.*circle -> circle/s);
});

test('a file of more than 2 GB is refused before it is read', async () => {
  writeFileSync(host.path('huge'), '');
  truncateSync(host.path('huge'), 5 * 2 ** 30);
  await fails(host, ['cat', host.at('huge')], /huge: it .*Files of 2 GB and more.*scp/);
});

test('a name that is no UTF-8 is listed with its bytes, and can be given back', async () => {
  mkdirSync(host.path('odd'));
  const raw = Buffer.from([0xe9, 0x74, 0xe9]);
  writeFileSync(Buffer.concat([Buffer.from(`${host.path('odd')}/`), raw]), 'été');
  const { stdout } = await host.cli.run(['ls', host.at('odd')]);
  assert.deepEqual(stdout, Buffer.concat([raw, Buffer.from('\n')]));
  // Beside it the file that a lossy reading of the name would mean.
  writeFileSync(host.path('odd/\ufffdt\ufffd'), 'another');
  const program = path.join(host.cli.folder, 'dist/cli.js');
  const command = `exec "$1" "$2" -F "$3" cat "$4/$(printf '\\351t\\351')"`;
  const words = [process.execPath, program, host.sshd.configFile, host.cli.at(host.path('odd'))];
  const found = spawnSync('/bin/sh', ['-c', command, 'sh', ...words], {
    encoding: 'utf8',
    env: { ...process.env, XDG_STATE_HOME: path.join(host.cli.folder, 'state') },
  });
  assert.deepEqual([found.stdout, found.stderr], ['été', '']);
});

test('a folder and a file without permission', async (t) => {
  const account = makeAccount('livemount-e2e', '/bin/sh');
  t.after(() => account.dispose());
  const theirs = await another(t, { user: account.name });
  chownSync(theirs.folder, account.uid, account.uid);
  mkdirSync(theirs.path('locked'));
  chmodSync(theirs.path('locked'), 0o700);
  writeFileSync(theirs.path('readonly'), 'content', { mode: 0o444 });
  mkdirSync(theirs.path('namesOnly'));
  writeFileSync(theirs.path('namesOnly/inside'), '');
  chownSync(theirs.path('namesOnly'), account.uid, account.uid);
  chmodSync(theirs.path('namesOnly'), 0o400);
  const names = await theirs.cli.run(['ls', '-l', theirs.at('namesOnly')]);
  assert.equal(names.code, 1);
  assert.match(names.stdout.toString(), /^-\?{9} .* inside$/m);
  assert.match(names.stderr, /namesOnly\/inside: your user on the host has no permission/);
  await fails(
    theirs,
    ['cp', theirs.at('readonly'), theirs.path('locked')],
    /locked\/readonly: your user on the host has no permission/,
  );
  await fails(theirs, ['ls', theirs.at('locked')], /locked: your user on the host has no permission/);
  await fails(
    theirs,
    ['put', '-', theirs.at('locked/new')],
    /locked\/new: your user on the host has no permission/,
  );
  assert.deepEqual(readFileSync(theirs.path('readonly'), 'utf8'), 'content');
});

test('a login script that prints, with and without a line break', async (t) => {
  const account = makeAccount('livemount-noisy', '/bin/bash');
  t.after(() => account.dispose());
  writeFileSync(path.join(account.home, '.bashrc'), 'echo Welcome to the machine; printf "no line break"\n');
  writeFileSync(path.join(account.home, 'file'), 'content');
  const noisy = await another(t, { user: account.name, settings: { SetEnv: `HOME=${account.home}` } });
  const { code, stdout, stderr } = await noisy.cli.run([
    'cat',
    noisy.cli.at(path.join(account.home, 'file')),
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.toString(), 'content');
});

test('a host that only allows SFTP still lists, reads and saves', async (t) => {
  const limited = await another(t, { settings: { ForceCommand: 'internal-sftp' } });
  writeFileSync(limited.path('file'), 'content');
  assert.equal((await limited.cli.run(['cat', limited.at('file')])).stdout.toString(), 'content');
  const { code, stderr } = await limited.cli.run(['put', '-', limited.at('file')], { stdin: 'changed' });
  assert.equal(code, 0, stderr);
  assert.equal(readFileSync(limited.path('file'), 'utf8'), 'changed');
  await fails(limited, ['ls', '--reach', 'agent', limited.cli.at(limited.folder)], /agent/);
});

test('a restricted account says what it printed', async (t) => {
  const expired = await another(t, {
    settings: { ForceCommand: 'echo This account has expired; exit 3', Subsystem: 'sftp /bin/false' },
  });
  await fails(expired, ['ls', expired.cli.at('/')], /This account has expired/);
});

test('a command line that is not understood is status 2, with the usage, and connects nowhere', async () => {
  for (const args of [['ls'], ['ls', 'no-place'], ['put', '-'], ['watch', '--jsn', 'x:/'], ['nonsense']]) {
    const { code, stdout, stderr } = await host.cli.run(args);
    assert.equal(code, 2, stderr);
    assert.equal(stdout.length, 0);
    assert.match(stderr, /usage: livemount/);
  }
  assert.equal(existsSync(path.join(host.cli.folder, 'state/livemount/known_hosts')), false);
});
