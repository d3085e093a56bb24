import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Threads for what may block (network filesystems, fsync). A dead mount keeps one for as long as it is dead. */
const THREADS_WANTED = 128;
/** With less a single dead mount would stop saves everywhere. */
const THREADS_LEAST = 4;
/** Of what a user may still start, others of the user's programs keep as much. */
const SHARE = 2;

/**
 * How many threads the pool may have: as many as are wanted, or what the host lets this user start. libuv starts all of
 * them at the first use, and ends the process where one can't be started.
 */
export function threadBudget(root = '/'): number {
  const left = Math.min(leftOfUser(root), leftOfGroups(root));
  return Math.max(THREADS_LEAST, Math.min(THREADS_WANTED, Math.floor(left / SHARE)));
}

/** By `ulimit -u`, which counts the threads of all processes of a user, and does not bind root. (setrlimit(2), RLIMIT_NPROC) */
function leftOfUser(root: string): number {
  const uid = process.getuid?.() ?? 0;
  const limit = limitIn(read(root, 'proc/self/limits'), /^Max processes\s+(\S+)/m);
  // To count takes a look at every process: not for a limit that is out of reach.
  if (uid === 0 || limit > FAR) return Number.POSITIVE_INFINITY;
  let threads = 0;
  for (const name of readdirSync(join(root, 'proc'))) {
    if (!/^\d+$/.test(name)) continue;
    const status = read(root, `proc/${name}/status`);
    if (Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) === uid) threads += limitIn(status, /^Threads:\s+(\d+)/m);
  }
  return limit - threads;
}

/** More than this nobody uses up. */
const FAR = 10_000;

/** By the control groups the process is in, each of which may have a bound of its own. (cgroups(7), pids) */
function leftOfGroups(root: string): number {
  let left = Number.POSITIVE_INFINITY;
  for (const line of read(root, 'proc/self/cgroup').split('\n')) {
    const [, , controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || controllers === undefined) continue;
    const isPids = controllers === '' || controllers.split(',').includes('pids');
    if (!isPids) continue;
    const top = controllers === '' ? 'sys/fs/cgroup' : 'sys/fs/cgroup/pids';
    for (let group = path; ; group = join(group, '..')) {
      const most = limitIn(read(root, join(top, group, 'pids.max')), /^(\S+)/);
      if (Number.isFinite(most))
        left = Math.min(left, most - limitIn(read(root, join(top, group, 'pids.current')), /^(\S+)/));
      if (group === '/') break;
    }
  }
  return left;
}

/** A number in a text of the kernel's; no limit where it has none ("max", "unlimited") or does not say. */
function limitIn(text: string, pattern: RegExp): number {
  const value = Number(pattern.exec(text)?.[1]);
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
}

function read(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'latin1');
  } catch {
    return ''; // Not there, or gone meanwhile: it says nothing.
  }
}
