import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { Readable, type Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { ErrnoError, errnoOf } from '../../protocol/errno';
import type { HostProcess, OutputSource, ProcessEnd, TerminalSize } from '../../server/processes/processHost';
import { runSync } from '../libc/op';
import { readQuietly } from '../libc/files';
import { duplicate, foregroundGroup, makePipe, openPty, resizePty, widenPipe } from '../libc/terminal';
import { LAUNCH_ERRORS, type Launch, STATUS_FD } from '../../server/processes/launch';
import { PipeSource } from './pipeSource';
import { send, signalSession } from './processGroup';

/** From the hangup to the kill: what saves its work on SIGHUP is done by then. */
const HANG_UP_MS = 5000;
/** How often it is looked whether anything is left meanwhile. */
const LOOK_MS = 50;
/** A terminal that somebody in the background still holds open has told all that the program wrote by then. */
const LAST_WORDS_MS = 200;

const { SIGHUP, SIGCONT, SIGKILL } = constants.signals;

/** Descriptors that this side and the program have of what connects them. */
interface Connection {
  readonly theirs: readonly [number, number, number];
  readonly input: Writable;
  readonly outputs: readonly OutputSource[];
  readonly terminal: { readonly master: number; readonly stream: ReadStream } | undefined;
  close(): void;
}

/** Starts a program in a session of its own. Rejects with what the launcher, or starting it, said. */
export async function startProcess(
  launch: Launch,
  terminal: TerminalSize | undefined,
  signal: AbortSignal | undefined,
): Promise<HostProcess> {
  const connection = terminal === undefined ? pipes() : pseudoterminal(terminal);
  let child: ChildProcess;
  try {
    child = spawn(launch.file, launch.args, {
      cwd: '/',
      detached: true, // setsid(2)
      env: { ...launch.env },
      stdio: [...connection.theirs, 'pipe'],
    });
  } catch (error) {
    connection.close();
    throw new ErrnoError(errnoOf(error), 'the program could not be started', { cause: error });
  } finally {
    for (const fd of new Set(connection.theirs)) closeSync(fd);
  }
  const process = new PosixProcess(child, connection);
  try {
    await launched(child, signal);
    return process;
  } catch (error) {
    connection.close();
    if (child.pid !== undefined) send(child.pid, SIGKILL);
    throw error;
  }
}

/** Resolves when the launcher has become the program, or at least tries to. */
async function launched(child: ChildProcess, signal: AbortSignal | undefined): Promise<void> {
  const status = child.stdio[STATUS_FD] as Readable;
  let said = '';
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) =>
      reject(new ErrnoError(errnoOf(error), 'the program could not be started', { cause: error })),
    );
    const abort = () => reject(new ErrnoError('EINTR', 'starting it was given up'));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
  failed.catch(() => undefined); // Only counts before the end of the pipe.
  status.on('error', () => undefined);
  status.setEncoding('latin1').on('data', (text: string) => {
    said += text.slice(0, 32);
  });
  try {
    await Promise.race([once(status, 'close'), failed]);
  } finally {
    status.destroy();
  }
  const code = LAUNCH_ERRORS.find((name) => name === said.trim());
  if (code !== undefined) throw new ErrnoError(code, 'the folder to run it in');
}

class PosixProcess implements HostProcess {
  readonly pid: number;
  readonly input: Writable;
  readonly outputs: readonly OutputSource[];
  readonly exit: Promise<ProcessEnd>;
  private isOver = false;

  constructor(
    child: ChildProcess,
    private readonly connection: Connection,
  ) {
    this.pid = child.pid ?? 0;
    this.input = connection.input;
    this.outputs = connection.outputs;
    this.exit = new Promise((resolve) => {
      child.once('error', () => undefined); // Told by `launched`.
      child.once('exit', (code, signal) => {
        // The number is free from here on.
        this.isOver = true;
        if (connection.terminal !== undefined) this.lastWords(connection.terminal.stream);
        resolve({ code: code ?? 0, signal: signal === null ? 0 : constants.signals[signal] });
      });
    });
  }

  resize({ cols, rows }: TerminalSize): void {
    if (this.open !== undefined) runSync(resizePty(this.open, cols, rows));
  }

