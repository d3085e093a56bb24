import { posix } from 'node:path';
import { formatTarget, parseTarget, type Target } from '../ssh/config/target';
import { UsageError } from './usageError';

/** A file or folder of a host, as the user names it. */
export interface Location {
  readonly target: Target;
  /** Absolute, without `.`, `..` and doubled or trailing slashes. */
  readonly path: string;
}

/**
 * Reads `[user@]HOST[:port]:/path`. HOST is an alias of the SSH configuration, a name or an address; an IPv6 address
 * that is followed by a port stands in brackets, `[::1]:2222:/path`. UsageError for anything else.
 */
export function parseLocation(text: string): Location {
  const at = text.indexOf(':/');
  if (at <= 0)
    throw new UsageError(`${JSON.stringify(text)} names no place on a host: write HOST:/absolute/path`);
  return { target: parseHost(text.slice(0, at)), path: posix.resolve('/', text.slice(at + 1)) };
}

/** Like parseLocation; a host alone stands for its root. */
export function parseLocationOrHost(text: string): Location {
  return text.includes(':/') ? parseLocation(text) : { target: parseHost(text.replace(/:$/, '')), path: '/' };
}

function parseHost(text: string): Target {
  try {
    return parseTarget(text);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Two places that one command works on must be on one host; the second may be given as a path alone. */
export function parsePair(first: string, second: string): { from: Location; to: string } {
  const from = parseLocation(first);
  if (second.startsWith('/')) return { from, to: posix.resolve('/', second) };
  const to = parseLocation(second);
  if (formatTarget(from.target) !== formatTarget(to.target)) {
    throw new UsageError(
      `${formatTarget(from.target)} and ${formatTarget(to.target)} are two hosts; pipe \`cat\` into \`put\` to copy between them`,
    );
  }
  return { from, to: to.path };
}
