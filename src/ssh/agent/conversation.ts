import type { Duplex } from 'node:stream';
import { LastLines } from '../../base/lastLines';
import { ErrnoError } from '../../protocol/errno';
import { ConnectError } from '../connectError';
import type { ExecChannel } from '../transport/transport';
import { decodeAttempt, decodeMessage, decodeNeeds, decodeRefusal } from './hostAnswers';
import type { HostRefusal } from './hostBoot';
import { type MarkedLine, MarkedLines } from './markedLines';
import { NoRuntimeError, parseHostDescription } from './noRuntime';
import type { AgentPayload } from './payload';
import { upload } from './upload';

/**
 * The user's password on the host for sudo; `attempt` counts from 1, `message` is what sudo said to the last one.
 * Nothing: the user gave up.
 */
export type AskSudoPassword = (attempt: number, message: string) => Promise<string | undefined>;

export interface ConversationOptions {
  /** Longest silence of the host, in ms. Default 30 s: a loaded host may take long to start a program. */
  readonly silenceMs?: number;
  /** Called while the agent is being sent, in bytes. */
  readonly onUpload?: (sent: number, total: number) => void;
  /** What the agent prints on its standard error, a line at a time. */
  readonly onLog?: (line: string) => void;
}

const DEFAULT_SILENCE_MS = 30_000;

/** More often than any sudo asks (passwd_tries is 3 by default). */
const MOST_QUESTIONS = 20;

/** Of a word that is not ours. */
const LONGEST_VERB = 40;

/** The exchange on one exec channel up to the first frame. */
export class Conversation {
  private readonly lines: MarkedLines;
  private readonly errors: LastLines;
  private questions = 0;
  /** The login's start files have ended, and our command runs. */
  private begun = false;
  /** The agent was sent. */
  uploaded = false;

  constructor(
    private readonly exec: ExecChannel,
    marker: string,
    private readonly options: ConversationOptions,
  ) {
    this.lines = new MarkedLines(exec.stream, marker);
    this.errors = new LastLines(options.onLog);
    exec.stderr.setEncoding('utf8').on('data', this.errors.push);
    exec.stderr.on('error', () => {}); // The channel reports its end by itself.
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
          if (this.uploaded) throw new ConnectError('agent', 'the host wants the agent a second time');
          this.uploaded = true;
          await upload(payload, decodeNeeds(line), (chunk) => this.send(chunk), this.options.onUpload);
          break;
        case 'password':
          if (++this.questions > MOST_QUESTIONS)
            throw new ConnectError('agent', 'the host does not stop asking for a password');
          await this.giveSecret(await askPassword(decodeAttempt(line), this.errors.text));
          break;
        case 'refused':
          throw new ErrnoError('EACCES', decodeMessage(line));
        case 'no-runtime':
          throw new NoRuntimeError(parseHostDescription(line.rest));
        case 'failed':
          throw refusal(decodeRefusal(line));
        default:
          throw new ConnectError(
            'agent',
            `the host answered ${JSON.stringify(line.verb.slice(0, LONGEST_VERB))}, which is not known here`,
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
    if (line?.verb === 'begun' && !this.begun) {
      this.begun = true;
      return this.nextLine();
    }
    if (line !== undefined) return line;
    const { code, signal } = await this.withinSilence(this.exec.exit);
    const ending = signal !== undefined ? `was ended by ${signal}` : `ended with status ${code ?? 'unknown'}`;
    throw new ConnectError('agent', `the agent was not started: the command ${ending}${this.output()}`);
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
        const within = `within ${silenceMs / 1000} s`;
        const what = this.begun
          ? `the host did not start the agent ${within}`
          : `the login on the host did not get to the agent ${within}: its start files (such as ~/.bashrc, ~/.profile or ~/.zshenv) wait for something or take long; connect again once they don't`;
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
    const said = [this.errors.text, this.lines.skipped].filter((text) => text !== '').join('\n');
    return said === '' ? '' : `; it printed: ${said}`;
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
