import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { makeFolders } from '../base/makeFolders';
import { stateHome } from '../base/xdg';
import type { DaemonMemory } from '../ssh/agent/daemonMemory';

/**
 * Where the command line keeps what outlives it (XDG base directories; %LOCALAPPDATA% on Windows): host keys trusted on the terminal, runtimes, where agents listen. All of
 * it can be had anew: where the folder cannot be made or written (a service without a home, a read-only one), there is
 * none.
 */
export function stateFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  const base = platform === 'win32' ? env.LOCALAPPDATA : stateHome(env, homedir());
  if (base === undefined) return undefined;
  const folder = join(base, 'livemount');
  try {
    makeFolders(folder);
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    return undefined;
  }
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
      try {
        await writeFile(staged, value, { mode: 0o600 });
        await rename(staged, place(key));
      } catch {
        // No room: the next command looks for the agent, as the first one did.
        await rm(staged, { force: true }).catch(() => {});
      }
    },
  };
}
