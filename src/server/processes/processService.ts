import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import {
  ORPHAN_S,
  PROCESS_KEEP,
  PROCESS_ASKS,
  PROCESS_MARKS,
  PROCESS_PTY,
  PROCESS_SHELL,
  type ProcessAdoptIn,
  type ProcessAdoptOut,
  type ProcessStartIn,
  type ProcessStartOut,
} from '../../protocol/livemount';
import { decodeStrings } from '../../protocol/processes';
import type { Value } from '../../protocol/struct';
import type { OutputBounds } from './outputStream';
import type { ListeningPort, ProcessAsk, ProcessHost, ProcessSpec } from './processHost';
import { RunningProcess } from './runningProcess';
import { type Outlet, SessionProcesses } from './sessionProcesses';

/** Output of pipes that waits for a client at least; one that allows more to be under way has that, and some to follow. */
const PIPE_BYTES = 1 << 20;
const NEXT_BYTES = 512 << 10;
/** ... of a terminal: what was printed before control-C is still shown, and should not take long. */
const TERMINAL_BYTES = 128 << 10;
/** What a terminal keeps to be shown again: some thousand lines, and the drawing of any full screen. */
const HISTORY_BYTES = 256 << 10;
/** All that waits, of all processes together; each may have LEAST_BYTES in any case. */
const TOTAL_BYTES = 64 << 20;
const LEAST_BYTES = 64 << 10;

export interface ProcessServiceOptions {
  readonly host: ProcessHost;
  /** 16 bytes nobody can guess. */
  readonly random: () => Buffer;
  readonly log: (message: string) => void;
}

/** All processes that sessions of this server started. */
export class ProcessService implements Disposable {
  private readonly all = new Set<RunningProcess>();
  private readonly byToken = new Map<string, RunningProcess>();
  private readonly byKey = new Map<string, RunningProcess>();
  private readonly sessions = new Map<RunningProcess, SessionProcesses>();
  private readonly orphans = new Map<RunningProcess, NodeJS.Timeout>();
  private readonly ended = new Set<Promise<void>>();

  constructor(private readonly options: ProcessServiceOptions) {
    options.host.onAsk((ask) => this.asked(ask));
  }

  /** Processes that are not over. */
  get size(): number {
    return this.all.size;
  }

  open(outlet: Outlet): SessionProcesses {
    return new SessionProcesses(outlet, (process) => this.leftBehind(process));
  }

