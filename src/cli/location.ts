import { posix } from 'node:path';
import { messageOf } from '../base/errors';
import { formatTarget, parseTarget, type Target } from '../ssh/config/target';
import { UsageError } from './usageError';

/** A file or folder of a host, as the user names it. */
export interface Location {
  readonly target: Target;
  /** Without `.`, `..` and doubled or trailing slashes: absolute, or below the home folder (`''` is that itself). */
  readonly path: string;
  readonly fromHome: boolean;
  /** Written with a slash at its end, so it must be a folder. */
  readonly asFolder: boolean;
}

const BRACKETED = /^((?:[^/]*@)?\[[^\]/]+\](?::\d+)?):(.*)$/s;
const NAMED = /^([^:/[\]]+(?::\d+)?):(.*)$/s;

/**
 * Reads `[user@]HOST[:port]:PATH`. HOST is an alias of the SSH configuration, a name or an address; an IPv6 address
 * that is followed by a port or a relative path stands in brackets, `[::1]:2222:/path`. A path that does not begin with
 * a slash, or begins with `~/`, is below the home folder, as with scp. UsageError for anything else.
 */
export function parseLocation(text: string): Location {
  const { host, rest } = split(text);
  return { target: parseHost(host), ...parsePath(rest) };
}

function parsePath(text: string): Omit<Location, 'target'> {
  const asFolder = text === '' || /(^|\/)(\.{0,2}|~)$/.test(text);
  if (text.startsWith('/')) return { path: posix.resolve('/', text), fromHome: false, asFolder };
  if (/^~[^/]/.test(text)) {
    throw new UsageError(
      `${JSON.stringify(text)}: only your own home folder is known, as ~; write another one's whole path`,
    );
  }
  const below = posix.normalize(text.replace(/^~\/*/, '')).replace(/\/$/, '');
  return { path: below === '.' ? '' : below, fromHome: true, asFolder };
}

function split(text: string): { readonly host: string; readonly rest: string } {
  const absolute = text.indexOf(':/');
  const heads = [BRACKETED.exec(text), NAMED.exec(text)].filter((match) => match !== null);
  if (absolute > 0 && isHost(text.slice(0, absolute))) {
    return { host: text.slice(0, absolute), rest: text.slice(absolute + 1) };
  }
  const [, host, rest] = heads[0] ?? [];
  if (host === undefined || rest === undefined) {
    throw new UsageError(`${JSON.stringify(text)} names no place on a host: write HOST:PATH`);
  }
  return { host, rest };
}

function isHost(text: string): boolean {
  try {
    parseTarget(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether a word names a place on a host, by scp's rule: a colon before the first slash. `./a:b` is a file of this machine. */
export function isPlace(text: string): boolean {
  return /^[^/]*:/.test(text) && !text.startsWith(':');
}

/** Like parseLocation; a host alone stands for its root. */
export function parseLocationOrHost(text: string): Location {
  const host = text.replace(/:$/, '');
  if (
    !isPlace(text) ||
    (host !== text && isHost(host)) ||
    /^[^:]*:\d+$/.test(text) ||
    /^\[[^\]]*\]$/.test(host)
  ) {
    return { target: parseHost(host), path: '/', fromHome: false, asFolder: true };
  }
  return parseLocation(text);
}

function parseHost(text: string): Target {
  try {
    return parseTarget(text);
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

/** The path itself, once the home folder is known. */
export function resolved({ path, fromHome }: Location, home: string): string {
  return fromHome ? posix.resolve('/', home, path) : path;
}

/** Several places that one command works on at once must be on one host; but the first may be given as paths alone. */
export function parseOnOneHost(texts: readonly string[]): readonly Location[] {
  const [first = '', ...others] = texts;
  const from = parseLocation(first);
  const name = formatTarget(from.target);
  return [
    from,
    ...others.map((text) => {
      if (text.startsWith('/')) return { ...parsePath(text), target: from.target };
      if (!isPlace(text)) {
        throw new UsageError(
          `${JSON.stringify(text)} names no place on a host: write ${name}:${text}, or use get to copy to this machine`,
        );
      }
      const to = parseLocation(text);
      if (formatTarget(to.target) === name) return to;
      throw new UsageError(
        `${name} and ${formatTarget(to.target)} are two hosts; get from one and put to the other`,
      );
    }),
  ];
}
