import type { Credentials } from '../../server/host/hostFs';
import { keepCapabilities, setFsIds } from '../libc/credentials';
import { chownFd, setUmask } from '../libc/files';
import { type Op, runSync } from '../libc/op';

/** How something is to be made: for whom, and with which mode. */
export interface Making {
  readonly credentials: Credentials | undefined;
  readonly umask: number;
  /** On this thread, which may be somebody else for a moment; not on a thread of the pool. */
  readonly onMainThread: boolean;
}

/**
 * Makes things in the name of a caller. On the main thread by fsuid and umask, so that they are right from the first
 * moment and default ACLs have their say; on threads, where nobody can say whose the next call is, by chown behind it.
 */
export class CallerIds {
  private keepsCapabilities: boolean | undefined;

  /** The umask to mask a mode with by hand: only where `make` does not set it. */
  mode(making: Making, mode: number): number {
    return making.onMainThread ? mode : mode & ~making.umask;
  }

  *make<T>(making: Making, work: () => Op<T>): Op<T> {
    if (!making.onMainThread) return yield* work();
    const { credentials, umask } = making;
    const ids =
      credentials !== undefined && this.canSwitch()
        ? yield* setFsIds(credentials.uid, credentials.gid)
        : undefined;
    if (umask !== 0) yield* setUmask(umask);
    try {
      return yield* work();
    } finally {
      if (umask !== 0) yield* setUmask(0);
      if (ids !== undefined) yield* setFsIds(ids.uid, ids.gid);
    }
  }

  /** What was made belongs to the caller, also where it could not be made in the caller's name. */
  *own(making: Making, fd: number): Op<void> {
    const { credentials } = making;
    if (credentials === undefined || (making.onMainThread && this.canSwitch())) return;
    yield* chownFd(fd, credentials.uid, credentials.gid);
  }

  /** Without CAP_SETPCAP the agent would lose its capabilities with its fsuid. */
  private canSwitch(): boolean {
    this.keepsCapabilities ??= runSync(keepCapabilities());
    return this.keepsCapabilities;
  }
}
