import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { DaemonMemory } from '../ssh/agent/daemonIdentity';

/** Where the command line keeps what outlives it (XDG base directories): host keys trusted on the terminal, runtimes. */
export function stateFolder(env: NodeJS.ProcessEnv = process.env): string {
  const folder = join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'livemount');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Remembers where the agents of hosts listen, a file each, so that the next command starts no program there. */
export function daemonMemory(folder: string): DaemonMemory {
  const place = (key: string) =>
    join(folder, `daemon-${createHash('sha256').update(key).digest('hex').slice(0, 32)}`);
  return {
    async get(key) {
      try {
        return await readFile(place(key), 'utf8');
      } catch {
        return undefined; // Nothing remembered: the agent is looked for.
      }
    },
    async set(key, value) {
      const staged = `${place(key)}.${process.pid}`;
      await writeFile(staged, value, { mode: 0o600 });
      await rename(staged, place(key));
    },
  };
}
