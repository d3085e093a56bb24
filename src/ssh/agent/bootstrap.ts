import { randomBytes } from 'node:crypto';
import type { Duplex, Readable } from 'node:stream';
import { ErrnoError } from '../../protocol/errno';
import { ConnectError } from '../connectError';
import type { DaemonIdentity } from './daemonIdentity';
import { type HostBootConfig, type HostNeeds, type HostRefusal, hostBootSource } from './hostBoot';
import { launchCommand } from './launchCommand';
import { type MarkedLine, MarkedLines } from './markedLines';
import { NoRuntimeError, parseHostDescription } from './noRuntime';
import type { AgentPayload, PayloadPart } from './payload';
import type { ExecChannel, SshTransport } from '../transport/transport';

export interface BootstrapOptions {
  /** Seconds the daemon stays after its last session is gone; at most 3 hours, the agent's default is 30 minutes. */
  readonly graceS?: number;
  /** Node programs on the host to try before searching. */
  readonly nodePaths?: readonly string[];
  /** Uses no Node but those of `nodePaths`. */
  readonly onlyNodePaths?: boolean;
  /** Longest silence of the host, in ms. Default 30 s: a loaded host may take long to start a program. */
  readonly silenceMs?: number;
  /** Called while the agent is being sent, in bytes. */
  readonly onUpload?: (sent: number, total: number) => void;
  /** What the agent prints on its standard error, a line at a time. */
  readonly onLog?: (line: string) => void;
}

/** A channel to the agent: what is written and read from here on are frames. */
export interface AgentChannel {
  readonly channel: Duplex;
  readonly daemon: DaemonIdentity;
  /** Whether the agent had to be sent first. */
  readonly uploaded: boolean;
}

const DEFAULT_SILENCE_MS = 30_000;
const UPLOAD_CHUNK = 64 << 10;

/**
 * Starts the agent, or attaches to it, in one exec, sending it first where the host does not have it.
 * ConnectError: `no-runtime` (a `NoRuntimeError`) without a usable Node, `agent` where it cannot be stored or started.
 */
export async function bootstrap(
  transport: SshTransport,
  payload: AgentPayload,
  options: BootstrapOptions = {},
): Promise<AgentChannel> {
  const args = options.graceS === undefined ? [] : ['--grace', `${options.graceS}`];
  return converse(transport, payload, options, { command: 'connect', args }, async (conversation) => {
    const ready = await conversation.untilReady(payload, noPassword);
    const { channel, uploaded } = conversation;
    return { channel, daemon: parse<DaemonIdentity>(ready), uploaded };
  });
}

/**
 * The user's password on the host for sudo; `attempt` counts from 1, `message` is what sudo said to the last one.
 * Nothing: the user gave up.
 */
export type AskSudoPassword = (attempt: number, message: string) => Promise<string | undefined>;

/**
 * Starts a server of root's through sudo, in an exec of its own, which ends with the channel: what is written and read
 * are frames. The password goes to sudo and nowhere else. ErrnoError EACCES, with sudo's words, when it does not let the
 * user; ECANCELED when the user gave up; else as `bootstrap`.
 */
export async function bootstrapAsRoot(
  transport: SshTransport,
  payload: AgentPayload,
  askPassword: AskSudoPassword,
  options: Omit<BootstrapOptions, 'graceS'> = {},
): Promise<Duplex> {
  return converse(transport, payload, options, { command: 'as-root', args: [] }, async (conversation) => {
    await conversation.untilReady(payload, askPassword);
    return conversation.channel;
  });
}

const noPassword: AskSudoPassword = () =>
  Promise.reject(new ConnectError('agent', 'the host asks for a password, which nobody expected'));

async function converse<T>(
  transport: SshTransport,
  payload: AgentPayload,
  options: BootstrapOptions,
  start: Pick<HostBootConfig, 'command' | 'args'>,
  talk: (conversation: Conversation) => Promise<T>,
): Promise<T> {
  const marker = randomBytes(16).toString('hex');
  const source = hostBootSource({
    marker,
    agentHash: payload.agent.sha256,
    nativeHashes: Object.fromEntries([...payload.natives].map(([kind, part]) => [kind, part.sha256])),
    ...start,
  });
  const command = launchCommand({
    marker,
    source,
    ...(options.nodePaths && { preferred: options.nodePaths }),
    ...(options.onlyNodePaths && { onlyPreferred: true }),
  });
  const exec = await transport.exec(command);
  try {
    return await talk(new Conversation(exec, marker, options));
  } catch (error) {
    exec.stream.destroy();
    throw error;
  }
}

/** The exchange on one exec channel up to the first frame. */
class Conversation {
  private readonly lines: MarkedLines;
  private readonly errors: StderrLines;
  uploaded = false;

  constructor(
    private readonly exec: ExecChannel,
    marker: string,
    private readonly options: BootstrapOptions,
  ) {
    this.lines = new MarkedLines(exec.stream, marker);
    this.errors = new StderrLines(exec.stderr, options.onLog);
  }

  get channel(): Duplex {
    return this.exec.stream;
  }

