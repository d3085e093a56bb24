// Without an agent: programs run over channels of the SSH connection.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Host, startHost } from '../e2e/host';
import { interruptedInTerminal } from './inTerminal';

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
    const script = 'tty; trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.1; done';
    const options = ['--reach', 'sftp', '--transport', transport];
    const { screen, exitCode } = await interruptedInTerminal(host, [
      ...options,
      ...['exec', '-t', host.at(''), '--', 'sh', '-c', script],
    ]);
    assert.match(screen, /\/dev\/pts\/\d+/);
    assert.match(screen, /interrupted/);
    assert.equal(exitCode, 5);
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
