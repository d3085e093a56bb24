import type { InHeader } from '../protocol/fuse';
import { Errno, ErrnoError } from '../protocol/errno';

/** One request of the kernel's while it is worked on. */
export class Call {
  private controller: AbortController | undefined;
  private timedOut = false;
  readonly since = performance.now();

  constructor(readonly header: InHeader) {}

  get unique(): bigint {
    return this.header.unique;
  }

  /** Aborted when whoever asked was interrupted, or has waited long enough for a link that is down. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }

  get isInterrupted(): boolean {
    return this.controller?.signal.aborted ?? false;
  }

  interrupt(): void {
    this.controller ??= new AbortController();
    this.controller.abort();
  }

  timeOut(): void {
    this.timedOut = true;
    this.interrupt();
  }

  /** The errno to answer with, as local programs know it. */
  errnoOf(error: unknown): number {
    if (!(error instanceof ErrnoError)) return Errno.EIO;
    switch (error.errno) {
      case Errno.ECANCELED:
        return this.timedOut ? Errno.ETIMEDOUT : Errno.EINTR;
      // Nobody knows whether it took effect; the connection is closed; the agent speaks nonsense.
      case Errno.ECONNABORTED:
        return this.isInterrupted && !this.timedOut ? Errno.EINTR : Errno.EIO;
      case Errno.ENOTCONN:
      case Errno.EPROTO:
        return Errno.EIO;
      default:
        return error.errno > 0 && error.errno < 512 ? error.errno : Errno.EIO;
    }
  }
}