  /** Goes on until the host is ready for frames, and gives the line that says so. */
  async untilReady(payload: AgentPayload, askPassword: AskSudoPassword): Promise<MarkedLine> {
    for (;;) {
      const line = await this.nextLine();
      switch (line.verb) {
        case 'ready':
          return line;
        case 'need':
          await this.upload(payload, parse<HostNeeds>(line));
          break;
        case 'password':
          await this.giveSecret(
            await askPassword(parse<{ attempt: number }>(line).attempt, this.errors.last),
          );
          break;
        case 'refused':
          throw new ErrnoError('EACCES', parse<{ message: string }>(line).message);
        case 'no-runtime':
          throw new NoRuntimeError(parseHostDescription(line.rest));
        case 'failed':
          throw refusal(parse<HostRefusal>(line));
        default:
          throw new ConnectError(
            'agent',
            `the host answered ${JSON.stringify(line.verb)}, which is not known here`,
          );
      }
    }
  }

  private async giveSecret(secret: string | undefined): Promise<void> {
    if (secret === undefined) throw new ErrnoError('ECANCELED', 'no password was given');
    if (/[\r\n]/.test(secret)) throw new ErrnoError('EINVAL', 'a password with the end of a line in it');
    await this.send(Buffer.from(`${secret}\n`));
  }

  private async nextLine(): Promise<MarkedLine> {
    const line = await this.withinSilence(this.lines.next());
    if (line !== undefined) return line;
    const { code, signal } = await this.withinSilence(this.exec.exit);
    const ending = signal !== undefined ? `was ended by ${signal}` : `ended with status ${code ?? 'unknown'}`;
    throw new ConnectError('agent', `the agent was not started: the command ${ending}${this.output()}`);
  }

  private async upload(payload: AgentPayload, needs: HostNeeds): Promise<void> {
    const parts = needs.parts.map((name) => {
      const part: PayloadPart | undefined =
        name === 'agent' ? payload.agent : payload.natives.get(needs.kind);
      if (part === undefined) throw new ConnectError('agent', `there is no ${name} for ${needs.kind}`);
      return part.packed();
    });
    const contents = await Promise.all(parts);
    const total = contents.reduce((sum, content) => sum + content.length, 0);
    let sent = 0;
    for (const content of contents) {
      await this.send(Buffer.from(`${content.length}\n`));
      for (let at = 0; at < content.length; at += UPLOAD_CHUNK) {
        const chunk = content.subarray(at, at + UPLOAD_CHUNK);
        await this.send(chunk);
        sent += chunk.length;
        this.options.onUpload?.(sent, total);
      }
    }
    this.uploaded = true;
  }

  private send(chunk: Buffer): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      this.exec.stream.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
    const dropped = this.exec.exit.then(() => {
      throw new ConnectError('agent', `the host ended while the agent was being sent${this.output()}`);
    });
    return this.withinSilence(Promise.race([written, dropped]));
  }

  private async withinSilence<T>(answer: Promise<T>): Promise<T> {
    const silenceMs = this.options.silenceMs ?? DEFAULT_SILENCE_MS;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const what = `the host did not start the agent within ${silenceMs / 1000} s`;
        reject(new ConnectError('agent', `${what}${this.output()}`));
      }, silenceMs);
    });
    try {
      return await Promise.race([answer, silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What the host printed that was not for us: usually it says what went wrong. */
  private output(): string {
    const said = [this.errors.last, this.lines.skipped].filter((text) => text !== '').join('\n');
    return said === '' ? '' : `; it printed: ${said}`;
  }
}

/** Standard error as lines, the last of them kept for a message. */
class StderrLines {
  private static readonly KEPT = 2000;
  private kept = '';
  private partial = '';

  constructor(stderr: Readable, onLine: ((line: string) => void) | undefined) {
    stderr.setEncoding('utf8');
    stderr.on('error', () => {}); // The channel reports its end by itself.
    stderr.on('data', (text: string) => {
      this.kept = `${this.kept}${text}`.slice(-StderrLines.KEPT);
      const lines = `${this.partial}${text}`.slice(-StderrLines.KEPT).split('\n');
      this.partial = lines.pop() ?? '';
      for (const line of lines) onLine?.(line);
    });
  }

  get last(): string {
    return this.kept.trim();
  }
}

function parse<T>(line: MarkedLine): T {
  try {
    // The other end is our own program, of the very version that was asked for by hash.
    return JSON.parse(line.rest) as T;
  } catch (error) {
    throw new ConnectError('agent', `the host's answer ${line.verb} is damaged`, { cause: error });
  }
}

const explanations: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'it is read-only',
  EACCES: 'no permission',
  ENOEXEC: 'programs may not run from there',
  ENOTDIR: 'something that is no folder is in the way',
};

function refusal({ tried }: HostRefusal): ConnectError {
  const reasons = tried.map(({ folder, code, message }) => {
    const explanation = explanations[code];
    return explanation === undefined ? `${folder}: ${message}` : `${folder}: ${explanation} (${message})`;
  });
  return new ConnectError(
    'agent',
    `the host has no folder for the agent; make room or set XDG_CACHE_HOME there. Tried ${reasons.join('; ')}`,
  );
}
