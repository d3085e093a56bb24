import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectHostOptions, connectHost } from '../../src/ssh/connectHost';
import { ConnectError } from '../../src/ssh/connectError';
import { LoginAnswers } from '../../src/ssh/auth/loginAnswers';
import type { SshTransport } from '../../src/ssh/transport/transport';
import { makeAccount } from '../fixtures/accounts';
import { type KeyType, makeKey, type Sshd, type SshdOptions, startSshd } from '../fixtures/sshd';
import { failsWith } from './failsWith';
import { ScriptedPrompter } from './prompts';

async function startHost(t: TestContext, options?: SshdOptions): Promise<Sshd> {
  const sshd = await startSshd(options);
  t.after(() => sshd.dispose());
  return sshd;
}

async function connect(
  t: TestContext,
  sshd: Sshd,
  options: ConnectHostOptions = {},
  alias = sshd.host,
): Promise<SshTransport> {
  const { transport } = await connectHost(alias, { configFile: sshd.configFile, ...options });
  t.after(() => transport.dispose());
  return transport;
}

async function output(transport: SshTransport, command: string): Promise<string> {
  const { stream, stderr, exit } = await transport.exec(command);
  stderr.resume();
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  assert.deepEqual(await exit, { code: 0 });
  return text;
}

for (const transportKind of ['builtin', 'system'] as const) {
  for (const type of ['ed25519', 'rsa', 'ecdsa'] as KeyType[]) {
    test(`${transportKind}: a host with a key of type ${type} lets in a key of type ${type}`, async (t) => {
      const sshd = await startHost(t, { hostKeys: [type], userKey: { type } });
      const transport = await connect(t, sshd, { transportKind });
      assert.equal(await output(transport, 'echo "$SSH_CONNECTION" | wc -w'), '4\n');
    });
  }

  test(`${transportKind}: a locked key asks for its passphrase`, async (t) => {
    const sshd = await startHost(t, { userKey: { passphrase: 'open sesame' } });
    const prompter = new ScriptedPrompter({ passphrases: ['open sesame'] });
    const transport = await connect(t, sshd, { transportKind, prompter });
    assert.equal(await output(transport, 'echo in'), 'in\n');
    assert.deepEqual(prompter.asked.passphrases, [{ keyFile: sshd.identityFile, wrong: false }]);
  });

  test(`${transportKind}: a password is asked for`, async (t) => {
    const account = makeAccount(`livemount-pw-${transportKind}`, '/bin/sh', 'correct horse');
    t.after(() => account.dispose());
    const sshd = await startHost(t, { user: account.name, settings: { PasswordAuthentication: 'yes' } });
    sshd.addHost('by-password', { PubkeyAuthentication: 'no' });
    const prompter = new ScriptedPrompter({ passwords: ['correct horse'] });
    const transport = await connect(t, sshd, { transportKind, prompter }, 'by-password');
    assert.equal(await output(transport, 'id -un'), `${account.name}\n`);
  });

  test(`${transportKind}: a host is reached through two others`, async (t) => {
    const first = await startHost(t);
    const second = await startHost(t);
    const target = await startHost(t);
    const [hopA, hopB] = [`root@127.0.0.1:${first.port}`, `root@127.0.0.1:${second.port}`];
    for (const [address, sshd] of [
      [`127.0.0.1`, first],
      [`127.0.0.1`, second],
    ] as const) {
      // The hops are named by address, so their settings come from a line for that address.
      const keys = `[${address}]:${sshd.port} ${sshd.hostKeys[0]}\n`;
      writeFileSync(target.knownHostsFile, readFileSync(target.knownHostsFile, 'utf8') + keys);
      writeFileSync(sshd.authorizedKeysFile, readFileSync(`${target.identityFile}.pub`));
    }
    target.addHost('127.0.0.1', { HostKeyAlias: 'none', Port: '22' });
    const config = readFileSync(target.configFile, 'utf8').replace(/ {2}HostKeyAlias none\n/, '');
    writeFileSync(target.configFile, config);
    target.addHost('behind', { ProxyJump: `${hopA},${hopB}` });
    const transport = await connect(t, target, { transportKind }, 'behind');
    assert.equal(await output(transport, 'echo there'), 'there\n');
    assert.match(first.log(), /Accepted publickey/);
    assert.match(second.log(), /Accepted publickey/);
  });

  test(`${transportKind}: a ProxyCommand carries the connection`, async (t) => {
    const outer = await startHost(t);
    const sshd = await startHost(t);
    sshd.addHost('by-command', { ProxyCommand: `ssh -F ${outer.configFile} -W %h:%p ${outer.host}` });
    const transport = await connect(t, sshd, { transportKind }, 'by-command');
    assert.equal(await output(transport, 'echo there'), 'there\n');
  });

  test(`${transportKind}: a changed host key is refused before anything else`, async (t) => {
    const sshd = await startHost(t);
    const other = makeKey(join(sshd.directory, 'other'), 'ed25519');
    writeFileSync(sshd.knownHostsFile, `${sshd.host} ${readFileSync(`${other}.pub`, 'utf8')}`);
    await failsWith('host-key-changed', connect(t, sshd, { transportKind }), /known_hosts:1|CHANGED/);
    assert.doesNotMatch(sshd.log(), /Accepted|Failed|userauth/);
  });

  test(`${transportKind}: a revoked host key is refused`, async (t) => {
    const sshd = await startHost(t);
    writeFileSync(sshd.knownHostsFile, `@revoked * ${sshd.hostKeys[0]}\n${sshd.host} ${sshd.hostKeys[0]}\n`);
    await failsWith('host-key-revoked', connect(t, sshd, { transportKind }), /revoked/i);
  });

  test(`${transportKind}: an unknown host key asks, with its fingerprint`, async (t) => {
    const sshd = await startHost(t);
    writeFileSync(sshd.knownHostsFile, '');
    sshd.addHost('unknown', {
      StrictHostKeyChecking: 'ask',
      UserKnownHostsFile: join(sshd.directory, 'none'),
    });
    const refusing = new ScriptedPrompter({ trust: false });
    await failsWith(
      'host-key-unknown',
      connect(t, sshd, { transportKind, prompter: refusing }, 'unknown'),
      /ey/,
    );
    assert.match(refusing.asked.hostKeys[0]?.fingerprint ?? '', /^SHA256:[A-Za-z0-9+/]{43}$/);
    const trusting = new ScriptedPrompter({ trust: true });
    const transport = await connect(t, sshd, { transportKind, prompter: trusting }, 'unknown');
    assert.equal(await output(transport, 'echo trusted'), 'trusted\n');
  });

  test(`${transportKind}: a key that is not wanted is said to be`, async (t) => {
    const sshd = await startHost(t);
    writeFileSync(sshd.authorizedKeysFile, '');
    await failsWith('authentication', connect(t, sshd, { transportKind }), /publickey/);
  });

  test(`${transportKind}: nobody listens`, async (t) => {
    const sshd = await startHost(t);
    sshd.addHost('nobody', { Port: '1' });
    await failsWith('unreachable', connect(t, sshd, { transportKind }, 'nobody'), /refuse/);
  });

  test(`${transportKind}: sftp and a Unix socket are reached over the same connection`, async (t) => {
    const sshd = await startHost(t);
    const transport = await connect(t, sshd, { transportKind });
    const sftp = await transport.sftp();
    const names = await new Promise<string[]>((resolve, reject) => {
      sftp.readdir(sshd.directory, (error, list) =>
        error ? reject(error) : resolve(list.map((e) => e.filename)),
      );
    });
    assert.ok(names.includes('authorized_keys'));
    sftp.end();
    const { createServer } = await import('node:net');
    const server = createServer((socket) => socket.end('from the socket')).listen(
      join(sshd.directory, 'sock'),
    );
    t.after(() => {
      server.close();
    });
    const channel = await transport.openStreamLocal(join(sshd.directory, 'sock'));
    let text = '';
    for await (const chunk of channel) text += String(chunk);
    assert.equal(text, 'from the socket');
  });

  test(`${transportKind}: much data arrives whole, both ways, also at a reader that is slow to start`, async (t) => {
    const sshd = await startHost(t);
    const transport = await connect(t, sshd, { transportKind });
    const bytes = 40 << 20;
    const { stream, stderr, exit } = await transport.exec(`tee /dev/stderr | head -c ${bytes}`);
    const content = Buffer.alloc(1 << 20, 'livemount, a remote filesystem ');
    const [sent, echoed, alsoEchoed] = [createHash('sha256'), createHash('sha256'), createHash('sha256')];
    const sending = (async () => {
      for (let at = 0; at < bytes; at += content.length) {
        sent.update(content);
        if (!stream.write(content)) await once(stream, 'drain');
      }
      stream.end();
    })();
    const reading = (async () => {
      // Long enough for every window on the way to fill up.
      await delay(300);
      for await (const chunk of stream) echoed.update(chunk);
    })();
    for await (const chunk of stderr) alsoEchoed.update(chunk);
    await Promise.all([sending, reading]);
    const expected = sent.digest('hex');
    assert.equal(echoed.digest('hex'), expected);
    assert.equal(alsoEchoed.digest('hex'), expected);
    assert.equal((await exit).code, 0);
  });

  test(`${transportKind}: a lost connection is reported once, with a reason`, async (t) => {
    const sshd = await startHost(t);
    const transport = await connect(t, sshd, { transportKind });
    const reason = new Promise<Error | undefined>((resolve) => transport.onClose(resolve));
    sshd.dispose();
    assert.ok((await reason) instanceof ConnectError);
  });
}

