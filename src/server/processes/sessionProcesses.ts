import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import { PROCESSES_MAX } from '../../protocol/livemount';
import type { Owner, RunningProcess } from './runningProcess';

/** Where notifications go: the session's channel, while it has one. */
export interface Outlet {
  /** Bytes that wait to leave; undefined: there is no channel. */
  readonly unsent: number | undefined;
  /** `data` stands behind the body, and is not copied. */
  notify(code: number, body: Buffer, data?: Buffer): void;
}

/** Output that may wait in front of everything else that goes to a client, so that replies stay quick beside a flood. */
const UNSENT_BYTES = 64 << 10;

/** The processes of one session, and the turns they get on its channel. */
export class SessionProcesses implements Owner, Disposable {
  private readonly processes = new Map<bigint, RunningProcess>();
  /** Ids whose process is being started. */
  private readonly starting = new Set<bigint>();
  /** Those that may have something to send, in the order of their turns. */
  private readonly waiting = new Set<RunningProcess>();
  private turn: NodeJS.Immediate | undefined;
  private isDisposed = false;

  constructor(
    private readonly outlet: Outlet,
    /** Takes what the session leaves behind when it goes. */
    private readonly left: (process: RunningProcess) => void,
  ) {}

  get size(): number {
    return this.processes.size + this.starting.size;
  }

  /** Keeps an id for a process until `add` or `giveUp`. EEXIST, or EAGAIN for one too many. */
  reserve(id: bigint): void {
    if (this.processes.has(id) || this.starting.has(id)) throw new ErrnoError('EEXIST', `process ${id}`);
    if (this.size >= PROCESSES_MAX)
      throw new ErrnoError('EAGAIN', `${PROCESSES_MAX} processes of this window run already`);
    this.starting.add(id);
  }

  giveUp(id: bigint): void {
    this.starting.delete(id);
  }

  /** ECANCELED when the session ended meanwhile. */
  add(id: bigint, process: RunningProcess): void {
    this.starting.delete(id);
    if (this.isDisposed) throw new ErrnoError('ECANCELED', 'the session ended');
    process.id = id;
    process.owner = this;
    this.processes.set(id, process);
    this.wake(process);
  }

  /** ESRCH for an id that is none. */
  get(id: bigint): RunningProcess {
    const process = this.processes.get(id);
    if (process === undefined) throw new ErrnoError('ESRCH', `process ${id}`);
    return process;
  }

  find(id: bigint): RunningProcess | undefined {
    return this.processes.get(id);
  }

  /** It is this session's no more. */
  remove(process: RunningProcess): void {
    this.processes.delete(process.id);
    this.waiting.delete(process);
  }

  [Symbol.iterator](): IterableIterator<RunningProcess> {
    return this.processes.values();
  }

  wake(process: RunningProcess): void {
    this.waiting.add(process);
    this.turn ??= setImmediate(() => {
      this.turn = undefined;
      this.send();
    });
  }

  /** The channel takes more, or there is a new one. */
  writable(): void {
    if (this.waiting.size > 0 && this.turn === undefined) this.send();
  }

  dispose(): void {
    this.isDisposed = true;
    clearImmediate(this.turn);
    const all = [...this.processes.values()];
    this.processes.clear();
    this.waiting.clear();
    for (const process of all) {
      process.abandoned();
      this.left(process);
    }
  }

  /** Each in turn, until the channel has enough; `writable` goes on then. */
  private send(): void {
    const { unsent } = this.outlet;
    if (unsent === undefined) return;
    let room = UNSENT_BYTES - unsent;
    while (room > 0) {
      const [process] = this.waiting;
      if (process === undefined) return;
      // To the end of the row.
      this.waiting.delete(process);
      const next = process.next();
      if (next === undefined) continue;
      this.waiting.add(process);
      this.outlet.notify(next.code, next.body, next.data);
      room -= next.body.length + (next.data?.length ?? 0);
    }
    // What was sent in this turn is only now handed to the stream: then it is known how much of it is stuck.
    this.turn = setImmediate(() => {
      this.turn = undefined;
      if ((this.outlet.unsent ?? UNSENT_BYTES) < UNSENT_BYTES) this.send();
    });
  }
}