  async start(
    session: SessionProcesses,
    start: Value<typeof ProcessStartIn>,
    cwd: Buffer,
    strings: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<Value<typeof ProcessStartOut>> {
    const { id, flags, credit, cols, rows, args, env } = start;
    const isTerminal = (flags & PROCESS_PTY) !== 0;
    const isShell = (flags & PROCESS_SHELL) !== 0;
    const all = decodeStrings(strings, args + env).map((string) => Buffer.from(string));
    if (isShell ? args > 1 : args === 0) throw new ErrnoError('EINVAL', `${args} arguments`);
    const spec: ProcessSpec = {
      shell: isShell,
      marks: (flags & PROCESS_MARKS) !== 0,
      asks: !isTerminal && (flags & PROCESS_ASKS) !== 0,
      args: all.slice(0, args),
      cwd: Buffer.from(cwd),
      env: all.slice(args),
      terminal: isTerminal ? { cols, rows } : undefined,
    };
    if (spec.env.some((variable) => !VARIABLE.test(variable.toString('latin1')))) {
      throw new ErrnoError('EINVAL', 'a variable without a name');
    }
    session.reserve(id);
    const token = this.options.random().toString('hex');
    try {
      const host = await this.options.host.start(spec, token, signal);
      const process = new RunningProcess(host, {
        key: this.options.random(),
        // Of pipes nothing is kept to be shown again.
        keep: isTerminal && (flags & PROCESS_KEEP) !== 0,
        isTerminal,
        credit,
        bounds: this.boundsOf(isTerminal),
      });
      this.add(process, token);
      try {
        session.add(id, process);
      } catch (error) {
        this.finish(process);
        throw error;
      }
      this.sessions.set(process, session);
      return { key: process.key, pid: process.pid };
    } finally {
      session.giveUp(id);
    }
  }

  /** A kept process becomes another session's. ENOENT where no kept one has the key. */
  adopt(session: SessionProcesses, adopt: Value<typeof ProcessAdoptIn>): Value<typeof ProcessAdoptOut> {
    const process = this.byKey.get(adopt.key.toString('hex'));
    if (process === undefined || !process.keep || !this.all.has(process))
      throw new ErrnoError('ENOENT', 'the process is gone');
    session.reserve(adopt.id);
    this.sessions.get(process)?.remove(process);
    clearTimeout(this.orphans.get(process));
    this.orphans.delete(process);
    const adopted = process.adopted(adopt);
    session.add(adopt.id, process);
    this.sessions.set(process, session);
    return adopted;
  }

  /** The client is done with it. */
  release(session: SessionProcesses, id: bigint): void {
    const process = session.get(id);
    session.remove(process);
    process.abandoned();
    this.finish(process);
  }

  ports(): Promise<readonly ListeningPort[]> {
    return this.options.host.ports();
  }

  /** Ends all of a session: nobody came back for it in its grace time. */
  endAll(session: SessionProcesses): void {
    for (const process of [...session]) {
      session.remove(process);
      process.abandoned();
      this.finish(process);
    }
  }

  /** Ends everything. Resolves when nothing is left. */
  async close(): Promise<void> {
    for (const process of [...this.all]) this.finish(process);
    await Promise.all(this.ended);
  }

  dispose(): void {
    void this.close();
  }

  private add(process: RunningProcess, token: string): void {
    this.all.add(process);
    this.byToken.set(token, process);
    this.byKey.set(process.key.toString('hex'), process);
    this.tokens.set(process, token);
    this.reboundAll();
  }
  private readonly tokens = new Map<RunningProcess, string>();

  private finish(process: RunningProcess): void {
    clearTimeout(this.orphans.get(process));
    this.orphans.delete(process);
    this.sessions.delete(process);
    this.byKey.delete(process.key.toString('hex'));
    const token = this.tokens.get(process);
    this.tokens.delete(process);
    if (token !== undefined) this.byToken.delete(token);
    const end = process
      .finish()
      .catch((error: unknown) => this.options.log(`process ${process.pid}: ${String(error)}`))
      .then(() => {
        this.all.delete(process);
        this.ended.delete(end);
        this.reboundAll();
      });
    this.ended.add(end);
  }

  /** A session went. What may be adopted waits for that, the rest ends. */
  private leftBehind(process: RunningProcess): void {
    this.sessions.delete(process);
    if (!process.keep || process.hasEnded) {
      this.finish(process);
      return;
    }
    this.orphans.set(process, setTimeout(() => this.finish(process), ORPHAN_S * 1000).unref());
  }

  private asked(ask: ProcessAsk): (() => void) | undefined {
    return this.byToken.get(ask.token)?.ask(ask);
  }

  private boundsOf(isTerminal: boolean): OutputBounds {
    const most = isTerminal ? TERMINAL_BYTES : PIPE_BYTES;
    return {
      waiting: (granted) => {
        const share = Math.max(LEAST_BYTES, TOTAL_BYTES / Math.max(1, this.all.size));
        return Math.min(isTerminal ? most : Math.max(most, granted + NEXT_BYTES), share);
      },
      history: isTerminal ? HISTORY_BYTES : 0,
    };
  }

  /** One more or less: the share of each changes. */
  private reboundAll(): void {
    for (const process of this.all) process.rebound();
  }
}

/** NAME=value; a name that a shell can't express would be lost on the way. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*=/;
