// What is different on Windows and macOS, with the platform as an argument: these tests run on any of them.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stateFolder } from '../../src/cli/stateFolder';
import { terminalFiles } from '../../src/cli/ttyPrompter';
import { agentSocketOf } from '../../src/ssh/auth/agentSocket';
import { configFiles, includedFiles } from '../../src/ssh/config/configReader';
import { proxyInvocation } from '../../src/ssh/transport/dial';
import { isAtLeast, parseVersion } from '../../src/ssh/transport/sshProgram';
import { temporaryFolder } from '../fixtures/temporaryFolder';
import { WINDOWS } from './windows';

const folder = (t: TestContext) => temporaryFolder(t, 'platforms');

test('the agent of Windows is found by its pipe, Pageant after OpenSSH’s own', () => {
  const agent = (pipes: string[], env = {}, identityAgent?: string) =>
    agentSocketOf({ ...(identityAgent && { identityAgent }) }, env, 'win32', () => pipes);
  assert.equal(agent(['x', 'openssh-ssh-agent']), '\\\\.\\pipe\\openssh-ssh-agent');
  assert.equal(agent(['pageant.me.0123', 'openssh-ssh-agent']), '\\\\.\\pipe\\openssh-ssh-agent');
  assert.equal(agent(['pageant.me.0123']), '\\\\.\\pipe\\pageant.me.0123');
  assert.equal(agent(['x']), undefined);
  assert.equal(agent(['openssh-ssh-agent'], { SSH_AUTH_SOCK: '\\\\.\\pipe\\own' }), '\\\\.\\pipe\\own');
  assert.equal(agent(['openssh-ssh-agent'], {}, 'none'), undefined);
  assert.equal(agent(['openssh-ssh-agent'], {}, '\\\\.\\pipe\\configured'), '\\\\.\\pipe\\configured');
});

test('elsewhere only a variable or the configuration names an agent', () => {
  const pipes = () => assert.fail('asked for pipes');
  for (const platform of ['linux', 'darwin'] as const) {
    assert.equal(agentSocketOf({}, {}, platform, pipes), undefined);
    assert.equal(agentSocketOf({}, { SSH_AUTH_SOCK: '/run/agent' }, platform, pipes), '/run/agent');
    assert.equal(agentSocketOf({}, { SSH_AUTH_SOCK: '' }, platform, pipes), undefined);
  }
});

test('a ProxyCommand is run by the shell of the machine', () => {
  assert.deepEqual(proxyInvocation('nc a 22', {}, 'darwin'), {
    program: '/bin/sh',
    args: ['-c', 'exec nc a 22'],
    isVerbatim: false,
  });
  const command = '"C:\\Program Files\\connect.exe" -S proxy a 22';
  assert.deepEqual(proxyInvocation(command, { ComSpec: 'C:\\Windows\\cmd.exe' }, 'win32'), {
    program: 'C:\\Windows\\cmd.exe',
    args: ['/d', '/s', '/c', `"${command}"`],
    isVerbatim: true,
  });
  assert.equal(proxyInvocation(command, {}, 'win32').program, 'cmd.exe');
});

test('questions go to the terminal itself, whatever it is called', () => {
  assert.equal(terminalFiles('linux').input, '/dev/tty');
  assert.equal(terminalFiles('darwin').output, '/dev/tty');
  const console = terminalFiles('win32');
  assert.deepEqual([console.input, console.output], ['\\\\.\\CONIN$', '\\\\.\\CONOUT$']);
  assert.deepEqual([console.inputFlags, console.outputFlags], ['r+', 'r+']);
});

test('the configuration is where OpenSSH of the platform has it', () => {
  assert.deepEqual(
    configFiles(WINDOWS).map(({ path }) => path),
    ['C:\\Users\\first last\\.ssh\\config', 'D:\\ProgramData\\ssh\\ssh_config'],
  );
  assert.deepEqual(
    configFiles({ ...WINDOWS, home: '/Users/me', platform: 'darwin' }).map(({ path }) => path),
    ['/Users/me/.ssh/config', '/etc/ssh/ssh_config'],
  );
});

test('Include takes paths with either separator on Windows', (t) => {
  const home = folder(t);
  mkdirSync(join(home, 'conf.d'));
  writeFileSync(join(home, 'conf.d/1.conf'), '');
  const from = { path: 'unused', includeFolder: home };
  for (const pattern of ['conf.d\\*.conf', 'conf.d/[0-9].conf'])
    assert.equal(includedFiles(pattern, from, WINDOWS).length, 1, pattern);
  assert.deepEqual(includedFiles('C:\\nowhere\\a.conf', from, WINDOWS), ['C:/nowhere/a.conf']);
});

test('the version of ssh is read on every platform', () => {
  assert.deepEqual(parseVersion('OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19'), { major: 9, minor: 2 });
  assert.deepEqual(parseVersion('OpenSSH_for_Windows_8.6p1, LibreSSL 3.4.3'), { major: 8, minor: 6 });
  assert.deepEqual(parseVersion('OpenSSH_10.2p1, LibreSSL 3.3.6'), { major: 10, minor: 2 });
  assert.deepEqual(parseVersion('dropbear v2022.83'), { major: 0, minor: 0 });
  assert.equal(isAtLeast({ major: 10, minor: 0 }, { major: 8, minor: 5 }), true);
  assert.equal(isAtLeast({ major: 8, minor: 4 }, { major: 8, minor: 5 }), false);
});

test('the command line keeps its notes where the platform wants them', (t) => {
  const place = folder(t);
  assert.equal(
    stateFolder({ LOCALAPPDATA: place, XDG_STATE_HOME: '/nowhere' }, 'win32'),
    join(place, 'livemount'),
  );
  assert.equal(stateFolder({}, 'win32'), undefined);
  assert.equal(stateFolder({ XDG_STATE_HOME: place }, 'darwin'), join(place, 'livemount'));
});
