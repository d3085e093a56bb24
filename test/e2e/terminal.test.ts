// What the program asks a person: in a real pseudo-terminal, made by script(1).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeAccount } from '../fixtures/accounts';
import { type Host, startHost } from './host';

/** Longer than any of these takes on a busy machine. */
const PATIENCE_MS = 90_000;

let host: Host;
before(async () => {
  host = await startHost();
  writeFileSync(host.path('file'), 'content of the file');
});
after(() => host?.dispose());

/** Runs the program on a terminal; types each answer when its question has appeared. All that the screen showed. */
async function onTerminal(
  on: Host,
  args: readonly string[],
  answers: readonly (readonly [question: RegExp, answer: string])[],
): Promise<{ screen: string; code: number | null }> {
  const words = [
    process.execPath,
    path.join(on.cli.folder, 'dist/cli.js'),
    '-F',
    on.sshd.configFile,
    ...args,
  ];
  const command = words.map((word) => `'${word}'`).join(' ');
  const terminal = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
    env: { ...process.env, XDG_STATE_HOME: path.join(on.cli.folder, 'state') },
  });
  let screen = '';
  const waiting = [...answers];
  terminal.stdout.on('data', (chunk) => {
    screen += String(chunk);
    const [next] = waiting;
    if (next?.[0].test(screen)) {
      waiting.shift();
      terminal.stdin.write(`${next[1]}\r`);
    }
  });
  // A question that no answer is meant for would wait for ever.
  const patience = setTimeout(() => terminal.kill('SIGKILL'), PATIENCE_MS);
  await once(terminal, 'close');
  clearTimeout(patience);
  assert.deepEqual(waiting, [], `not asked; the screen showed:\n${screen}`);
  return { screen, code: terminal.exitCode };
}

test('an unknown host key is asked about once, and trusted from then on', async () => {
  // A file of its own: with /dev/null people say that nothing is to be remembered.
  host.sshd.addHost('asking', {
    UserKnownHostsFile: path.join(host.cli.folder, 'nobody-known'),
    StrictHostKeyChecking: 'ask',
  });
  const args = ['cat', host.cli.at(host.path('file'), 'asking')];
  const refused = await onTerminal(host, args, [[/Trust it from now on \(yes\/no\)\? /, 'no']]);
  assert.equal(refused.code, 1);
  assert.match(refused.screen, /SHA256:\S+/);
  assert.doesNotMatch(refused.screen, /content of the file/);
  const trusted = await onTerminal(host, args, [[/\(yes\/no\)\? /, 'yes']]);
  assert.equal(trusted.code, 0, trusted.screen);
  assert.match(trusted.screen, /content of the file/);
  const again = await onTerminal(host, args, []);
  assert.equal(again.code, 0, again.screen);
  assert.ok(existsSync(path.join(host.cli.folder, 'state/livemount/known_hosts')));
});

test('a password is asked for without showing it, and a wrong one again', async (t) => {
  const account = makeAccount('livemount-tty', '/bin/sh', 'correct horse');
  t.after(() => account.dispose());
  const theirs = await startHost({
    user: account.name,
    settings: { PasswordAuthentication: 'yes', PubkeyAuthentication: 'no' },
  });
  t.after(() => theirs.dispose());
  writeFileSync(path.join(account.home, 'file'), 'behind a password');
  const { screen, code } = await onTerminal(
    theirs,
    ['cat', theirs.cli.at(path.join(account.home, 'file'))],
    [
      [/Password of livemount-tty@\S+: $/, 'wrong staple'],
      [/Permission denied\. Password of livemount-tty@\S+: $/, 'correct horse'],
    ],
  );
  assert.equal(code, 0, screen);
  assert.match(screen, /behind a password/);
  assert.doesNotMatch(screen, /wrong staple|correct horse/);
});

test('control characters in a name do not reach the terminal', async () => {
  writeFileSync(host.path('\u001b[31mred'), '');
  const { screen } = await onTerminal(host, ['ls', host.cli.at(host.folder)], []);
  assert.match(screen, /\?\[31mred/);
  assert.equal(readFileSync(host.path('file'), 'utf8'), 'content of the file');
});

test('shell opens a login shell of the host in a folder, and ends with its status', async () => {
  const place = host.cli.at(host.folder);
  const { screen, code } = await onTerminal(host, ['shell', place], [[/[#$%>] ?/, 'echo at-$PWD-; exit 7']]);
  assert.equal(code, 7, screen);
  assert.match(screen, new RegExp(`at-${host.folder}-`));
});
