import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ErrnoError } from '../../protocol/errno';

const POLL_MS = 20;

/**
 * Runs `action` while holding a lock file, so that of several clients that find no daemon only one starts it.
 * The lock of a process that died is broken. ETIMEDOUT when a living one keeps it for longer than `patienceMs`.
 *
 * The file names its holder and appears complete, by link(2), so a reader never sees half a name.
 */
export async function withStartLock<T>(
  path: string,
  patienceMs: number,
  action: () => Promise<T>,
): Promise<T> {
  const own = `${path}.${process.pid}`;
  const identity = holderIdentity(process.pid);
  if (identity === undefined) throw new ErrnoError('ENOSYS', 'cannot read /proc/self/stat');
  writeFileSync(own, identity, { mode: 0o600 });
  try {
    const deadline = Date.now() + patienceMs;
    while (!tryLink(own, path)) {
      breakIfDead(path, `${own}.dead`);
      if (Date.now() > deadline) throw new ErrnoError('ETIMEDOUT', `another client holds ${path}`);
      await delay(POLL_MS);
    }
    try {
      return await action();
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a lock whose holder is gone. */
function breakIfDead(path: string, aside: string): void {
  const holder = read(path);
  if (holder === undefined || isHolderAlive(holder)) return;
  try {
    renameSync(path, aside);
  } catch {
    return; // Released or broken by someone else meanwhile.
  }
  // Between reading and renaming, the dead lock may have been broken and taken anew by another: give it back.
  if (read(aside) !== holder) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function isHolderAlive(identity: string): boolean {
  return holderIdentity(Number.parseInt(identity, 10)) === identity;
}

/** A process as `pid start-time` (proc_pid_stat(5), field 22), so that a reused pid is not taken for the holder. */
function holderIdentity(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name in parentheses may itself hold spaces and parentheses; fields are counted behind it, from the third.
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return `${pid} ${startTime}`;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
