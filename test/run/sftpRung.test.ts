// Without an agent: programs run over channels of the SSH connection.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../e2e/eventually';
import { type Host, startHost } from '../e2e/host';

let host: Host;
before(async () => {
  host = await startHost();
  mkdirSync(host.path("a folder's"));
});
after(() => host?.dispose());

const exec = (...words: readonly string[]) => ['--reach', 'sftp', 'exec', ...words];

test('exec works over SFTP: folder, arguments, streams and status', async () => {
  const words = ['a b', '*', '$HOME', "'", '"', ''];
  const script = 'pwd; printf "[%s]" "$@"; cat; echo problem >&2; exit 42';
  const ran = await host.cli.run(exec(host.at("a folder's"), '--', 'sh', '-c', script, 'sh', ...words), {
    stdin: 'typed',
  });
  const printed = words.map((word) => `[${word}]`).join('');
  assert.equal(ran.stdout.toString(), `${host.path("a folder's")}\n${printed}typed`, ran.stderr);
  assert.match(ran.stderr, /^problem$/m);
  assert.equal(ran.code, 42);
  const killed = await host.cli.run(exec(host.at(''), '--', 'sh', '-c', 'kill -9 $$'));
  assert.equal(killed.code, 128 + 9);
  const nowhere = await host.cli.run(exec(host.at('none'), '--', 'true'));
  assert.equal(nowhere.code, 126);
});

for (const transport of ['builtin', 'system']) {
  test(`exec -t gives a terminal over SFTP, with the ${transport} transport`, async () => {
    const words = [
      process.execPath,
      path.join(host.cli.folder, 'dist/cli.js'),
      ...[
        '-F',
        host.sshd.configFile,
        '--reach',
        'sftp',
        '--transport',
        transport,
        'exec',
        '-t',
        host.at(''),
        '--',
      ],
      ...['sh', '-c', 'tty; trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.1; done'],
    ];
    const command = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const terminal = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
      env: { ...process.env, XDG_STATE_HOME: path.join(host.cli.folder, 'state') },
    });
    let screen = '';
    terminal.stdout.on('data', (chunk) => {
      screen += String(chunk);
    });
    await eventually('it is ready', () => screen.includes('ready'));
    terminal.stdin.write('\x03');
    await once(terminal, 'close');
    assert.match(screen, /\/dev\/pts\/\d+/);
    assert.match(screen, /interrupted/);
    assert.equal(terminal.exitCode, 5);
  });
}

test('a server for SFTP alone runs nothing, and that is said', async () => {
  const only = await startHost({ settings: { ForceCommand: 'internal-sftp' } });
  try {
    const ran = await only.cli.run(exec(only.at(''), '--', 'true'));
    assert.notEqual(ran.code, 0);
  } finally {
    only.dispose();
  }
});
