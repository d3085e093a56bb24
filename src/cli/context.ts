import type { Readable } from 'node:stream';
import type { Vfs } from '../client/vfs';
import { formatTarget } from '../ssh/config/target';
import { hostFailure } from './errors';
import type { Location } from './location';
import type { Flags } from './options';
import type { Output } from './output';

/** What a command's connection is made with. */
export interface ConnectRequest {
  /** `[user@]HOST[:port]` */
  readonly target: string;
  readonly flags: Flags;
  readonly signal: AbortSignal;
  /** For people, at level 1 (-v) or 2 (-vv). */
  readonly log: (level: 1 | 2, line: string) => void;
}

export type Connect = (request: ConnectRequest) => Promise<Vfs>;

/** What a command has to work with. */
export interface Context {
  readonly flags: Flags;
  readonly stdin: Readable;
  readonly stdout: Output;
  /** One line for people, on standard error. */
  say(line: string): void;
  /** The same, only if the user asked for that much (-v). */
  log(level: 1 | 2, line: string): void;
  /** The user interrupted us, or nobody reads our output any more. */
  readonly signal: AbortSignal;
  readonly connect: Connect;
}

/** Connects, does the work, and ends the connection whatever happened. What the host refuses is said about the path. */
export async function withHost<T>(
  context: Context,
  { target, path }: Location,
  work: (vfs: Vfs) => Promise<T>,
): Promise<T> {
  const { flags, signal, connect } = context;
  const name = formatTarget(target);
  const vfs = await connect({ target: name, flags, signal, log: (level, line) => context.log(level, line) });
  const states = vfs.onStateChange((state, reason) => {
    const line = `${name}: ${state}${reason === '' ? '' : ` (${reason})`}`;
    // The way back has a reason where it leads to another agent.
    if (state === 'connected' && reason === '') context.log(1, line);
    else context.say(line);
  });
  try {
    return await work(vfs);
  } catch (error) {
    throw hostFailure(error, path);
  } finally {
    states.dispose();
    vfs.dispose();
  }
}
