import { ConnectError } from '../connectError';

/** What the user names: an alias of the SSH configuration, or a host; with a user and a port if they were given. */
export interface Target {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** Longer than any name that DNS or an account can have. */
const LONGEST_NAME = 1024;

/**
 * What no name of a host may hold. Up to the comma these are the characters OpenSSH 10.1 refuses (`valid_hostname` of
 * its ssh.c): a shell or a configuration could take them for its own. The rest means something in known_hosts, where
 * names are patterns, or turns the text around it.
 */
const NOT_IN_HOST = /[\s\p{Cc}'"`$\\;&<>|(){},*?!#\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** What no user may hold (`valid_ruser` there). A backslash stands in names of domains: `CORP\me`. */
const NOT_IN_USER = /[\p{Cc}'"`$;&<>|(){}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\s-|\\$/u;

/**
 * Reads `[user@]HOST[:port]`, also as `ssh://[user@]HOST[:port]`; an IPv6 address with a port stands in brackets.
 * Every name of a host passes here, wherever it comes from: a link, a workspace, a prompt, a command line, ProxyJump.
 * ConnectError `configuration` for anything else.
 */
export function parseTarget(text: string): Target {
  const bare = text.replace(/^ssh:\/\//, '').replace(/\/$/, '');
  // The user may hold an @ itself, as some directories' names do.
  const at = bare.lastIndexOf('@');
  const user = at < 0 ? undefined : bare.slice(0, at);
  const place = bare.slice(at + 1);
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(place) ?? /^([^:]+)(?::(\d+))?$/.exec(place);
  const host = match?.[1] ?? (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.%]*$/.test(place) ? place : undefined);
  if (host === undefined || !isHostName(host) || (user !== undefined && !isUserName(user))) {
    throw new ConnectError(
      'configuration',
      `${JSON.stringify(text)} is not a host: write HOST, user@HOST or user@HOST:port`,
    );
  }
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && !isPort(port)) {
    throw new ConnectError('configuration', `${port} is not a port (1-65535)`);
  }
  return { host, ...(user !== undefined && { user }), ...(port !== undefined && { port }) };
}

/** Whether a text can be the name or the address of a host, or an alias of the configuration (which may hold a slash). */
export function isHostName(text: string): boolean {
  // A leading dash would be read as an option by programs that are given the host.
  return text !== '' && text.length <= LONGEST_NAME && !text.startsWith('-') && !NOT_IN_HOST.test(text);
}

/** Whether a text can be the name of an account. */
export function isUserName(text: string): boolean {
  return text !== '' && text.length <= LONGEST_NAME && !text.startsWith('-') && !NOT_IN_USER.test(text);
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

/** The target as one word, in the form `parseTarget` reads. */
export function formatTarget({ host, user, port }: Target): string {
  const place = port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return user === undefined ? place : `${user}@${place}`;
}
