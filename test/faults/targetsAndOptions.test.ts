// What a link, a workspace, a prompt or a command line names as user, host and port, and what becomes of it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseLocation } from '../../src/cli/location';
import { decodeHost } from '../../src/extension/authority';
import { formatKnownHost, judgeHostKey, parseKnownHosts } from '../../src/ssh/auth/knownHosts';
import { LoginAnswers } from '../../src/ssh/auth/loginAnswers';
import type { HostConfig } from '../../src/ssh/config/hostConfig';
import { localMachine } from '../../src/ssh/config/localMachine';
import { resolveHost } from '../../src/ssh/config/resolveHost';
import { parseTarget } from '../../src/ssh/config/target';
import { ConnectError } from '../../src/ssh/connectError';
import { connectHost } from '../../src/ssh/connectHost';
import { serveAskpass } from '../../src/ssh/transport/askpass';
import { startSshd } from '../fixtures/sshd';
import { ScriptedPrompter } from '../ssh/prompts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'livemount-targets-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const isConfigurationError = (error: unknown) =>
  error instanceof ConnectError && error.failure === 'configuration';

/** What a link may carry as its host; none of it may reach a program. */
const MISCHIEF = [
  'x\nproxycommand touch /tmp/pwned@localhost',
  'x\r\nhostname elsewhere@localhost',
  '$(touch /tmp/pwned)@build',
  '`id`@build',
  'a;b@build',
  'a|b@build',
  'a&b@build',
  'a"b@build',
  "a'b@build",
  'a<b@build',
  'a(b)@build',
  'a{b}@build',
  'me -oProxyCommand=x@build',
  '-oProxyCommand=x@build',
  'me\\@build',
  'me\u0085@build',
  'me\u202e@build',
  'me@-oProxyCommand=x',
  'me@build\u0000',
  'me@build\u0007',
  'me@build\u202eelif',
  'me@build\nx',
  'me@a b',
  'me@$(id)',
  'me@a,b',
  'me@a*',
  'me@a?',
  'me@!a',
  'me@#a',
  `me@${'a'.repeat(5000)}`,
  `${'a'.repeat(5000)}@build`,
];

test('a link, a workspace or a command line cannot name a program as its user or host', () => {
  for (const text of MISCHIEF) {
    assert.throws(() => parseTarget(text), isConfigurationError, JSON.stringify(text));
    assert.throws(() => parseTarget(decodeHost(text)), isConfigurationError, JSON.stringify(text));
    if (!text.includes('\0')) assert.throws(() => parseLocation(`${text}:/tmp`), JSON.stringify(text));
  }
  const link = 'x+0aproxycommand+20touch+20+2ftmp+2fpwned@localhost';
  assert.throws(() => parseTarget(decodeHost(link)), isConfigurationError);
});

test('names that people have stay possible', () => {
  assert.deepEqual(parseTarget('CORP\\me@build'), { user: 'CORP\\me', host: 'build' });
  assert.deepEqual(parseTarget('first last@build'), { user: 'first last', host: 'build' });
  assert.deepEqual(parseTarget('me+tag@example.com@build'), { user: 'me+tag@example.com', host: 'build' });
  assert.deepEqual(parseTarget('prod/db'), { host: 'prod/db' });
  assert.deepEqual(parseTarget('me@vsock%3:2222'), { user: 'me', host: 'vsock%3', port: 2222 });
  assert.deepEqual(parseTarget('bücher.example'), { host: 'bücher.example' });
});

