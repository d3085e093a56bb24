import type { Duplex } from 'node:stream';
import { ConnectError } from '../connectError';

/** The daemon a channel ends in. A different `cookie` is another process, a different `bootId` another boot. */
export interface DaemonIdentity {
  readonly pid: number;
  readonly cookie: string;
  readonly bootId: string;
  readonly socketPath: string;
  /** The Node program it was started with. */
  readonly runtime: string;
}

/** What became of the agent between two channels. */
export type DaemonChange =
  /** It is the same: only the link was gone. */
  | 'same'
  /** It was ended, and another one was started: sessions are lost, the host's files are as they were. */
  | 'restarted'
  /** The host was started anew. */
  | 'rebooted';

export function compareDaemons(before: DaemonIdentity, after: DaemonIdentity): DaemonChange {
  if (before.cookie === after.cookie) return 'same';
  return before.bootId === after.bootId ? 'restarted' : 'rebooted';
}

/** Longer than any greeting. */
const GREETING_LIMIT = 4096;

/** What a socket gets for its greeting: longer than any round trip, shorter than a person's patience. */
const GREETING_TIMEOUT_MS = 10_000;

/**
 * Reads the daemon's greeting off a channel that was opened to its socket, and checks that it is the one we know:
 * after its folder in /tmp was cleaned away, anyone may listen there. ConnectError `agent` if it is not.
 */
export function readKnownGreeting(channel: Duplex, expected: DaemonIdentity): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const settle = (failure?: string) => {
      clearTimeout(timer);
      channel.off('readable', look).off('end', ended).off('close', ended).off('error', ended);
      if (failure === undefined) resolve();
      else reject(new ConnectError('agent', `${expected.socketPath}: ${failure}`));
    };
    const timer = setTimeout(() => settle('nothing answers'), GREETING_TIMEOUT_MS);
    const ended = () => settle('the agent is gone');
    const look = () => {
      for (let chunk: Buffer | null = channel.read(); chunk !== null; chunk = channel.read()) {
        received = Buffer.concat([received, chunk]);
        const end = received.indexOf(0x0a);
        if (end < 0 && received.length < GREETING_LIMIT) continue;
        const isOurs = end >= 0 && cookieOf(received.subarray(0, end).toString('utf8')) === expected.cookie;
        if (isOurs && end + 1 < received.length) channel.unshift(received.subarray(end + 1));
        settle(isOurs ? undefined : 'something else answers');
        return;
      }
    };
    channel.on('readable', look).on('end', ended).on('close', ended).on('error', ended);
  });
}

function cookieOf(line: string): unknown {
  try {
    return (JSON.parse(line) as { cookie?: unknown }).cookie;
  } catch {
    return undefined;
  }
}
