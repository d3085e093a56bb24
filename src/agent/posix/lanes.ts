import type { SuperblockId } from '../../protocol/brand';
import type { Awaitable, HostMount, OperationContext } from '../../server/host/hostFs';
import { Interrupter } from '../libc/interrupt';
import { type Op, runSync } from '../libc/op';
import { Lane, type LaneRequest } from './lane';
import type { MountTable } from './mountTable';
import { ThreadShares } from './threadShares';

/** How long a caller waits for a superblock before it is told ETIMEDOUT. A sleeping disk needs some 10 s. */
const DEADLINE_MS = 30_000;
/** libuv's own number where UV_THREADPOOL_SIZE does not say another. */
const LIBUV_THREADS = 4;

export interface LanesOptions {
  readonly deadlineMs?: number;
  /** Threads of the pool. */
  readonly threads?: number;
}

/**
 * Decides where an operation runs: on a local superblock at once, on this thread; on one that may keep its caller
 * waiting on threads, each superblock by itself, so that a dead one freezes nobody else.
 */
export class Lanes {
  private readonly lanes = new Map<SuperblockId, Lane>();
  private readonly shares: ThreadShares;
  private readonly interrupter = new Interrupter();
  private readonly deadlineMs: number;

  constructor(
    private readonly mounts: MountTable,
    options: LanesOptions = {},
  ) {
    this.deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    const threads = options.threads ?? (Number(process.env.UV_THREADPOOL_SIZE) || LIBUV_THREADS);
    this.shares = new ThreadShares(threads);
    mounts.onChange((changes) => {
      for (const { kind, mount } of changes) if (kind === 'went') this.forget(mount.sb);
    });
  }

  of({ sb, slow }: HostMount): Lane {
    let lane = this.lanes.get(sb);
    if (lane === undefined) {
      const { shares, interrupter, deadlineMs } = this;
      const onResponding = (responding: boolean) => this.mounts.setResponding(sb, responding);
      lane = new Lane({ slow, shares, interrupter, deadlineMs, onResponding });
      this.lanes.set(sb, lane);
    }
    return lane;
  }

  /** `discard` gives back what comes when nobody waits for it any more. */
  run<T>(
    mount: HostMount,
    op: Op<T>,
    context?: OperationContext,
    discard?: LaneRequest<T>['discard'],
  ): Awaitable<T> {
    // A signal is made when it is asked for: what runs at once needs none.
    return mount.slow ? this.of(mount).run(op, { signal: context?.signal, discard }) : runSync(op);
  }

  private forget(sb: SuperblockId): void {
    this.lanes.get(sb)?.forget();
    this.lanes.delete(sb);
  }
}