/** A program that answers `ssh -G` as told. */
function answering(t: TestContext, answer: string): string {
  const program = join(folder(t), 'ssh');
  writeFileSync(program, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\n`);
  chmodSync(program, 0o700);
  return program;
}

test('what ssh -G says is believed only if it is about what was asked', async (t) => {
  const target = parseTarget('me@build:2222');
  const whole = 'user me\nhostname build\nport 2222';
  await resolveHost(target, { sshProgram: answering(t, whole) });
  for (const answer of [
    `${whole}\nproxycommand touch /tmp/pwned\nproxycommand none`,
    `${whole}\nuser you`,
    `${whole}\nhostname other`,
    'user you\nhostname build\nport 2222',
    'user me\nhostname build\nport 22',
    'hostname build\nport 2222',
    'user me\nhostname build,other\nport 2222',
    'user me\nhostname $(id)\nport 2222',
  ]) {
    await assert.rejects(
      resolveHost(target, { sshProgram: answering(t, answer) }),
      isConfigurationError,
      answer,
    );
  }
});

test('a name from outside comes into no shell by a token', async (t) => {
  const place = folder(t);
  const config = join(place, 'config');
  const made = join(place, 'made');
  const run = (text: string, user: string) => {
    writeFileSync(config, `Host build\n  ${text}\n`);
    // Past the parser, as a user in the configuration itself is.
    return resolveHost(
      { host: 'build', user },
      { configFile: config, sshProgram: undefined, machine: localMachine() },
    );
  };
  for (const user of [`$(touch ${made})`, `x; touch ${made}`, `a b`, '*', '-x', "'"]) {
    await assert.rejects(run('ProxyCommand nc -X %r', user), isConfigurationError, user);
    await assert.rejects(run(`Match exec "test %r"`, user), isConfigurationError, user);
  }
  assert.equal(existsSync(made), false);
  const { proxyCommand } = await run('ProxyCommand nc -X %r %h %p', 'CORP\\me');
  assert.equal(proxyCommand, 'nc -X CORP\\me build 22');
});

const KEY = Buffer.from('AAAAC3NzaC1lZDI1NTE5AAAAIGm5x0zYh5nDyB8pVb1cJ3k4rYkQF0x1o2p3q4r5s6t7', 'base64');

test('a key that is trusted for one name is not taken for another', () => {
  for (const name of [
    'github.com,.evil.example',
    '*',
    'git?ub.com',
    '!github.com',
    '|1|x|y',
    '#x',
    '@x',
    'a b',
    '',
  ])
    assert.throws(() => formatKnownHost(name, KEY, false), isConfigurationError, name);
  const line = formatKnownHost('[evil.example]:2222', KEY, false);
  assert.equal(judgeHostKey(parseKnownHosts(line, 'f'), '[evil.example]:2222', KEY).kind, 'known');
  assert.equal(judgeHostKey(parseKnownHosts(line, 'f'), 'github.com', KEY).kind, 'unknown');
});

/** What an `ssh` that asks so gets for an answer; the program ends with 1 where there is none. */
async function asked(
  t: TestContext,
  question: string,
  options: {
    secrets?: LoginAnswers;
    prompter?: ScriptedPrompter;
    marksHostQuestions?: boolean;
    hop?: boolean;
  } = {},
): Promise<string | undefined> {
  const config = await resolveHost(parseTarget('me@127.0.0.1:2222'), { configFile: '/dev/null' });
  const askpass = await serveAskpass(folder(t), {
    config: { ...config, alias: 'evil', ...(options.hop && { proxyJump: ['jump'] }) } satisfies HostConfig,
    prompter: options.prompter ?? new ScriptedPrompter({}),
    secrets: options.secrets ?? new LoginAnswers(),
    marksHostQuestions: options.marksHostQuestions ?? true,
    masterPid: () => (options.hop ? -1 : process.pid),
  });
  t.after(() => askpass.dispose());
  const program = askpass.env.SSH_ASKPASS ?? '';
  return new Promise((resolve) => {
    execFile(program, [question], { env: { PATH: process.env.PATH } }, (error, stdout) =>
      resolve(error === null ? stdout.trimEnd() : undefined),
    );
  });
}

test('a host that asks for another host’s password does not get it', async (t) => {
  const secrets = new LoginAnswers();
  await secrets.accept('password root@prod', 'secret of prod', false);
  await secrets.accept('password root@prod:22', 'secret of prod', false);
  await secrets.accept('password me@127.0.0.1:2222', 'secret of this host', false);
  const prompter = new ScriptedPrompter({});
  assert.equal(await asked(t, "root@prod's password: ", { secrets, prompter }), undefined);
  // What was asked is shown as the words of this host.
  assert.deepEqual(
    prompter.interactive.map(({ host, prompts }) => [host, prompts[0]?.text]),
    [['evil', "root@prod's password: "]],
  );
  assert.equal(await asked(t, "me@127.0.0.1's password: ", { secrets }), 'secret of this host');
  assert.equal(await asked(t, '(me@127.0.0.1) Password: ', { secrets }), 'secret of this host');
  // Whatever it asks in its own name, it gets no more than its own.
  assert.equal(await asked(t, "(me@127.0.0.1) root@prod's password: ", { secrets }), 'secret of this host');
});

test('a hop gets what was given to this hop on this way, and nothing of the host behind it', async (t) => {
  const secrets = new LoginAnswers();
  await secrets.accept('password me@127.0.0.1:2222', 'secret of the host', false);
  assert.equal(await asked(t, "me@127.0.0.1's password: ", { secrets, hop: true }), undefined);
  const prompter = new ScriptedPrompter({ passwords: ['secret of the hop'] });
  assert.equal(await asked(t, "me@jump's password: ", { secrets, hop: true, prompter }), 'secret of the hop');
  assert.deepEqual(prompter.asked.passwords, [{ user: 'me', host: 'jump', wrong: false }]);
});

test('where ssh does not mark a host’s words, they do not get the passphrase of a key', async (t) => {
  const secrets = new LoginAnswers();
  await secrets.accept('passphrase /home/me/.ssh/id', 'secret of the key', false);
  const question = "Enter passphrase for key '/home/me/.ssh/id': ";
  assert.equal(await asked(t, question, { secrets, marksHostQuestions: true }), 'secret of the key');
  assert.equal(await asked(t, question, { secrets, marksHostQuestions: false }), undefined);
});

test('a ProxyCommand inherits nothing of ours that answers questions or changes programs', async (t) => {
  const sshd = await startSshd();
  t.after(() => sshd.dispose());
  const seen = join(sshd.directory, 'environment');
  const through = `ssh -F ${sshd.configFile} -W 127.0.0.1:${sshd.port} ${sshd.host}`;
  sshd.addHost('by-command', { ProxyCommand: `sh -c 'env >${seen}; exec ${through}'` });
  const { transport } = await connectHost('by-command', {
    configFile: sshd.configFile,
    transportKind: 'system',
  });
  transport.dispose();
  const environment = readFileSync(seen, 'utf8');
  assert.match(environment, /^PATH=/m);
  assert.doesNotMatch(environment, /LIVEMOUNT_ASKPASS|ELECTRON_RUN_AS_NODE/);
});
