import { lstatSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ErrnoError } from '../../protocol/errno';
import { startTime } from '../processIdentity';

const POLL_MS = 20;

/**
 * Runs `action` while holding a lock, so that of several clients that find no daemon only one starts it. The lock of a
 * process that died is broken. ETIMEDOUT when a living one keeps it for longer than `patienceMs`.
 *
 * It is a symbolic link that leads nowhere and names its holder: made in one step, and without a block of the disk,
 * which may be full (symlink(7): short ones are kept in the inode).
 */
export async function withStartLock<T>(
  path: string,
  patienceMs: number,
  action: () => Promise<T>,
): Promise<T> {
  const identity = holderIdentity(process.pid);
  if (identity === undefined) throw new ErrnoError('ENOSYS', 'cannot read /proc/self/stat');
  const deadline = Date.now() + patienceMs;
  while (!take(path, identity)) {
    breakIfDead(path, `${path}.${process.pid}.dead`);
    if (Date.now() > deadline) throw new ErrnoError('ETIMEDOUT', `another client holds ${path}`);
    await delay(POLL_MS);
  }
  try {
    return await action();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string, identity: string): boolean {
  try {
    symlinkSync(identity, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a lock whose holder is gone. */
function breakIfDead(path: string, aside: string): void {
  const holder = holderOf(path);
  if (holder === undefined || isHolderAlive(holder)) return;
  try {
    renameSync(path, aside);
  } catch {
    return; // Released or broken by someone else meanwhile.
  }
  // Between reading and renaming, the dead lock may have been broken and taken anew by another: give it back.
  const broken = holderOf(aside);
  if (broken !== undefined && broken !== holder) take(path, broken);
  rmSync(aside, { force: true });
}

function isHolderAlive(identity: string): boolean {
  return holderIdentity(Number.parseInt(identity, 10)) === identity;
}

/** A process as `pid start-time`, so that a reused pid is not taken for the holder. */
function holderIdentity(pid: number): string | undefined {
  const started = startTime(pid);
  return started === undefined ? undefined : `${pid} ${started}`;
}

/** The holder that a lock names; one that is not ours names nobody, whatever it says. */
function holderOf(path: string): string | undefined {
  try {
    return lstatSync(path).uid === process.getuid?.() ? readlinkSync(path) : '';
  } catch {
    return undefined;
  }
}
