import { parseArgs } from 'node:util';
import { messageOf } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import { DEFAULT_GRACE_S, MAX_GRACE_S } from '../../protocol/livemount';

/** Names the agent's stored version, and so the daemon that runs it: two versions never meet. */
const ID_PATTERN = /^[0-9a-f]{16,64}$/;

export interface ConnectOptions {
  /** The program file that `daemon` is started from; this very one. */
  readonly program: string;
  readonly id: string;
  /** Stands at the start of the line that announces the channel on standard output. */
  readonly marker: string;
  readonly graceS: number;
}

export interface DaemonOptions {
  readonly socketPath: string;
  /** Seconds the daemon stays after its last session is gone. */
  readonly graceS: number;
}

/** Reads the arguments behind `agent.js connect`. EINVAL for what is missing or unknown. */
export function parseConnectOptions(args: readonly string[], program: string): ConnectOptions {
  const { id, marker, grace } = parse(args, ['id', 'marker', 'grace']);
  if (id === undefined || !ID_PATTERN.test(id)) throw new ErrnoError('EINVAL', 'connect needs --id HASH');
  if (!marker) throw new ErrnoError('EINVAL', 'connect needs --marker TEXT');
  return { program, id, marker, graceS: parseGrace(grace) };
}

/** Reads the arguments behind `agent.js daemon`. EINVAL for what is missing or unknown. */
export function parseDaemonOptions(args: readonly string[]): DaemonOptions {
  const { socket, grace } = parse(args, ['socket', 'grace']);
  if (!socket) throw new ErrnoError('EINVAL', 'daemon needs --socket PATH');
  return { socketPath: socket, graceS: parseGrace(grace) };
}

function parseGrace(text: string | undefined): number {
  if (text === undefined) return DEFAULT_GRACE_S;
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds < 0) throw new ErrnoError('EINVAL', '--grace takes seconds');
  return Math.min(seconds, MAX_GRACE_S);
}

function parse(args: readonly string[], names: readonly string[]): Record<string, string | undefined> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args: [...args], options, strict: true }).values as Record<string, string | undefined>;
  } catch (error) {
    throw new ErrnoError('EINVAL', messageOf(error));
  }
}
