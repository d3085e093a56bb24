import { setTimeout as delay } from 'node:timers/promises';
import { Errno, ErrnoError } from '../../protocol/errno';
import { type FileLock, LK_FLOCK, LOCK_TO_END, LockType } from '../../protocol/fuse';
import { FEATURE_KERNEL } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import type { Handlers, ClientState } from '../connection/handler';
import type { HostFile, LockKind, OperationContext } from '../host/hostFs';
import { OpenFlag } from './openFlags';

/** SETLKW answers EAGAIN after so long, in ms: the client asks again, so that no request waits without end. */
const WAIT_MS = 2000;
/** Between two tries, in ms; the host notifies nobody when a lock becomes free. */
const FIRST_REST_MS = 5;
const LAST_REST_MS = 100;

type LockRequest = Request<'GETLK' | 'SETLK' | 'SETLKW'>;

function kindOf(request: LockRequest): LockKind {
  return request.in.lk_flags & LK_FLOCK ? 'flock' : 'range';
}

/** The owner's own open file; a lock to write needs one that may write, so that is tried first. */
async function ownersFile(
  session: ClientState,
  request: LockRequest,
  context: OperationContext,
): Promise<HostFile> {
  const { owner, fh } = request.in;
  const kind = kindOf(request);
  const { nodeid, file, flags } = session.handles.get(fh);
  const present = session.locks.get(kind, nodeid, owner);
  return present ?? session.locks.add(kind, nodeid, owner, await openForLocks(file, flags, context));
}

async function openForLocks(file: HostFile, flags: number, context: OperationContext): Promise<HostFile> {
  try {
    return await file.reopen(OpenFlag.RDWR, context);
  } catch {
    return file.reopen(flags & OpenFlag.ACCMODE, context);
  }
}

function need(
  session: ClientState,
  file: HostFile | undefined,
): Required<Pick<HostFile, 'lock' | 'lockAgainst'>> {
  const { lock, lockAgainst } = file ?? {};
  if (!(session.agreement.features & FEATURE_KERNEL) || !lock || !lockAgainst) {
    throw new ErrnoError('ENOSYS', 'locks');
  }
  return { lock: lock.bind(file), lockAgainst: lockAgainst.bind(file) };
}

function isWhole({ start, end }: FileLock): boolean {
  return start === 0n && end >= LOCK_TO_END;
}

async function setLock(
  session: ClientState,
  request: LockRequest,
  context: OperationContext,
): Promise<undefined> {
  const { fh, owner, lk } = request.in;
  const kind = kindOf(request);
  const { nodeid, file } = session.handles.get(fh);
  need(session, file);
  if (lk.type === LockType.NONE) {
    const held = session.locks.get(kind, nodeid, owner);
    if (held === undefined) return undefined;
    if (kind === 'flock' || isWhole(lk)) await session.locks.drop(kind, nodeid, owner);
    else await need(session, held).lock(kind, lk);
    return undefined;
  }
  await need(session, await ownersFile(session, request, context)).lock(kind, lk);
  return undefined;
}

function isTaken(error: unknown): boolean {
  return error instanceof ErrnoError && (error.errno === Errno.EAGAIN || error.errno === Errno.EACCES);
}

export const lockHandlers: Handlers = {
  async GETLK(session, request, context) {
    const { fh, owner, lk } = request.in;
    const { nodeid, file, flags } = session.handles.get(fh);
    need(session, file);
    const held = session.locks.get(kindOf(request), nodeid, owner);
    if (held !== undefined) return { lk: await need(session, held).lockAgainst(lk) };
    const opened = await openForLocks(file, flags, context);
    try {
      return { lk: await need(session, opened).lockAgainst(lk) };
    } finally {
      await opened.close();
    }
  },

  SETLK: setLock,

  async SETLKW(session, request, context) {
    const end = performance.now() + WAIT_MS;
    for (let restMs = FIRST_REST_MS; ; restMs = Math.min(2 * restMs, LAST_REST_MS)) {
      try {
        return await setLock(session, request, context);
      } catch (error) {
        if (!isTaken(error) || performance.now() > end) throw error;
      }
      if (context.signal?.aborted) throw new ErrnoError('EINTR');
      await delay(restMs, undefined, context.signal === undefined ? {} : { signal: context.signal }).catch(
        () => undefined,
      );
      if (context.signal?.aborted) throw new ErrnoError('EINTR');
    }
  },
};
