import type { Vfs } from '../../client/vfs';
import { commandOf } from '../../client/git/call';
import type { GitCall, GitHost, GitOutcome } from '../../client/git/host';
import type { Ask } from '../../client/processes/processes';
import { FORWARDED_AGENT } from '../../protocol/forwardedAgent';
import { Errno, ErrnoError, errnoOf } from '../../protocol/errno';

/** What one command may print and we keep: a status is taken as it comes, a blob of this size is nothing to compare. */
const OUTPUT_BYTES = 64 << 20;
const ERROR_BYTES = 1 << 20;
/** What a shell says when it finds no such program. */
const NOT_FOUND = 127;

/** Runs the program behind it with an empty input. */
const WITHOUT_INPUT = ['sh', '-c', 'exec "$@" </dev/null', 'sh'];

/** Git on a host, run as a process of this window's session. */
export class VfsGitHost implements GitHost {
  constructor(private readonly vfs: Vfs) {}

  async git(call: GitCall): Promise<GitOutcome> {
    const { argv, env } = commandOf(call);
    const outcome = await this.run({ ...call, program: argv, env });
    if (outcome.code === NOT_FOUND) throw new ErrnoError('ENOSYS', 'there is no git on the host');
    return outcome;
  }

  script(
    text: string,
    args: readonly string[],
    how: Pick<GitCall, 'signal' | 'output'> = {},
  ): Promise<GitOutcome> {
    const program = ['sh', '-c', text, 'sh', ...args];
    return this.run({ program, cwd: '/', env: { LC_ALL: 'C' }, ...how });
  }

  private async run(
    call: Omit<GitCall, 'args'> & { readonly program: readonly string[] },
  ): Promise<GitOutcome> {
    const { signal, cwd, ask, agent, program } = call;
    const env = { ...call.env, ...(agent && { SSH_AUTH_SOCK: FORWARDED_AGENT }) };
    if (signal?.aborted) throw new ErrnoError('ECANCELED');
    // An input that is empty from the start saves the round trip that ends it.
    const run = { program: call.stdin ? program : [...WITHOUT_INPUT, ...program] };
    const asks = ask !== undefined || agent !== undefined;
    const process = await this.vfs.processes.start({ run, cwd, env, asks });
    if (asks) process.onAsk((question) => void answer(question, call));
    const abort = () => process.dispose();
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      if (call.stdin) process.input.end(call.stdin);
      const [stdout, stderr, end] = await Promise.all([
        collect(process.output, OUTPUT_BYTES, call.output),
        collect(process.errors, ERROR_BYTES, call.progress, call.progress !== undefined),
        process.ended,
      ]);
      return { code: end.signal === 0 ? end.code : 128 + end.signal, stdout, stderr };
    } catch (error) {
      process.dispose();
      throw signal?.aborted ? new ErrnoError('ECANCELED') : error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async exists(path: string): Promise<boolean> {
    try {
      await this.vfs.lstat(path);
      return true;
    } catch (error) {
      if (errnoOf(error) === Errno.ENOENT || errnoOf(error) === Errno.ENOTDIR) return false;
      throw error;
    }
  }

  async read(path: string): Promise<Buffer | undefined> {
    if (!(await this.exists(path))) return undefined;
    return this.vfs.readFile(path);
  }

  async remove(path: string): Promise<void> {
    if (await this.exists(path)) await this.vfs.remove(path, { recursive: false });
  }

  seconds(): number {
    return Math.floor(Date.now() / 1000);
  }
}

async function answer(
  { body, answer: give }: Ask,
  { ask, agent }: Pick<GitCall, 'ask' | 'agent'>,
): Promise<void> {
  try {
    const { kind, by, prompt, message } = JSON.parse(body) as Record<string, unknown>;
    let text: string | undefined;
    if (kind === 'ask' && typeof prompt === 'string') {
      text = await ask?.({ by: by === 'git' ? 'git' : 'ssh', prompt });
    } else if (kind === 'agent' && typeof message === 'string') {
      text = (await agent?.(Buffer.from(message, 'base64')))?.toString('base64');
    }
    if (text === undefined) give(1);
    else give(0, text);
  } catch {
    give(1);
  }
}

/** All of a stream, within a bound: more is EFBIG. With `taker` each chunk goes there, and nothing is kept but with `both`. */
async function collect(
  stream: AsyncIterable<Buffer>,
  bound: number,
  taker: ((chunk: Buffer) => void) | undefined,
  both = false,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    taker?.(chunk);
    if (taker && !both) continue;
    bytes += chunk.length;
    if (bytes > bound) throw new ErrnoError('EFBIG', 'git printed too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
