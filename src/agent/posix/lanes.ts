import type { SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { Awaitable, OperationContext } from '../../server/hostFs';
import { type Op, runAsync, runSync } from '../libc/op';
import type { Mount } from './mountTable';

/** Requests one superblock may have on threads; of a dead one, all of them are lost until it comes back. */
const MAX_IN_FLIGHT = 4;
/** How long a caller waits for a superblock before it is told ETIMEDOUT. A sleeping disk needs some 10 s. */
export const DEADLINE_MS = 30_000;

/** Where operations on a superblock are carried out. */
export class Lane {
  private inFlight = 0;
  private readonly waiting: (() => void)[] = [];
  private stuck = false;

  constructor(
    private readonly sb: SuperblockId,
    private readonly options: LaneOptions,
  ) {}

  /** Whether requests answer within the deadline. */
  get responds(): boolean {
    return !this.stuck;
  }

  /**
   * Carries an Op out on threads, a few at a time. Rejects with EINTR when `signal` aborts and with ETIMEDOUT at the
   * deadline; what is under way then goes on by itself and gives back what it holds.
   */
  run<T>(op: Op<T>, signal?: AbortSignal, patienceMs = this.options.deadlineMs): Promise<T> {
    if (this.stuck && this.inFlight >= MAX_IN_FLIGHT) {
      return Promise.reject(new ErrnoError('ETIMEDOUT', 'the filesystem does not respond'));
    }
    return new Promise((resolve, reject) => {
      let settled = false;
      const settle = (finish: () => void) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        finish();
      };
      const abort = () => settle(() => reject(new ErrnoError('EINTR')));
      const timer = setTimeout(() => {
        if (patienceMs >= this.options.deadlineMs) this.setStuck(true);
        settle(() => reject(new ErrnoError('ETIMEDOUT', 'the filesystem does not respond')));
      }, patienceMs);
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });

      const start = () => {
        if (settled) return this.next();
        this.inFlight++;
        runAsync(op)
          .finally(() => {
            this.inFlight--;
            this.setStuck(false);
            this.next();
          })
          .then(
            (value) => settle(() => resolve(value)),
            (error) => settle(() => reject(error)),
          );
      };
      if (this.inFlight < MAX_IN_FLIGHT) start();
      else this.waiting.push(start);
    });
  }

  private next(): void {
    if (this.inFlight < MAX_IN_FLIGHT) this.waiting.shift()?.();
  }

  private setStuck(stuck: boolean): void {
    if (this.stuck === stuck) return;
    this.stuck = stuck;
    this.options.onResponding(this.sb, !stuck);
  }
}

export interface LaneOptions {
  readonly deadlineMs: number;
  /** A superblock stopped answering within its deadline, or answers again. */
  readonly onResponding: (sb: SuperblockId, responding: boolean) => void;
}

/**
 * Decides where an operation runs: on a local superblock at once, on this thread; on one that may keep its caller
 * waiting on threads, each superblock by itself, so that a dead one freezes nobody else.
 */
export class Lanes {
  private readonly lanes = new Map<SuperblockId, Lane>();

  constructor(private readonly options: LaneOptions) {}

  of(sb: SuperblockId): Lane {
    let lane = this.lanes.get(sb);
    if (lane === undefined) {
      lane = new Lane(sb, this.options);
      this.lanes.set(sb, lane);
    }
    return lane;
  }

  run<T>(mount: Mount, op: Op<T>, context?: OperationContext): Awaitable<T> {
    return mount.slow ? this.of(mount.sb).run(op, context?.signal) : runSync(op);
  }

  /** The mount is gone; what is under way ends by itself. */
  forget(sb: SuperblockId): void {
    this.lanes.delete(sb);
  }
}
