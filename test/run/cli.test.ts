// exec, shell and forward with the built program over a real sshd.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { eventually } from '../e2e/eventually';
import { type Host, startHost } from '../e2e/host';
import { interruptedInTerminal } from './inTerminal';
import { isAlive, stopProcess } from '../fixtures/processes';

let host: Host;
before(async () => {
  host = await startHost();
  mkdirSync(host.path('a folder'));
});
after(() => host?.dispose());

test('exec runs a program in a folder, with its three streams, and ends as it ends', async () => {
  const script = 'pwd; cat; echo problem >&2; exit 42';
  const ran = await host.cli.run(['exec', host.at('a folder'), '--', 'sh', '-c', script], {
    stdin: 'typed\n',
  });
  assert.equal(ran.stdout.toString(), `${host.path('a folder')}\ntyped\n`);
  assert.match(ran.stderr, /^problem$/m);
  assert.equal(ran.code, 42);
});

test('exec gives arguments on as they are', async () => {
  const words = ['a b', '*', '$HOME', "'", '"', '', '-n', '--help'];
  const ran = await host.cli.run(['exec', host.at(''), '--', 'printf', '[%s]', ...words]);
  assert.equal(ran.stdout.toString(), words.map((word) => `[${word}]`).join(''));
});

test('exec says a signal as a shell does, and its own failures with 255', async () => {
  const killed = await host.cli.run(['exec', host.at(''), '--', 'sh', '-c', 'kill -9 $$']);
  assert.equal(killed.code, 128 + 9);
  const nowhere = await host.cli.run(['exec', host.at('none'), '--', 'true']);
  assert.equal(nowhere.code, 255);
  assert.match(nowhere.stderr, /none/);
  const unreachable = await host.cli.run(['exec', 'no-such-host.invalid:/', '--', 'true']);
  assert.equal(unreachable.code, 255);
});

test('exec gives a program the environment of a login, and none of the agent’s own variables', async () => {
  const ran = await host.cli.run(['exec', host.at(''), '--', 'env', '-0']);
  assert.equal(ran.code, 0, ran.stderr);
  const variables = ran.stdout.toString().split('\0').filter(Boolean);
  const names = variables.map((variable) => variable.slice(0, variable.indexOf('=')));
  const own = /^(UV_|NODE_|LIVEMOUNT_|SSH_|GIT_ASKPASS$|DISPLAY$)/;
  assert.deepEqual(
    names.filter((name) => own.test(name)),
    [],
  );
  for (const name of ['HOME', 'PATH', 'SHELL', 'USER', 'LIVEMOUNT']) assert.ok(names.includes(name), name);
});

test('exec carries a gigabyte of binary data in and out', async () => {
  const gigabyte = 1 << 30;
  const child = host.cli.start(['exec', host.at(''), '--', 'cat']);
  const block = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
  const sent = createHash('sha1');
  const feeding = (async () => {
    for (let i = 0; i < gigabyte / block.length; i++) {
      sent.update(block);
      if (!child.stdin.write(block)) await once(child.stdin, 'drain');
    }
    child.stdin.end();
  })();
  const received = createHash('sha1');
  let length = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    received.update(chunk);
    length += chunk.length;
  });
  await Promise.all([feeding, once(child, 'close')]);
  assert.equal(length, gigabyte);
  assert.equal(received.digest('hex'), sent.digest('hex'));
  assert.equal(child.exitCode, 0);
});

test('exec -t gives the program a terminal of the size of this one, and keys reach it', async () => {
  const script =
    'tty; stty size; trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.1; done';
  const { screen, exitCode } = await interruptedInTerminal(
    host,
    ['exec', '-t', host.at(''), '--', 'sh', '-c', script],
    'stty rows 33 cols 99; ',
  );
  assert.match(screen, /\/dev\/pts\/\d+\r\n33 99\r\nready/);
  assert.match(screen, /interrupted/);
  assert.equal(exitCode, 5);
});

test('a daemon that is killed takes its terminals with it, and exec says so', async () => {
  const child = host.cli.start(['exec', '-t', host.at(''), '--', 'sh', '-c', 'echo $$; exec sleep 1000']);
  let printed = '';
  let said = '';
  child.stdout.on('data', (chunk) => {
    printed += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  await eventually('it runs', () => /\d+\r\n/.test(printed));
  const pid = Number.parseInt(printed, 10);
  for (const daemon of host.cli.daemons()) stopProcess(daemon, 'SIGKILL');
  await once(child, 'close');
  assert.equal(child.exitCode, 255, said);
  assert.match(said, /lost/);
  await eventually('the program is gone', () => !isAlive(pid));
});

test('forward makes a port of the host one of this machine, on loopback alone', async () => {
  const server = createServer((socket) => {
    socket.on('data', (chunk) => socket.write(`echo ${chunk}`));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    const child = host.cli.start(['forward', host.sshd.host, `${port}`]);
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += String(chunk);
    });
    await eventually('it listens', () => /:\d+\n/.test(printed));
    const [, address = '', local = ''] = /^(.*):(\d+)\n/.exec(printed) ?? [];
    assert.equal(address, '127.0.0.1');
    assert.notEqual(Number(local), port, 'that one is taken');
    const socket = createConnection(Number(local), '127.0.0.1');
    socket.write('hello');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'echo hello');
    child.kill('SIGINT');
    await once(child, 'close');
    socket.destroy();
  } finally {
    server.close();
  }
});
