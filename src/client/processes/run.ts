import type { Readable } from 'node:stream';
import { ErrnoError } from '../../protocol/errno';
import type { Processes, Ran, StartOptions } from './processes';

export interface RunOptions extends Omit<StartOptions, 'run' | 'terminal' | 'keep'> {
  /** What the program reads; it gets the end of file behind it in any case. */
  readonly input?: Uint8Array | string;
  readonly signal?: AbortSignal;
  /** Bytes of output, and of errors, at most: more is EFBIG, and the program is ended. Default 16 MiB. */
  readonly limit?: number;
}

const LIMIT = 16 << 20;

/** Runs a program on the host to its end, in the environment of a login. ECANCELED when `signal` aborts first. */
export async function run(
  processes: Processes,
  program: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const { input, signal, limit = LIMIT, ...rest } = options;
  if (signal?.aborted) throw new ErrnoError('ECANCELED');
  const process = await processes.start({ ...rest, run: { program } });
  const abort = () => process.dispose();
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    process.input.end(input ?? '');
    const [output, errors, end] = await Promise.all([
      collect(process.output, limit),
      collect(process.errors, limit),
      process.ended,
    ]);
    return { ...end, output, errors };
  } catch (error) {
    process.dispose();
    throw signal?.aborted ? new ErrnoError('ECANCELED') : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function collect(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new ErrnoError('EFBIG', 'the program printed too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
