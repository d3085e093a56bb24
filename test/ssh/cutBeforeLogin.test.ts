import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { LoginAnswers } from '../../src/ssh/auth/loginAnswers';
import { nobody } from '../../src/ssh/auth/prompter';
import { connectHost } from '../../src/ssh/connectHost';
import { machineWordsIn } from '../fixtures/machineWords';

test('a connection that is cut before the login is told without the socket’s words', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-cut-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = createServer((socket) => {
    socket.once('data', () => socket.resetAndDestroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const { port } = server.address() as { port: number };
  const configFile = path.join(folder, 'config');
  writeFileSync(configFile, `Host shaky\n  HostName 127.0.0.1\n  Port ${port}\n`);
  const options = {
    configFile,
    prompter: nobody,
    secrets: new LoginAnswers(),
    transportKind: 'builtin' as const,
    onLog: () => undefined,
  };
  await assert.rejects(connectHost('shaky', options), (error: Error) => {
    assert.match(error.message, /cut before the login/);
    assert.deepEqual(machineWordsIn(error.message.replace(/ \(E[A-Z]+\)$/, '')), []);
    return true;
  });
});
