import { constants } from 'node:os';
import { type Readable, Writable } from 'node:stream';
import { messageOf } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import { sshCommandOf } from '../../server/processes/launch';
import type {
  HostProcess,
  ProcessEnd,
  ProcessHost,
  ProcessSpec,
  TerminalSize,
} from '../../server/processes/processHost';
import type { ExecChannel, ExitStatus, SshTerminal } from '../transport/transport';

/** What a shell would say of a program whose connection is gone. */
const LOST = 255;

/**
 * Processes on a host without an agent: channels of the SSH connection itself. They end with the connection, so nothing
 * outlives a drop; no marks, no `lm`, no list of ports, and signals as far as the server passes them on.
 */
export class SshProcessHost implements ProcessHost {
  constructor(
    private readonly exec: (command: string, terminal: SshTerminal | undefined) => Promise<ExecChannel>,
  ) {}

  async start(spec: ProcessSpec): Promise<HostProcess> {
    let channel: ExecChannel;
    try {
      channel = await this.exec(sshCommandOf(spec), spec.terminal);
    } catch (error) {
      // A server for SFTP alone.
      throw new ErrnoError('EOPNOTSUPP', `the host runs nothing for us: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return new SshProcess(channel, spec.terminal !== undefined);
  }

  async ports(): Promise<[]> {
    return [];
  }

  onAsk(): void {}
}

class SshProcess implements HostProcess {
  /** The server does not say it. */
  readonly pid = 0;
  readonly input: Writable;
  readonly outputs: readonly Readable[];
  readonly exit: Promise<ProcessEnd>;
  private isOver = false;

  constructor(
    private readonly channel: ExecChannel,
    isTerminal: boolean,
  ) {
    const { stream, stderr } = channel;
    // Writes and reads of the stream end apart from each other.
    this.input = new Writable({
      write: (chunk: Buffer, _encoding, done) => void stream.write(chunk, done),
      final: (done) => void stream.end(done),
    });
    stream.on('error', () => undefined); // Its close is what counts.
    stream.once('close', () => this.input.destroy());
    if (isTerminal) stderr.resume();
    this.outputs = isTerminal ? [stream] : [stream, stderr];
    this.exit = channel.exit.then((status) => {
      this.isOver = true;
      return endOf(status);
    });
  }

  resize(size: TerminalSize): void {
    this.channel.resize?.(size);
  }

  signal(signal: number): void {
    const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
    if (this.isOver || name === undefined) throw new ErrnoError('ESRCH', 'the process has ended');
    this.channel.signal?.(name.slice('SIG'.length));
  }

  async end(): Promise<void> {
    this.channel.stream.destroy();
    await this.exit;
  }
}

function endOf({ code, signal }: ExitStatus): ProcessEnd {
  const number = constants.signals[signal as NodeJS.Signals] ?? 0;
  return { code: code ?? (number === 0 ? LOST : 0), signal: number };
}
