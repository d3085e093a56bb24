import { Errno, ErrnoError } from '../../protocol/errno';
import { LK_FLOCK, LockType, LOCK_TO_END } from '../../protocol/fuse';
import type { Request } from '../../protocol/message';
import type { Call } from '../call';
import type { OpenFile } from '../handles';
import type { Mount } from '../mount';
import type { MountHandlers } from './types';

/** Requests of ours that wait on the host for a lock at once; more take turns. */
export const LOCK_WAITS_MAX = 32;

type LockRequest = Request<'SETLK' | 'SETLKW'>;

async function setLock(
  mount: Mount,
  request: LockRequest,
  call: Call,
  op: 'SETLK' | 'SETLKW',
): Promise<void> {
  const file = mount.file(request.in.fh);
  const { owner, lk_flags, lk } = request.in;
  // Whoever takes the lock next reads what was written under this one.
  await mount.writeBehind.flush(file.node, call);
  await mount.host.onFile(file, call, (fh, remote) =>
    mount.core.session.request(
      op,
      remote,
      { ...request.in, fh },
      { patient: true, signal: call.signal, deadlineMs: Number.POSITIVE_INFINITY },
    ),
  );
  if (lk.type === LockType.NONE) return;
  if (lk_flags & LK_FLOCK) file.flockOwner = owner;
  else file.lockOwners.add(owner);
}

/** A close(2) gives back all fcntl(2) locks that its process has on the file, through whatever descriptor it took them. */
export async function closeByOwner(mount: Mount, file: OpenFile, owner: bigint): Promise<void> {
  for (const open of file.node.open) {
    if (!open.lockOwners.delete(owner)) continue;
    await unlock(mount, open, owner, 0);
  }
}

/** The last close of an open file gives back its flock(2) lock. */
export async function closeForGood(mount: Mount, file: OpenFile): Promise<void> {
  if (file.flockOwner !== undefined) await unlock(mount, file, file.flockOwner, LK_FLOCK);
}

async function unlock(mount: Mount, file: OpenFile, owner: bigint, lk_flags: number): Promise<void> {
  // The agent that had the lock is gone, and the lock with it.
  if (file.remote === undefined || file.epoch !== mount.core.epoch) return;
  const lk = { start: 0n, end: LOCK_TO_END, type: LockType.NONE, pid: 0 };
  const fixed = { fh: file.remote, owner, lk, lk_flags };
  await mount.core.session.request('SETLK', 1n as never, fixed, { patient: true }).catch(() => undefined);
}

export const lockHandlers: MountHandlers = {
  GETLK(mount, request, call) {
    return mount.host.onFile(mount.file(request.in.fh), call, (fh, remote) =>
      mount.core.session.request(
        'GETLK',
        remote,
        { ...request.in, fh },
        { patient: true, signal: call.signal },
      ),
    );
  },

  async SETLK(mount, request, call) {
    await setLock(mount, request, call, 'SETLK');
    return undefined;
  },

  async SETLKW(mount, request, call) {
    for (;;) {
      await mount.lockWaits.enter(call.signal);
      try {
        await setLock(mount, request, call, 'SETLKW');
        return undefined;
      } catch (error) {
        // The agent waits for a while only, so that a request never takes without end.
        if (!(error instanceof ErrnoError) || error.errno !== Errno.EAGAIN) throw error;
      } finally {
        mount.lockWaits.leave();
      }
      if (call.isInterrupted) throw new ErrnoError('EINTR');
    }
  },
};
