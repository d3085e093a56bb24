import { ErrnoError } from '../../protocol/errno';
import type { Interrupter } from '../libc/interrupt';
import { Flight, type Op } from '../libc/op';
import type { Claimant, ThreadShares } from './threadShares';

/** How long a call may take before its superblock is in doubt. */
const USUAL_MS = 1000;

/** What a request of a lane may bring with it. */
export interface LaneRequest<T> {
  /** Gives the request up (EINTR) and interrupts the call. */
  readonly signal?: AbortSignal | undefined;
  /** How long the caller waits, if less than the deadline. What it asked for goes on. */
  readonly patienceMs?: number;
  /** It holds something of the host and is carried out in any case, be it long after its caller was told ETIMEDOUT. */
  readonly must?: boolean;
  /** It looks for changes, behind what somebody asked for. */
  readonly background?: boolean;
  /** Its coming back says nothing: the kernel may have done it without asking the filesystem. */
  readonly provesNothing?: boolean;
  /** Gives back what came after the caller had gone. */
  readonly discard?: ((value: T) => void) | undefined;
}

type Start = () => void;

export interface LaneOptions {
  readonly slow: boolean;
  readonly shares: ThreadShares;
  readonly interrupter: Interrupter;
  readonly deadlineMs: number;
  /** The superblock stopped answering within its deadline, or answers again. */
  readonly onResponding: (responding: boolean) => void;
}

/** The calls that one superblock has on threads, and the requests that wait for one. */
export class Lane implements Claimant {
  readonly slow: boolean;
  inFlight = 0;
  doubtful: boolean;
  private stuck = false;
  /** Those of the calls under way that were not interrupted. */
  private readonly expected = new Set<Flight<unknown>>();
  private readonly waiting = new Set<Start>();
  private readonly waitingBehind = new Set<Start>();

  constructor(private readonly options: LaneOptions) {
    this.slow = options.slow;
    this.doubtful = options.slow;
  }

  /**
   * Carries an Op out on threads. Rejects with EINTR when its signal aborts and with ETIMEDOUT at the deadline, at once
   * while the superblock does not respond and somebody waits for it already.
   */
  run<T>(op: Op<T>, request: LaneRequest<T> = {}): Promise<T> {
    const { signal, must = false } = request;
    const queue = request.background === true ? this.waitingBehind : this.waiting;
    if (this.stuck && this.inFlight > 0 && !must) return Promise.reject(notResponding());
    if (signal?.aborted && !must) return Promise.reject(new ErrnoError('EINTR'));
    return new Promise((resolve, reject) => {
      const { deadlineMs } = this.options;
      const patienceMs = request.patienceMs ?? deadlineMs;
      let settled = false;
      let flight: Flight<T> | undefined;
      const start = () => {
        flight = this.carryOut(op, request);
        flight.result.then(
          (value) => (settled ? request.discard?.(value) : settle(() => resolve(value))),
          (error) => settle(() => reject(error)),
        );
      };
      const settle = (finish: () => void) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        if (!must) queue.delete(start);
        finish();
      };
      const abort = () => {
        if (flight !== undefined) this.interrupt(flight);
        settle(() => reject(new ErrnoError('EINTR')));
      };
      const timer = setTimeout(() => {
        if (flight !== undefined && patienceMs >= deadlineMs) this.overdue(flight);
        settle(() => reject(notResponding()));
      }, patienceMs);
      if (!must) signal?.addEventListener('abort', abort, { once: true });
      queue.add(start);
      this.serve();
    });
  }

  serve(): void {
    for (const queue of [this.waiting, this.waitingBehind]) {
      for (const start of queue) {
        if (!this.options.shares.admits(this, queue === this.waitingBehind)) return;
        queue.delete(start);
        start();
      }
    }
  }

  /** The superblock is gone: what is under way ends by itself. */
  forget(): void {
    this.options.shares.forget(this);
  }

  private carryOut<T>(op: Op<T>, { background = false, provesNothing = false }: LaneRequest<T>): Flight<T> {
    const { shares, deadlineMs } = this.options;
    const flight = new Flight(op);
    shares.begin(this, background);
    this.inFlight++;
    this.expected.add(flight);
    // Whoever asked may have had less patience: what it asked for tells of the superblock all the same.
    let slowness: NodeJS.Timeout | undefined;
    if (this.slow) {
      slowness = setTimeout(
        () => {
          this.setDoubtful(true);
          slowness = setTimeout(() => this.setStuck(true), deadlineMs - USUAL_MS).unref();
        },
        Math.min(USUAL_MS, deadlineMs),
      ).unref();
    }
    const back = (answered: boolean) => {
      clearTimeout(slowness);
      shares.end(this, background);
      this.inFlight--;
      this.expected.delete(flight);
      if (answered) {
        this.setDoubtful(false);
        this.setStuck(false);
      }
      this.serve();
      shares.serveNext();
    };
    flight.result.then(
      () => back(!provesNothing),
      // Only that its daemon knows INTERRUPT is no sign that the filesystem answers.
      (error) =>
        back(
          !provesNothing && !(flight.isAbandoned && error instanceof ErrnoError && error.code === 'EINTR'),
        ),
    );
    return flight;
  }

  private overdue(flight: Flight<unknown>): void {
    this.setDoubtful(true);
    this.setStuck(true);
    this.interrupt(flight);
  }

  /** One call of a superblock that does not respond is left alone: when it is back, so is the superblock. */
  private interrupt(flight: Flight<unknown>): void {
    flight.abandon();
    if (!this.expected.has(flight) || (this.stuck && this.expected.size === 1)) return;
    this.expected.delete(flight);
    const step = flight.underWay;
    if (step !== undefined) this.options.interrupter.interrupt(step, () => flight.underWay === step);
  }

  private setDoubtful(doubtful: boolean): void {
    if (this.doubtful === doubtful) return;
    this.doubtful = doubtful;
    this.options.shares.doubted(this);
  }

  private setStuck(stuck: boolean): void {
    if (this.stuck === stuck) return;
    this.stuck = stuck;
    this.options.onResponding(!stuck);
  }
}

function notResponding(): ErrnoError {
  return new ErrnoError('ETIMEDOUT', 'the filesystem does not respond');
}
