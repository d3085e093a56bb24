// The program ssh of Windows, played by what is here: it shares no connection, and its words are a little different.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type LocalMachine, localMachine } from '../../src/ssh/config/localMachine';
import { resolveHost } from '../../src/ssh/config/resolveHost';
import { ConnectError } from '../../src/ssh/connectError';
import { connectHost } from '../../src/ssh/connectHost';
import { startSshd } from '../fixtures/sshd';
import { ScriptedPrompter } from './prompts';
import { temporaryFolder } from '../fixtures/temporaryFolder';
import { WINDOWS } from './windows';

const folder = (t: TestContext) => temporaryFolder(t, 'platforms');

test('what OpenSSH of Windows answers is read', async (t) => {
  const program = join(folder(t), 'ssh');
  const answer = [
    'host build',
    'user me',
    'hostname build',
    'port 22',
    'identityfile ~/.ssh/id_ed25519',
    'identityfile ~\\.ssh\\work',
    'identityfile C:\\\\keys\\\\100%%.pem',
    'userknownhostsfile C:\\\\Users\\\\me/.ssh/known_hosts NUL',
    'globalknownhostsfile __PROGRAMDATA__\\\\ssh/ssh_known_hosts',
  ];
  // Its lines end as lines do there.
  writeFileSync(program, `#!/bin/sh\ncat <<'END'\n${answer.join('\r\n').replaceAll('\\\\', '\\')}\r\nEND\n`);
  chmodSync(program, 0o700);
  const config = await resolveHost({ host: 'build' }, { sshProgram: program, machine: WINDOWS });
  assert.deepEqual(config.identityFiles, [
    'C:\\Users\\first last/.ssh/id_ed25519',
    'C:\\Users\\first last\\.ssh\\work',
    'C:\\keys\\100%.pem',
  ]);
  assert.deepEqual(config.userKnownHostsFiles, ['C:\\Users\\me/.ssh/known_hosts']);
  assert.deepEqual(config.globalKnownHostsFiles, ['D:\\ProgramData\\ssh/ssh_known_hosts']);
  assert.equal(config.user, 'me');
});

test('ssh of Windows, which shares no connection and asks nobody, carries commands, SFTP and TCP', async (t) => {
  const sshd = await startSshd();
  t.after(() => sshd.dispose());
  const machine: LocalMachine = { ...localMachine(), platform: 'win32' };
  const prompter = new ScriptedPrompter({});
  const options = { configFile: sshd.configFile, transportKind: 'system', machine, prompter } as const;
  const { transport } = await connectHost(sshd.host, options);
  t.after(() => transport.dispose());
  const { stream, stderr, exit } = await transport.exec('cat; exit 7');
  stderr.resume();
  stream.end('through');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  assert.deepEqual([text, await exit], ['through', { code: 7 }]);
  (await transport.sftp()).end();
  const greeting = await transport.openTcp('127.0.0.1', sshd.port);
  const first: unknown = await new Promise((resolve) => greeting.once('data', resolve));
  greeting.destroy();
  assert.match(String(first), /^SSH-2\.0/);
  // The agent is then reached by a command, as where the server forbids it.
  await assert.rejects(
    transport.openStreamLocal('/x'),
    (error: unknown) => error instanceof ConnectError && error.failure === 'forbidden',
  );

  writeFileSync(sshd.authorizedKeysFile, '');
  await assert.rejects(connectHost(sshd.host, options), (error: unknown) => {
    assert.ok(error instanceof ConnectError);
    assert.equal(error.failure, 'authentication');
    assert.match(error.message, /ssh-add/);
    return true;
  });
  assert.deepEqual(prompter.asked.passwords, []);
});
