// Configurations, keys, agents and homes as people have them: where `ssh HOST` works, so does Livemount.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Server } from 'ssh2';
import { daemonMemory, stateFolder } from '../../src/cli/stateFolder';
import { daemonIdentityOf } from '../../src/ssh/agent/hostAnswers';
import { listHosts } from '../../src/ssh/config/listHosts';
import { localMachine } from '../../src/ssh/config/localMachine';
import { resolveHost } from '../../src/ssh/config/resolveHost';
import { parseTarget } from '../../src/ssh/config/target';
import { ConnectError } from '../../src/ssh/connectError';
import { type ConnectHostOptions, connectHost } from '../../src/ssh/connectHost';
import { openHost } from '../../src/ssh/host';
import { stopProcess } from '../fixtures/processes';
import { freePort, makeKey, type Sshd, type SshdOptions, startSshd } from '../fixtures/sshd';
import { startAgent } from '../ssh/agents';
import { buildEchoAgent } from '../ssh/echoAgent';
import { failsWith } from '../ssh/failsWith';
import { ScriptedPrompter } from '../ssh/prompts';

async function startHost(t: TestContext, options?: SshdOptions): Promise<Sshd> {
  const sshd = await startSshd(options);
  t.after(() => sshd.dispose());
  return sshd;
}

