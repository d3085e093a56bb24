import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AuthContext, Server } from 'ssh2';
import { connectHost } from '../../src/ssh/connectHost';
import { ConnectError } from '../../src/ssh/connectError';
import { LoginAnswers } from '../../src/ssh/auth/loginAnswers';
import { makeKey } from '../fixtures/sshd';
import { ScriptedPrompter } from './prompts';

/**
 * A server of ssh2 that decides on logins itself, for what OpenSSH only does with PAM. `startServer` returns the
 * configuration file, in which it is called `server`.
 */
async function startServer(t: TestContext, decide: (login: AuthContext) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-server-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const keyFile = makeKey(join(folder, 'host'), 'ed25519');
  const server = new Server({ hostKeys: [readFileSync(keyFile)] }, (client) => {
    client.on('authentication', decide);
    client.on('error', () => {}); // The other side ends without ceremony.
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const config = join(folder, 'config');
  writeFileSync(join(folder, 'known'), `[127.0.0.1]:${port} ${readFileSync(`${keyFile}.pub`, 'utf8')}`);
  writeFileSync(
    config,
    `Host server\n HostName 127.0.0.1\n Port ${port}\n User me\n IdentityFile none\n IdentityAgent none\n` +
      ` UserKnownHostsFile ${folder}/known\n StrictHostKeyChecking yes\n`,
  );
  return config;
}

test('several prompts in several rounds are passed on as they are', async (t) => {
  const configFile = await startServer(t, (login) => {
    if (login.method !== 'keyboard-interactive') return login.reject(['keyboard-interactive']);
    const first = [
      { prompt: 'Password: ', echo: false },
      { prompt: 'Favourite colour: ', echo: true },
    ];
    return login.prompt(first, 'Two questions', 'Answer both', (answers) => {
      if (answers.join() !== 'secret,blue') return login.reject();
      return login.prompt([{ prompt: 'Code: ', echo: false }], (codes) => {
        if (codes.join() === '123456') login.accept();
        else login.reject();
      });
    });
  });
  const prompter = new ScriptedPrompter({ interactive: [['secret', 'blue'], ['123456']] });
  const { transport } = await connectHost('server', { configFile, prompter });
  t.after(() => transport.dispose());
  assert.deepEqual(prompter.interactive[0], {
    host: 'server',
    name: 'Two questions',
    instructions: 'Answer both',
    prompts: [
      { text: 'Password: ', echo: false },
      { text: 'Favourite colour: ', echo: true },
    ],
  });
});

test('a host that wants two factors gets the second after the first', async (t) => {
  let passed = false;
  const configFile = await startServer(t, (login) => {
    if (login.method === 'password' && login.password === 'one') {
      passed = true;
      return login.reject(['keyboard-interactive'], true);
    }
    if (login.method !== 'keyboard-interactive' || !passed) return login.reject(['password']);
    return login.prompt([{ prompt: 'Code: ', echo: false }], ([code]) =>
      code === 'two' ? login.accept() : login.reject(),
    );
  });
  const prompter = new ScriptedPrompter({ passwords: ['one'], interactive: [['two']] });
  const { transport } = await connectHost('server', { configFile, prompter });
  transport.dispose();
  assert.equal(prompter.asked.passwords.length, 1);
});

test('a password that is asked for interactively is asked for once a session', async (t) => {
  const configFile = await startServer(t, (login) => {
    if (login.method !== 'keyboard-interactive') return login.reject(['keyboard-interactive']);
    return login.prompt([{ prompt: "me@server's Password: ", echo: false }], ([password]) =>
      password === 'correct horse' ? login.accept() : login.reject(['keyboard-interactive']),
    );
  });
  const prompter = new ScriptedPrompter({ passwords: ['wrong', 'correct horse'] });
  const secrets = new LoginAnswers();
  for (const _connection of [1, 2]) {
    const { transport } = await connectHost('server', { configFile, prompter, secrets });
    transport.dispose();
  }
  assert.deepEqual(
    prompter.asked.passwords.map(({ wrong }) => wrong),
    [false, true],
  );
});

test('nobody is asked for a password that the host would not take', async (t) => {
  const configFile = await startServer(t, (login) => login.reject(['publickey']));
  const prompter = new ScriptedPrompter({ passwords: ['never asked for'] });
  await assert.rejects(connectHost('server', { configFile, prompter }), /accepts publickey/);
  assert.deepEqual(prompter.asked.passwords, []);
});

test('no secret stands in the error or the log', async (t) => {
  const configFile = await startServer(t, (login) => login.reject(['password', 'keyboard-interactive']));
  const passwords = ['hunter2', 'hunter3', 'hunter4'];
  const prompter = new ScriptedPrompter({ passwords: [...passwords] });
  const logged: string[] = [];
  const failure: unknown = await connectHost('server', {
    configFile,
    prompter,
    onLog: (line) => logged.push(line),
  }).then(
    () => assert.fail('it let us in'),
    (error) => error,
  );
  assert.ok(failure instanceof ConnectError);
  assert.equal(failure.failure, 'authentication');
  assert.deepEqual(
    prompter.asked.passwords.map(({ wrong }) => wrong),
    [false, true, true],
  );
  assert.doesNotMatch(`${failure.stack}${logged.join()}`, /hunter/);
});
