import { ROOT_ID } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { Clock } from '../../base/clock';
import { asError } from '../../base/errors';
import {
  PROCESS_KEEP,
  PROCESS_ASKS,
  PROCESS_MARKS,
  PROCESS_PTY,
  PROCESS_SHELL,
  ProcessAskOut,
  ProcessExitOut,
  ProcessOutputOut,
  ProcessTakenOut,
} from '../../protocol/livemount';
import { Notify } from '../../protocol/opcodes';
import { encodeStrings } from '../../protocol/processes';
import { DATA_DEADLINE_MS } from '../session/options';
import type { Session } from '../session/session';
import { bytesOf } from '../../protocol/names';
import { AgentProcess } from './agentProcess';
import { OutputWindow, type Pace } from './outputWindow';
import type { ListeningPort, Processes, RemoteProcess, StartOptions } from './processes';

/** Of pipes at first: what a link of 100 MB/s holds in 10 ms. */
const PIPE_WINDOW = 1 << 20;
/** Of a terminal: whatever is asked beside a flood waits for no more than this. */
const TERMINAL_WINDOW = 64 << 10;
/** A port beyond them is none. */
const PORTS_MAX = 4096;

/** The processes that the agent keeps for this client. */
export class AgentProcesses implements Processes {
  private readonly known = new Map<bigint, AgentProcess>();
  private nextId = 1n;