/** Connects and leaves; fails as connecting does. */
async function visit(sshd: Sshd, alias: string, options: ConnectHostOptions = {}): Promise<void> {
  const { transport } = await connectHost(alias, { configFile: sshd.configFile, ...options });
  transport.dispose();
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'livemount-people-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Makes `authority` sign the test's key, and the host let in whom it signed. */
function certify(sshd: Sshd, keyFile: string): void {
  const authority = makeKey(join(sshd.directory, 'authority'), 'ed25519');
  execFileSync('ssh-keygen', ['-q', '-s', authority, '-I', 'test', '-n', sshd.user, `${keyFile}.pub`]);
  writeFileSync(sshd.authorizedKeysFile, `cert-authority ${readFileSync(`${authority}.pub`, 'utf8')}`);
}

test('IdentityFile may name a public key whose private half an agent holds', async (t) => {
  const sshd = await startHost(t, { settings: { MaxAuthTries: '2' } });
  const others = [1, 2, 3, 4].map((number) => makeKey(join(sshd.directory, `other${number}`), 'ed25519'));
  const socket = await startAgent(t, sshd.directory, [...others, sshd.identityFile]);
  const only = join(sshd.directory, 'only.pub');
  writeFileSync(only, readFileSync(`${sshd.identityFile}.pub`));
  for (const IdentitiesOnly of ['yes', 'no']) {
    const alias = `by-public-key-${IdentitiesOnly}`;
    sshd.addHost(alias, { IdentityFile: only, IdentitiesOnly, IdentityAgent: socket });
    await visit(sshd, alias, { transportKind: 'builtin' });
  }
});

test('a certificate beside the key is used', async (t) => {
  const sshd = await startHost(t);
  certify(sshd, sshd.identityFile);
  await visit(sshd, sshd.host);
  await failsWith(
    'authentication',
    visit(sshd, sshd.host, { transportKind: 'builtin' }),
    /system ssh program/,
  );
});

test('a certificate that only an agent holds is used', async (t) => {
  const sshd = await startHost(t);
  const key = makeKey(join(sshd.directory, 'held'), 'ed25519');
  certify(sshd, key);
  const socket = await startAgent(t, sshd.directory, [key]);
  for (const name of ['held', 'held.pub', 'held-cert.pub']) rmSync(join(sshd.directory, name));
  sshd.addHost('by-agent', { IdentityFile: 'none', IdentitiesOnly: 'no', IdentityAgent: socket });
  await visit(sshd, 'by-agent');
});

test('known hosts are found in files with spaces in their names', async (t) => {
  const sshd = await startHost(t);
  const place = join(sshd.directory, 'with space');
  mkdirSync(place);
  const [user, system] = [join(place, 'known  hosts'), join(place, 'of all')];
  writeFileSync(user, readFileSync(sshd.knownHostsFile));
  writeFileSync(system, readFileSync(sshd.knownHostsFile));
  const none = join(sshd.directory, 'none');
  sshd.addHost('user-file', { UserKnownHostsFile: `${none} "${user}"` });
  sshd.addHost('system-file', { UserKnownHostsFile: none, GlobalKnownHostsFile: `"${system}" ${none}` });
  for (const alias of ['user-file', 'system-file']) {
    await visit(sshd, alias, { transportKind: 'builtin' });
    await visit(sshd, alias, { transportKind: 'builtin', sshProgram: undefined });
  }
});

for (const records of ['/dev/null', 'a file'] as const) {
  test(`a machine that was made anew is let in with StrictHostKeyChecking no and known hosts in ${records}`, async (t) => {
    const sshd = await startHost(t, { settings: { PasswordAuthentication: 'yes' } });
    const own = join(sshd.directory, 'own');
    const settings = {
      StrictHostKeyChecking: 'no',
      UserKnownHostsFile: records === 'a file' ? own : records,
      HostKeyAlias: 'machine',
    };
    sshd.addHost('machine', settings);
    const hostKeyStore = join(sshd.directory, 'store');
    await visit(sshd, 'machine', { hostKeyStore, transportKind: 'builtin' });
    assert.equal(existsSync(hostKeyStore), records === 'a file');

    const anew = await startHost(t);
    writeFileSync(anew.authorizedKeysFile, readFileSync(`${sshd.identityFile}.pub`));
    sshd.addHost('made-anew', { ...settings, Port: `${anew.port}` });
    await visit(sshd, 'made-anew', { hostKeyStore, transportKind: 'builtin' });

    if (records !== 'a file') return;
    // What may be another machine gets no password.
    sshd.addHost('by-password', { ...settings, Port: `${anew.port}`, PubkeyAuthentication: 'no' });
    const prompter = new ScriptedPrompter({ passwords: ['secret'], interactive: [['secret']] });
    await failsWith(
      'authentication',
      visit(sshd, 'by-password', { hostKeyStore, prompter, transportKind: 'builtin' }),
      /let/,
    );
    assert.deepEqual([prompter.asked.passwords, prompter.interactive], [[], []]);
    sshd.addHost('asks', { ...settings, Port: `${anew.port}`, StrictHostKeyChecking: 'ask' });
    await failsWith(
      'host-key-changed',
      visit(sshd, 'asks', { hostKeyStore, transportKind: 'builtin' }),
      /record/,
    );
  });
}

test('a host that has had enough of our keys is not knocked at again and again', async (t) => {
  const sshd = await startHost(t, { settings: { MaxAuthTries: '2' } });
  const others = [1, 2, 3, 4].map((number) => makeKey(join(sshd.directory, `other${number}`), 'ed25519'));
  const socket = await startAgent(t, sshd.directory, others);
  sshd.addHost('crowded', { IdentityFile: 'none', IdentitiesOnly: 'no', IdentityAgent: socket });
  for (const transportKind of ['builtin', 'system'] as const) {
    const failure = await visit(sshd, 'crowded', { transportKind }).then(
      () => assert.fail('it let us in'),
      (error: unknown) => error,
    );
    assert.ok(failure instanceof ConnectError);
    assert.equal(failure.failure, 'authentication', failure.message);
    assert.equal(failure.isTransient, false);
    assert.match(failure.message, /[Tt]oo many authentication failures/);
  }
});

for (const [what, settings] of [
  ['a key exchange', { KexAlgorithms: 'sntrup761x25519-sha512@openssh.com' }],
  ['a MAC', { Ciphers: 'aes128-ctr', MACs: 'umac-128-etm@openssh.com' }],
] as const) {
  test(`a host with ${what} that only OpenSSH has is connected with OpenSSH`, async (t) => {
    const sshd = await startHost(t, { settings });
    await visit(sshd, sshd.host);
    await failsWith(
      'configuration',
      visit(sshd, sshd.host, { transportKind: 'builtin' }),
      /system ssh program/,
    );
    await failsWith('configuration', visit(sshd, sshd.host, { sshProgram: undefined }), /system ssh program/);
  });
}

test('a host that only a certificate authority vouches for is connected with OpenSSH', async (t) => {
  const sshd = await startHost(t);
  const authority = makeKey(join(sshd.directory, 'authority'), 'ed25519');
  const hostKey = join(sshd.directory, 'host_ed25519');
  execFileSync('ssh-keygen', ['-q', '-s', authority, '-I', 'host', '-h', '-n', sshd.host, `${hostKey}.pub`]);
  appendFileSync(join(sshd.directory, 'sshd_config'), `HostCertificate ${hostKey}-cert.pub\n`);
  process.kill(sshd.pid, 'SIGHUP');
  while ((sshd.log().match(/Server listening/g)?.length ?? 0) < 2) await delay(10);
  const known = join(sshd.directory, 'authorities');
  writeFileSync(known, `@cert-authority * ${readFileSync(`${authority}.pub`, 'utf8')}`);
  for (const StrictHostKeyChecking of ['yes', 'ask']) {
    const alias = `certified-${StrictHostKeyChecking}`;
    sshd.addHost(alias, { UserKnownHostsFile: known, StrictHostKeyChecking });
    const prompter = new ScriptedPrompter({});
    await visit(sshd, alias, { prompter });
    assert.deepEqual(prompter.asked.hostKeys, []);
  }
});

test('a host whose keys a KnownHostsCommand tells is connected with OpenSSH', async (t) => {
  const sshd = await startHost(t);
  sshd.addHost('told', {
    UserKnownHostsFile: join(sshd.directory, 'none'),
    KnownHostsCommand: `/bin/cat ${sshd.knownHostsFile}`,
  });
  await visit(sshd, 'told');
});

test('a damaged note of where the agent listens is forgotten', async (t) => {
  const sshd = await startHost(t, { settings: { SetEnv: `XDG_CACHE_HOME=${folder(t)}` } });
  const agent = await buildEchoAgent(`damaged notes ${process.pid}`);
  t.after(() => agent.dispose());
  const daemon = { pid: 1, cookie: 'x', bootId: 'x', socketPath: '/x', runtime: 'x' };
  for (const note of [
    '',
    'null',
    '{',
    '[]',
    '7',
    '{"rung":"node"}',
    '{"rung":"node","reason":"","daemon":{}}',
    JSON.stringify({ rung: 'node', reason: '', daemon: { ...daemon, socketPath: 7 } }),
    JSON.stringify({ rung: 'other', reason: '', daemon }),
  ]) {
    let kept = '';
    const link = await openHost(sshd.host, {
      configFile: sshd.configFile,
      payload: agent.payload,
      graceS: 0,
      daemonMemory: {
        get: async () => note,
        set: async (_key, value) => {
          kept = value;
        },
      },
    });
    t.after(() => link.dispose());
    const { pid } = link.daemon ?? assert.fail('no agent');
    t.after(() => stopProcess(pid));
    assert.equal(link.rung, 'node');
    assert.equal(daemonIdentityOf((JSON.parse(kept) as { daemon: unknown }).daemon)?.pid, pid, note);
    link.dispose();
  }
});

test('a home that cannot be written is no reason not to work', async (t) => {
  const place = folder(t);
  writeFileSync(join(place, 'file'), '');
  assert.equal(stateFolder({ XDG_STATE_HOME: join(place, 'file') }), undefined);
  // mkdir answers ENOENT below it, for ever.
  assert.equal(stateFolder({ XDG_STATE_HOME: '/proc' }), undefined);
  assert.equal(stateFolder({ XDG_STATE_HOME: join(place, 'a/b') }), join(place, 'a/b/livemount'));

  const memory = daemonMemory(join(place, 'no such folder'));
  await memory.set('key', 'value');
  assert.equal(await memory.get('key'), undefined);
});

test('a host key that cannot be recorded is trusted as long as the session lasts', async (t) => {
  const sshd = await startHost(t);
  sshd.addHost('unknown', { UserKnownHostsFile: join(sshd.directory, 'none'), StrictHostKeyChecking: 'ask' });
  writeFileSync(join(sshd.directory, 'file'), '');
  const logged: string[] = [];
  const prompter = new ScriptedPrompter({ trust: true });
  await visit(sshd, 'unknown', {
    transportKind: 'builtin',
    hostKeyStore: join(sshd.directory, 'file/known_hosts'),
    prompter,
    onLog: (line) => logged.push(line),
  });
  assert.match(logged.join('\n'), /not recorded/);
});

test('an alias with a slash is a host', async (t) => {
  const sshd = await startHost(t);
  sshd.addHost('prod/db', {});
  assert.ok(listHosts(sshd.configFile).includes('prod/db'));
  await visit(sshd, 'prod/db');
});

test('ForkAfterAuthentication stands in nobody’s way', async (t) => {
  const sshd = await startHost(t);
  sshd.addHost('forking', { ForkAfterAuthentication: 'yes' });
  for (const transportKind of ['builtin', 'system'] as const) {
    const { transport } = await connectHost('forking', { configFile: sshd.configFile, transportKind });
    t.after(() => transport.dispose());
    const { stream, stderr, exit } = await transport.exec('cat');
    stderr.resume();
    stream.end('through');
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    assert.equal(text, 'through');
    assert.deepEqual(await exit, { code: 0 });
  }
});

test('Include takes brackets and variables, as ssh has them', async (t) => {
  const home = folder(t);
  mkdirSync(join(home, '.ssh/conf.d'), { recursive: true });
  for (const name of ['10-a', '20-b', 'x-c', '-d', ']e', '3]f', 'Äg'])
    writeFileSync(
      join(home, '.ssh/conf.d', `${name}.conf`),
      `Host ${name.slice(-1)}\n  Port 2${name.charCodeAt(0)}\n`,
    );
  const machine = { ...localMachine(), home, env: { ...process.env, CONF: join(home, '.ssh/conf.d') } };
  const config = join(home, '.ssh/config');
  for (const pattern of [
    'conf.d/[0-9]*.conf',
    'conf.d/[!0-9]*.conf',
    'conf.d/[^x1]*.conf',
    'conf.d/[[:digit:]]*.conf',
    'conf.d/[[:alpha:]]*.conf',
    'conf.d/[]-]*.conf',
    'conf.d/[x-a1]*.conf',
    'conf.d/?-?.conf',
    'conf.d/[*.conf',
    'conf.d/\\[0*.conf',
  ]) {
    // ssh takes what is relative from its user's real home, so it gets the folder in full.
    writeFileSync(config, `Include ${join(home, '.ssh', pattern)}\n`);
    const found = listHosts(config, machine);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const bySsh = names.filter((name) => {
      const { stdout } = spawnSync('ssh', ['-F', config, '-G', '--', name], {
        encoding: 'utf8',
        env: machine.env,
      });
      return /^port 2\d+$/m.test(stdout) && !/^port 22$/m.test(stdout);
    });
    assert.deepEqual([...found].sort(), bySsh, pattern);
    for (const name of bySsh) {
      const read = await resolveHost(parseTarget(name), {
        configFile: config,
        sshProgram: undefined,
        machine,
      });
      assert.notEqual(read.port, 22, `${pattern} ${name}`);
    }
  }
  // Newer versions of ssh than may be here take variables as well.
  writeFileSync(config, `Include $${'{CONF}'}/1*.conf $${'{NOT_SET}'}/x ~/.ssh/conf.d/20*.conf\n`);
  assert.deepEqual(listHosts(config, machine), ['a', 'b']);
});

test('what is configured for a session of the user’s own changes nothing for ours', async (t) => {
  const sshd = await startHost(t);
  sshd.addHost('configured', {
    RemoteCommand: 'sudo -iu user',
    RequestTTY: 'force',
    LocalForward: `${await freePort()} 127.0.0.1:1`,
    StdinNull: 'yes',
    SessionType: 'none',
    LogLevel: 'QUIET',
    ControlMaster: 'auto',
    ControlPath: join(sshd.directory, 'of-the-user'),
    ControlPersist: '10',
  });
  for (const transportKind of ['builtin', 'system'] as const) {
    const { transport } = await connectHost('configured', { configFile: sshd.configFile, transportKind });
    t.after(() => transport.dispose());
    const { stream, stderr, exit } = await transport.exec('cat; echo said >&2');
    stream.end('through');
    let [text, said] = ['', ''];
    stderr.on('data', (chunk) => {
      said += String(chunk);
    });
    for await (const chunk of stream) text += String(chunk);
    assert.deepEqual([text, await exit], ['through', { code: 0 }], said);
    (await transport.sftp()).end();
  }
  assert.equal(existsSync(join(sshd.directory, 'of-the-user')), false);
});

test('LogLevel QUIET does not turn a refused login into a host that is away', async (t) => {
  const sshd = await startHost(t);
  writeFileSync(sshd.authorizedKeysFile, '');
  sshd.addHost('quiet', { LogLevel: 'QUIET' });
  await failsWith('authentication', visit(sshd, 'quiet', { transportKind: 'system' }), /Permission denied/);
});

test('a long name of the folder for temporary files, also with odd characters, is no obstacle', async (t) => {
  const sshd = await startHost(t);
  const usual = process.env.TMPDIR;
  t.after(() => {
    if (usual === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = usual;
  });
  for (const name of ['long '.repeat(30).trim(), 'a b', 'a%hb', "it's"]) {
    const odd = join(folder(t), name);
    mkdirSync(odd);
    process.env.TMPDIR = odd;
    await visit(sshd, sshd.host, { transportKind: 'system' });
    process.env.TMPDIR = usual ?? '/tmp';
  }
});

for (const type of ['rsa', 'ecdsa', 'ed25519'] as const) {
  test(`a key of type ${type} as OpenSSL writes it is read, locked or not`, async (t) => {
    const sshd = await startHost(t);
    const { publicKey, privateKey } = generate(type);
    writeFileSync(sshd.authorizedKeysFile, publicKey);
    for (const passphrase of [undefined, 'open sesame']) {
      const alias = passphrase === undefined ? 'open' : 'locked';
      const file = join(sshd.directory, alias);
      const lock = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem', ...lock } as never).toString();
      writeFileSync(file, pem.replace(/\n/g, '\r\n'), { mode: 0o600 });
      sshd.addHost(alias, { IdentityFile: file });
      const prompter = new ScriptedPrompter({ passphrases: ['wrong', 'open sesame'] });
      await visit(sshd, alias, { transportKind: 'builtin', prompter });
      assert.equal(prompter.asked.passphrases.length, passphrase === undefined ? 0 : 2);
    }
  });
}

/** A key pair of Node's making, the public half as it stands in authorized_keys. */
function generate(type: 'rsa' | 'ecdsa' | 'ed25519'): { publicKey: string; privateKey: KeyObject } {
  const { publicKey, privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : type === 'ecdsa'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  if (type === 'ed25519') {
    const { x = '' } = publicKey.export({ format: 'jwk' });
    const name = Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0 ', 'latin1');
    const blob = Buffer.concat([name, Buffer.from(x, 'base64url')]);
    return { publicKey: `ssh-ed25519 ${blob.toString('base64')}\n`, privateKey };
  }
  const file = join(tmpdir(), `livemount-public-${process.pid}-${type}`);
  writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
  try {
    const text = execFileSync('ssh-keygen', ['-i', '-m', 'PKCS8', '-f', file], { encoding: 'utf8' });
    return { publicKey: text, privateKey };
  } finally {
    rmSync(file);
  }
}

test('keys whose lines end as on Windows are read', async (t) => {
  const sshd = await startHost(t);
  const file = join(sshd.directory, 'crlf');
  writeFileSync(file, readFileSync(sshd.identityFile, 'utf8').replace(/\n/g, '\r\n'), { mode: 0o600 });
  sshd.addHost('crlf', { IdentityFile: file });
  await visit(sshd, 'crlf', { transportKind: 'builtin' });
});

test('a configuration and known hosts as an editor of Windows saves them are read', async (t) => {
  const sshd = await startHost(t);
  for (const file of [sshd.configFile, sshd.knownHostsFile])
    writeFileSync(file, `\ufeff${readFileSync(file, 'utf8').replace(/\n/g, '\r\n')}`);
  assert.deepEqual(listHosts(sshd.configFile), [sshd.host]);
  await visit(sshd, sshd.host, { transportKind: 'builtin', sshProgram: undefined });
});

test('the address to connect from is the configured one', async (t) => {
  const sshd = await startHost(t);
  sshd.addHost('bound', { BindAddress: '127.0.0.7' });
  const { transport } = await connectHost('bound', { configFile: sshd.configFile, transportKind: 'builtin' });
  t.after(() => transport.dispose());
  assert.match(sshd.log(), /Accepted publickey .* from 127\.0\.0\.7/);
});

test('what only OpenSSH does is left to OpenSSH', async (t) => {
  const sshd = await startHost(t);
  const lines = [
    'Host local',
    'HostName 127.0.0.1',
    `Port ${sshd.port}`,
    `IdentityFile ${sshd.identityFile}`,
    'IdentityAgent none',
    'NoHostAuthenticationForLocalhost yes',
    'StrictHostKeyChecking yes',
    `UserKnownHostsFile ${join(sshd.directory, 'none')}`,
  ];
  appendFileSync(sshd.configFile, `${lines.join('\n')}\n`);
  await visit(sshd, 'local');
});

test('what a server says before it hangs up is passed on', async (t) => {
  const server = createServer((socket) => socket.end('Not allowed at this time\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await failsWith(
    'unreachable',
    connectHost(`me@127.0.0.1:${port}`, { configFile: '/dev/null', transportKind: 'builtin' }),
    /Not allowed at this time/,
  );
});

test('a host that hangs up on our keys without a word is not knocked at again and again', async (t) => {
  const place = folder(t);
  const hostKey = makeKey(join(place, 'host'), 'ed25519');
  let attempts = 0;
  const server = new Server({ hostKeys: [readFileSync(hostKey)] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (login) => {
      if (login.method === 'none') return login.reject(['publickey']);
      if (++attempts < 3) return login.reject(['publickey']);
      return client.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const keys = [1, 2, 3, 4].map((number) => makeKey(join(place, `key${number}`), 'ed25519'));
  const config = join(place, 'config');
  const lines = [
    'Host small',
    'HostName 127.0.0.1',
    `Port ${port}`,
    ...keys.map((key) => `IdentityFile ${key}`),
    'IdentityAgent none',
    'StrictHostKeyChecking no',
    'UserKnownHostsFile /dev/null',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const failure = await connectHost('small', { configFile: config, transportKind: 'builtin' }).then(
    () => assert.fail('it let us in'),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof ConnectError);
  assert.equal(failure.failure, 'authentication', failure.message);
  assert.match(failure.message, /closed the connection.*IdentitiesOnly/);
});

test('an agent whose socket has spaces in its name, or is named by a variable, is asked', async (t) => {
  const sshd = await startHost(t);
  const place = join(sshd.directory, 'Group Containers');
  mkdirSync(place);
  const socket = await startAgent(t, place, [sshd.identityFile]);
  const machine = { ...localMachine(), env: { ...process.env, OWN_AGENT: socket } };
  for (const [alias, IdentityAgent] of [
    ['quoted', `"${socket}"`],
    ['variable', '$OWN_AGENT'],
  ] as const) {
    sshd.addHost(alias, { IdentityFile: 'none', IdentitiesOnly: 'no', IdentityAgent });
    await visit(sshd, alias, { transportKind: 'builtin', machine });
    await visit(sshd, alias, { transportKind: 'builtin', machine, sshProgram: undefined });
  }
});

for (const cipher of ['aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes256-cbc']) {
  test(`a key locked with ${cipher} is opened`, async (t) => {
    const sshd = await startHost(t);
    const args = ['-p', '-q', '-P', '', '-N', 'open sesame', '-Z', cipher, '-f', sshd.identityFile];
    execFileSync('ssh-keygen', args);
    const prompter = new ScriptedPrompter({ passphrases: ['open sesame'] });
    await visit(sshd, sshd.host, { prompter });
    assert.equal(prompter.asked.passphrases.length, 1);
  });
}

test('hops are named in every way that ssh takes', async (t) => {
  const hop = await startHost(t);
  const sshd = await startHost(t);
  writeFileSync(hop.authorizedKeysFile, readFileSync(`${sshd.identityFile}.pub`));
  const known = `[127.0.0.1]:${hop.port} ${hop.hostKeys[0]}\n`;
  writeFileSync(sshd.knownHostsFile, readFileSync(sshd.knownHostsFile, 'utf8') + known);
  const forms = [`${hop.user}@127.0.0.1:${hop.port}`, `ssh://${hop.user}@127.0.0.1:${hop.port}`];
  for (const [index, ProxyJump] of forms.entries()) {
    sshd.addHost(`behind-${index}`, { ProxyJump });
  }
  const identity = [
    'Host 127.0.0.1',
    `IdentityFile ${sshd.identityFile}`,
    'IdentityAgent none',
    `UserKnownHostsFile ${sshd.knownHostsFile}`,
  ];
  appendFileSync(sshd.configFile, `${identity.join('\n')}\n`);
  for (const index of forms.keys()) await visit(sshd, `behind-${index}`, { transportKind: 'builtin' });
});