for (const transportKind of ['builtin', 'system'] as const) {
  test(`${transportKind}: a passphrase that worked is not asked for again in this session`, async (t) => {
    const sshd = await startHost(t, { userKey: { passphrase: 'open sesame' } });
    const kept = new Map<string, string>();
    const secrets = new LoginAnswers({
      get: async (key) => kept.get(key),
      set: async (key, secret) => void kept.set(key, secret),
      delete: async (key) => void kept.delete(key),
    });
    const prompter = new ScriptedPrompter({ passphrases: ['wrong', 'open sesame'] });
    await connect(t, sshd, { transportKind, prompter, secrets });
    await connect(t, sshd, { transportKind, prompter, secrets });
    assert.deepEqual(
      prompter.asked.passphrases.map(({ wrong }) => wrong),
      [false, true],
    );
    assert.equal(kept.size, 0);
  });
}

test('a closed password prompt gives up without trying further', async (t) => {
  const sshd = await startHost(t, { settings: { PasswordAuthentication: 'yes' } });
  sshd.addHost('by-password', { PubkeyAuthentication: 'no' });
  const prompter = new ScriptedPrompter({});
  await failsWith('cancelled', connect(t, sshd, { prompter }, 'by-password'), /cancelled/);
});

test('a newly trusted key goes to our own store, and is known next time', async (t) => {
  const sshd = await startHost(t, { hostKeys: ['rsa', 'ed25519'] });
  const hostKeyStore = join(sshd.directory, 'store/known_hosts');
  const UserKnownHostsFile = join(sshd.directory, 'none');
  sshd.addHost('unknown', { StrictHostKeyChecking: 'accept-new', UserKnownHostsFile });
  await connect(t, sshd, { hostKeyStore }, 'unknown');
  sshd.addHost('strict', { StrictHostKeyChecking: 'yes', UserKnownHostsFile });
  await connect(t, sshd, { hostKeyStore }, 'strict');
  await failsWith('host-key-unknown', connect(t, sshd, {}, 'strict'), /ssh-keyscan/);
});

test('of several host keys the one on record is asked for', async (t) => {
  const sshd = await startHost(t, { hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
  writeFileSync(sshd.knownHostsFile, `${sshd.host} ${sshd.hostKeys[2]}\n`);
  await connect(t, sshd);
});

test('a user certificate goes through the system program', async (t) => {
  const { execFileSync } = await import('node:child_process');
  const sshd = await startHost(t, { settings: {} });
  const authority = makeKey(join(sshd.directory, 'ca'), 'ed25519');
  execFileSync('ssh-keygen', [
    '-q',
    '-s',
    authority,
    '-I',
    'test',
    '-n',
    sshd.user,
    `${sshd.identityFile}.pub`,
  ]);
  const publicKey = readFileSync(`${authority}.pub`, 'utf8');
  writeFileSync(sshd.authorizedKeysFile, `cert-authority ${publicKey}`);
  sshd.addHost('certified', { CertificateFile: `${sshd.identityFile}-cert.pub` });
  await failsWith(
    'authentication',
    connect(t, sshd, { transportKind: 'builtin' }, 'certified'),
    /system ssh program/,
  );
  const transport = await connect(t, sshd, {}, 'certified');
  assert.equal(await output(transport, 'echo certified'), 'certified\n');
});