  constructor(
    private readonly session: Session,
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {}

  async start(options: StartOptions): Promise<RemoteProcess> {
    try {
      return await this.startOnce(options);
    } catch (error) {
      // The agent was lost before it was asked: another one is there now.
      if (!(error instanceof ErrnoError) || error.code !== 'ESTALE') throw error;
      return this.startOnce(options);
    }
  }

  private async startOnce(options: StartOptions): Promise<RemoteProcess> {
    const { run, cwd = '', terminal, keep = false, nonce, asks = false } = options;
    const env = { ...options.env, ...(nonce !== undefined && { LIVEMOUNT_NONCE: nonce }) };
    const credit = options.window ?? (terminal === undefined ? PIPE_WINDOW : TERMINAL_WINDOW);
    const follows = options.window === undefined && terminal === undefined;
    const window = () => new OutputWindow(credit, follows ? this.pace() : undefined);
    const isShell = 'shell' in run;
    const args = (isShell ? (run.shell === undefined ? [] : [run.shell]) : run.program).map(bytesOf);
    const variables = Object.entries(env).map(([name, value]) => bytesOf(`${name}=${value}`));
    const process = this.add({ window, isTerminal: terminal !== undefined });
    const { cols, rows } = terminal ?? { cols: 0, rows: 0 };
    const flags =
      (terminal === undefined ? 0 : PROCESS_PTY) |
      (isShell ? PROCESS_SHELL : 0) |
      (keep ? PROCESS_KEEP : 0) |
      (nonce === undefined ? 0 : PROCESS_MARKS) |
      (asks ? PROCESS_ASKS : 0);
    try {
      const { pid, key } = await this.session.request(
        'PROCESS_START',
        ROOT_ID,
        { id: process.id, flags, credit, cols, rows, args: args.length, env: variables.length },
        {
          names: [bytesOf(cwd)],
          data: encodeStrings([...args, ...variables]),
          patient: true,
          deadlineMs: DATA_DEADLINE_MS,
        },
      );
      process.pid = pid;
      process.key = key.toString('hex');
      return process;
    } catch (error) {
      // It may have been started all the same: then nobody wants it.
      process.dispose();
      throw error;
    }
  }

  async adopt(
    key: string,
    { history, window = TERMINAL_WINDOW }: { readonly history: number; readonly window?: number },
  ): Promise<RemoteProcess> {
    const bytes = Buffer.from(key, 'hex');
    if (bytes.length !== KEY_BYTES) throw new ErrnoError('ENOENT', 'the process is gone');
    const id = this.nextId++;
    // What it sends before the answer is here waits for it.
    const early: (() => void)[] = [];
    this.early.set(id, early);
    try {
      const adopted = await this.session.request(
        'PROCESS_ADOPT',
        ROOT_ID,
        { id, key: bytes, history, credit: window },
        { patient: true },
      );
      const { from, received, taken, pid } = adopted;
      const process = this.add({
        id,
        window: () => new OutputWindow(window),
        isTerminal: true,
        from,
        received,
        taken,
      });
      process.pid = pid;
      process.key = key;
      for (const take of early) take();
      return process;
    } finally {
      this.early.delete(id);
    }
  }
  private readonly early = new Map<bigint, (() => void)[]>();

  async ports(): Promise<readonly ListeningPort[]> {
    const body = await this.session.request('PROCESS_PORTS', ROOT_ID, undefined);
    return portsOf(body);
  }

  /** A notification about one of them; false for one that is about something else. */
  take(code: number, body: Buffer): boolean {
    switch (code) {
      case Notify.PROCESS_OUTPUT: {
        const { id, offset, stream } = ProcessOutputOut.decode(body);
        this.tell(id, (process) => process.tookOutput(stream, offset, body.subarray(ProcessOutputOut.size)));
        return true;
      }
      case Notify.PROCESS_TAKEN: {
        const { id, offset } = ProcessTakenOut.decode(body);
        this.tell(id, (process) => process.tookInput(offset));
        return true;
      }
      case Notify.PROCESS_EXIT: {
        const { id, output, errors, code: status, signal } = ProcessExitOut.decode(body);
        this.tell(id, (process) => process.told({ lengths: [output, errors], code: status, signal }));
        return true;
      }
      case Notify.PROCESS_ASK: {
        const { id, request } = ProcessAskOut.decode(body);
        this.tell(id, (process) => process.asked(request, body.subarray(ProcessAskOut.size)));
        return true;
      }
      default:
        return false;
    }
  }

  /** A channel is up. `fresh`: its agent knows nothing of us, and what ran is lost. */
  attached(fresh: boolean): void {
    for (const process of [...this.known.values()]) {
      if (fresh && process.pid !== 0) process.lost(new ErrnoError('ESTALE', 'the agent that ran it is gone'));
      else process.resumed();
    }
  }

  /** The client goes: what is kept on the host stays, the rest ends with the session. */
  dispose(): void {
    for (const process of [...this.known.values()])
      process.lost(new ErrnoError('ENOTCONN', 'the connection was closed'));
  }

  private add(
    options: Omit<ConstructorParameters<typeof AgentProcess>[1], 'id'> & { id?: bigint },
  ): AgentProcess {
    const id = options.id ?? this.nextId++;
    const process = new AgentProcess(
      this.session,
      { ...options, id },
      () => this.known.delete(id),
      this.failed,
    );
    this.known.set(id, process);
    return process;
  }

  private pace(): Pace {
    const { clock, session } = this;
    return {
      now: () => clock.now(),
      get leastMs() {
        return session.roundTrip.leastMs;
      },
      isShared: (since) => session.asked.oftenAfter(since),
    };
  }

  private tell(id: bigint, what: (process: AgentProcess) => void): void {
    const process = this.known.get(id);
    if (process === undefined) {
      this.early.get(id)?.push(() => this.tell(id, what));
      return;
    }
    try {
      what(process);
    } catch (error) {
      process.dispose();
      process.lost(asError(error));
    }
  }
}

const KEY_BYTES = 16;

/** The list as the host tells it; EIO for one that can't be. */
function portsOf(body: Buffer): ListeningPort[] {
  let list: unknown;
  try {
    list = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new ErrnoError('EIO', 'a list of ports that is none', { cause: error });
  }
  if (!Array.isArray(list)) throw new ErrnoError('EIO', 'a list of ports that is none');
  return list.slice(0, PORTS_MAX).filter(isPort);
}

function isPort(value: unknown): value is ListeningPort {
  if (typeof value !== 'object' || value === null) return false;
  const { port, address, pid, command } = value as Record<string, unknown>;
  return (
    Number.isInteger(port) &&
    (port as number) > 0 &&
    (port as number) < 65_536 &&
    typeof address === 'string' &&
    typeof pid === 'number' &&
    typeof command === 'string'
  );
}