  signal(signal: number): void {
    if (this.isOver) throw new ErrnoError('ESRCH', 'the process has ended');
    const group = this.open === undefined ? 0 : runSync(foregroundGroup(this.open));
    if (!send(-(group > 0 ? group : this.pid), signal))
      throw new ErrnoError('ESRCH', 'the process has ended');
  }

  async end(): Promise<void> {
    const hungUp = Date.now();
    // A stopped program gets the hangup only when it goes on.
    let left = signalSession(this.pid, this.isOver, SIGHUP);
    signalSession(this.pid, this.isOver, SIGCONT);
    this.connection.close();
    for (let killing = false; left > 0 || !this.isOver; ) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      killing ||= Date.now() - hungUp >= HANG_UP_MS;
      left = signalSession(this.pid, this.isOver, killing ? SIGKILL : 0);
      // What a kill does not end waits for a dead mount: nobody can end it, and nobody waits for it.
      if (killing && Date.now() - hungUp >= 2 * HANG_UP_MS) return;
    }
  }

  /** The end of a program is the end of its terminal, also where something in the background has it open. */
  private lastWords(stream: ReadStream): void {
    if (stream.destroyed) return;
    let heard = -1;
    const timer = setInterval(() => {
      const { bytesRead } = stream;
      // One that is not read at the moment has more to tell.
      if (bytesRead === heard && !stream.isPaused()) stream.destroy();
      heard = bytesRead;
    }, LAST_WORDS_MS);
    stream.once('close', () => clearInterval(timer));
  }

  /** The terminal, while it is open. */
  private get open(): number | undefined {
    const { terminal } = this.connection;
    return terminal === undefined || terminal.stream.destroyed ? undefined : terminal.master;
  }
}

function pseudoterminal({ cols, rows }: TerminalSize): Connection {
  const { master, slave } = runSync(openPty(cols, rows));
  // Node's own goes when Node thinks that the terminal has ended.
  const ours = runSync(duplicate(master));
  const stream = new ReadStream(master);
  stream.on('error', () => stream.destroy()); // EIO: nobody has the other side open any more. (pty(7))
  const output = new Readable({
    highWaterMark: TERMINAL_READ_BYTES,
    read: () => void stream.resume(),
    destroy(error, done) {
      stream.destroy();
      done(error);
    },
  });
  stream.on('data', (chunk: Buffer) => {
    if (!output.destroyed && !output.push(chunk)) stream.pause();
  });
  stream.pause();
  stream.once('close', () => {
    // A hangup with a read that was not full is the end to libuv, whatever the kernel still has.
    for (let rest = readRest(ours); rest !== undefined && !output.destroyed; rest = readRest(ours))
      output.push(rest);
    closeSync(ours);
    output.push(null);
  });
  return {
    theirs: [slave, slave, slave],
    input: stream,
    outputs: [output],
    terminal: { master: ours, stream },
    close: () => stream.destroy(),
  };
}

/** What Node reads of a terminal at once. */
const TERMINAL_READ_BYTES = 64 << 10;

function readRest(master: number): Buffer | undefined {
  const into = Buffer.allocUnsafe(TERMINAL_READ_BYTES);
  const length = runSync(readQuietly(master, into));
  return length > 0 ? into.subarray(0, length) : undefined;
}

/** What fits into the pipe of a program's output: as much as is read at once. */
const PIPE_BYTES = 256 << 10;

/** Pipes, as a shell makes them: programs may open /dev/stdout, which a socket does not allow. */
function pipes(): Connection {
  const [input, output, errors] = [
    runSync(makePipe('writer')),
    runSync(makePipe('reader')),
    runSync(makePipe('reader')),
  ];
  const sink = new Socket({ fd: input.writer, readable: false, writable: true });
  runSync(widenPipe(output.reader, PIPE_BYTES));
  const sources = [output.reader, errors.reader].map((fd) => new PipeSource(fd));
  for (const stream of [sink, ...sources]) stream.on('error', () => stream.destroy());
  return {
    theirs: [input.reader, output.writer, errors.writer],
    input: sink,
    outputs: sources,
    terminal: undefined,
    close() {
      for (const stream of [sink, ...sources]) stream.destroy();
    },
  };
}
