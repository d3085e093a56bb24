// An SSH host inside this process, for machines without an sshd: ssh2's own server, with what Livemount needs of one:
// public-key login, exec, and channels to Unix sockets. Everything runs as the user who started it, on loopback only.
import { spawn } from 'node:child_process';
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import ssh2 from 'ssh2';

const { Server, utils } = ssh2;

/** The same shape as the sshd of test/fixtures, as far as `npm start` uses it. */
export async function startSshd() {
  const directory = mkdtempSync(path.join(tmpdir(), 'livemount-host-'));
  const hostKey = utils.generateKeyPairSync('ed25519');
  const userKey = utils.generateKeyPairSync('ed25519');
  const identityFile = path.join(directory, 'identity');
  writeFileSync(identityFile, userKey.private, { mode: 0o600 });
  const knownHostsFile = path.join(directory, 'known_hosts');
  const configFile = path.join(directory, 'ssh_config');

  const sessions = new Set();
  const server = new Server({ hostKeys: [hostKey.private] }, (client) => {
    sessions.add(client);
    client.on('error', () => {}); // A client that goes away; its children end with their channels.
    client.on('close', () => sessions.delete(client));
    serve(client, utils.parseKey(userKey.public));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();

  writeFileSync(knownHostsFile, `livemount-embedded ${hostKey.public}\n`);
  return {
    port,
    configFile,
    addHost(alias, settings) {
      const lines = {
        HostName: '127.0.0.1',
        Port: port,
        User: userInfo().username,
        HostKeyAlias: 'livemount-embedded',
        IdentityFile: identityFile,
        IdentitiesOnly: 'yes',
        IdentityAgent: 'none',
        UserKnownHostsFile: knownHostsFile,
        GlobalKnownHostsFile: '/dev/null',
        StrictHostKeyChecking: 'yes',
        ...settings,
      };
      const text = Object.entries(lines).map(([keyword, value]) => `  ${keyword} ${value}\n`);
      appendFileSync(configFile, `Host ${alias}\n${text.join('')}\n`);
    },
    dispose() {
      for (const client of sessions) client.end();
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function serve(client, allowed) {
  client.on('authentication', (attempt) => {
    const known =
      attempt.method === 'publickey' &&
      attempt.key.data.length === allowed.getPublicSSH().length &&
      timingSafeEqual(attempt.key.data, allowed.getPublicSSH());
    const signed =
      known && (!attempt.signature || allowed.verify(attempt.blob, attempt.signature, attempt.hashAlgo));
    if (signed === true) attempt.accept();
    else attempt.reject(['publickey']);
  });
  client.on('ready', () => {
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => runCommand(acceptExec(), command));
    });
    client.on('openssh.streamlocal', (accept, reject, { socketPath }) => {
      const socket = createConnection(socketPath);
      socket.once('error', () => reject());
      socket.once('connect', () => {
        const channel = accept();
        socket.on('error', () => channel.close());
        channel.on('close', () => socket.destroy());
        channel.pipe(socket).pipe(channel);
      });
    });
  });
}

/** Runs a command in the user's shell, as sshd does. */
function runCommand(channel, command) {
  const shell = userInfo().shell ?? '/bin/sh';
  const child = spawn(shell, ['-c', command], { cwd: userInfo().homedir, stdio: 'pipe' });
  child.stdin.on('error', () => {}); // It ended without reading everything; its exit status tells the rest.
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.once('error', () => channel.exit(127));
  child.once('close', (code, signal) => {
    if (signal === null) channel.exit(code ?? 1);
    else channel.exit(signal.replace(/^SIG/, ''));
    channel.end();
  });
  channel.once('close', () => child.kill('SIGHUP'));
}
