import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import type { SaveOptions } from '../server/save/options';
import type { TrashOptions } from '../server/trees/trash';
import { claimFirstFolder, claimPrivateFolder, socketFolderCandidates } from './daemon/privateFolder';

/** Field 22 of /proc/PID/stat, counted from the state: when the process began, in ticks since boot. (proc_pid_stat(5)) */
const STARTTIME = 19;

/** When a process began, which tells it from a later one of the same number; undefined if there is none. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[STARTTIME];
  } catch {
    return undefined; // It ended.
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/**
 * Names this process for ever: host, boot, process id and start. The host comes first, for a home folder may be shared.
 * A container has a host name of its own, so another's process id is not taken for one of ours.
 */
export function processName(): string {
  return [hostname().replace(/[^\w-]/g, '_'), bootId(), process.pid, startOf(process.pid)].join('.');
}

/** Whether the process of that name may be alive: another host's always may. */
export function mayBeAlive(name: string): boolean {
  const [host, boot, pid, start] = name.split('.');
  const [ownHost, ownBoot] = processName().split('.');
  if (host !== ownHost) return true;
  return boot === ownBoot && startOf(Number(pid)) === start;
}

/** What saves need to know of this process. `umask` is the one it had when it started. */
export function saveOptions(umask: number, log: (message: string) => void): SaveOptions {
  const uid = process.getuid?.() ?? 0;
  return {
    runFolder: folderOr(() => claimFirstFolder(socketFolderCandidates(process.env, uid)), log),
    stateFolder: folderOr(() => {
      const state = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state');
      const folder = join(state, 'livemount', 'saves');
      claimPrivateFolder(folder);
      return folder;
    }, log),
    owner: processName(),
    isAlive: mayBeAlive,
    umask,
    random: randomBytes,
    now: () => BigInt(Date.now()) * 1_000_000n,
    log,
  };
}

/** Saves do without a folder that can't be had: what depends on it is refused, or not noted. */
function folderOr(claim: () => string, log: (message: string) => void): Buffer | undefined {
  try {
    return Buffer.from(claim());
  } catch (error) {
    log(`saves: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** Where this user's trash is. (freedesktop.org Trash specification; XDG Base Directory) */
export function trashOptions(): TrashOptions {
  const home = homedir();
  const homeUsable = home.startsWith('/');
  const dataHome = process.env.XDG_DATA_HOME || join(home, '.local', 'share');
  return {
    homeTrash: homeUsable ? Buffer.from(join(dataHome, 'Trash')) : undefined,
    uid: process.getuid?.() ?? 0,
    now: () => new Date(),
  };
}
