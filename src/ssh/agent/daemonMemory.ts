import type { HostConfig } from '../config/hostConfig';
import type { DaemonIdentity } from './daemonIdentity';
import { daemonIdentityOf } from './hostAnswers';
import type { Rung } from './ladder';

/** Remembers where a host's daemon listens, so that the next connection finds it without starting a program. */
export interface DaemonMemory {
  get(key: string): PromiseLike<string | undefined>;
  set(key: string, value: string): PromiseLike<void>;
}

/** What an earlier connection has found. */
export interface RememberedDaemon {
  readonly rung: Rung;
  /** Why it was this rung; for people. */
  readonly reason: string;
  readonly daemon: DaemonIdentity;
}

/** The key of the record: one for each account of a host and version of the agent. */
export function memoryKey({ user, hostName, port }: HostConfig, agentHash: string): string {
  return `daemon ${user}@${hostName}:${port} ${agentHash}`;
}

/** The record, if there is one that can be read: a damaged one is none, and the agent is looked for. */
export async function recall(
  memory: DaemonMemory | undefined,
  key: string,
): Promise<RememberedDaemon | undefined> {
  try {
    const text = await memory?.get(key);
    return text === undefined ? undefined : parseRecord(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function parseRecord(value: unknown): RememberedDaemon | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { rung, reason, daemon } = value as Readonly<Record<string, unknown>>;
  const identity = daemonIdentityOf(daemon);
  if (identity === undefined || typeof reason !== 'string') return undefined;
  return rung === 'node' || rung === 'uploaded-node' ? { rung, reason, daemon: identity } : undefined;
}
