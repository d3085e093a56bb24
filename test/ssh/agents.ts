import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { stopProcess } from '../fixtures/processes';

/** A running ssh-agent that holds the given keys (and the certificates beside them); returns its socket. */
export async function startAgent(t: TestContext, folder: string, keys: readonly string[]): Promise<string> {
  const socket = join(folder, 'agent.sock');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  t.after(() => stopProcess(agent.pid));
  while (!existsSync(socket)) await delay(10);
  for (const key of keys)
    execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  return socket;
}
