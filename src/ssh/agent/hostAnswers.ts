import { ConnectError } from '../connectError';
import type { DaemonIdentity } from './daemonIdentity';
import type { HostNeeds, HostRefusal } from './hostBoot';
import type { MarkedLine } from './markedLines';

/**
 * What the host answers while the agent is started. The other end should be our own program, but a host may send
 * anything: each answer is decoded into just what is used of it, with a bound on all of it. ConnectError `agent` for one
 * that cannot be.
 */
type Fields = Readonly<Record<string, unknown>>;

/** Longer than any path (PATH_MAX) or message of ours. */
const LONGEST_TEXT = 4096;

/** More folders than are tried. */
const MOST_REFUSALS = 16;

/** What is remembered of a daemon, or comes with the line `ready`; undefined if it is none. */
export function daemonIdentityOf(value: unknown): DaemonIdentity | undefined {
  if (!isFields(value)) return undefined;
  const { pid, cookie, bootId, socketPath, runtime } = value;
  const isWhole =
    Number.isSafeInteger(pid) && isText(cookie) && isText(bootId) && isText(socketPath) && isText(runtime);
  if (!isWhole || cookie === '' || !socketPath.startsWith('/') || socketPath.includes('\0')) return undefined;
  return { pid: pid as number, cookie, bootId, socketPath, runtime };
}

export function decodeReady(line: MarkedLine): DaemonIdentity {
  return daemonIdentityOf(json(line)) ?? damaged(line);
}

export function decodeNeeds(line: MarkedLine): HostNeeds {
  const { node, kind, parts } = fields(line);
  const isPart = (part: unknown) => part === 'agent' || part === 'native';
  if (!isText(node) || !isText(kind) || !Array.isArray(parts) || parts.length > 2 || !parts.every(isPart))
    return damaged(line);
  return { node, kind, parts };
}

export function decodeRefusal(line: MarkedLine): HostRefusal {
  const { tried } = fields(line);
  if (!Array.isArray(tried)) return damaged(line);
  return {
    tried: tried.slice(0, MOST_REFUSALS).map((one: unknown) => {
      if (!isFields(one)) return damaged(line);
      const { folder, code, message } = one;
      if (!isText(folder) || !isText(code) || !isText(message)) return damaged(line);
      return { folder, code, message };
    }),
  };
}

/** The number of times that sudo has asked. */
export function decodeAttempt(line: MarkedLine): number {
  const { attempt } = fields(line);
  return typeof attempt === 'number' && Number.isSafeInteger(attempt) && attempt > 0
    ? attempt
    : damaged(line);
}

export function decodeMessage(line: MarkedLine): string {
  const { message } = fields(line);
  return isText(message) ? message : damaged(line);
}

function fields(line: MarkedLine): Fields {
  const value = json(line);
  return isFields(value) ? value : damaged(line);
}

function json(line: MarkedLine): unknown {
  try {
    return JSON.parse(line.rest);
  } catch {
    return damaged(line);
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_TEXT;
}

function damaged({ verb }: MarkedLine): never {
  throw new ConnectError('agent', `the host's answer ${verb} is damaged`);
}
