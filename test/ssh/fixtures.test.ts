import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import test from 'node:test';
import { promisify } from 'node:util';
import { onDispose } from '../../src/base/dispose';
import { isAlive } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { startSshd } from '../fixtures/sshd';

const run = promisify(execFile);

test('the throwaway sshd runs a command, through a delaying proxy too, and leaves nothing', async (t) => {
  const sshd = await startSshd();
  t.after(() => sshd.dispose());
  const direct = await run('ssh', ['-F', sshd.configFile, sshd.host, 'echo hello']);
  assert.equal(direct.stdout, 'hello\n');

  const proxy = await TcpProxy.start({ targetPort: sshd.port, delay: 5 });
  t.after(() => proxy.dispose());
  sshd.addHost('distant', { Port: `${proxy.port}` });
  const distant = await run('ssh', ['-F', sshd.configFile, 'distant', 'echo hello']);
  assert.equal(distant.stdout, 'hello\n');
  assert.ok(proxy.bytes('down') > 1000);

  sshd.dispose();
  while (isAlive(sshd.pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(existsSync(sshd.directory), false);
});

test('a proxied connection ends after exactly the bytes asked for', async (t) => {
  const server = createServer((socket) => socket.write(Buffer.alloc(100_000, 1))).listen(0, '127.0.0.1');
  t.after(onDispose(() => server.close()).dispose);
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const proxy = await TcpProxy.start({ targetPort: address.port });
  t.after(() => proxy.dispose());
  proxy.endAfter(1234, 'down', 'cut');
  const received = await new Promise<number>((resolve) => {
    let bytes = 0;
    const client = createConnection({ port: proxy.port, host: '127.0.0.1' });
    client.on('data', (chunk) => {
      bytes += chunk.length;
    });
    client.on('error', () => {});
    client.on('close', () => resolve(bytes));
  });
  assert.equal(received, 1234);
});
