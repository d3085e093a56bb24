import { ConnectError } from '../connectError';

/** What the user names: an alias of the SSH configuration, or a host; with a user and a port if they were given. */
export interface Target {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/**
 * Reads `[user@]HOST[:port]`, also as `ssh://[user@]HOST[:port]`; an IPv6 address with a port stands in brackets.
 * ConnectError `configuration` for anything else.
 */
export function parseTarget(text: string): Target {
  const bare = text.replace(/^ssh:\/\//, '').replace(/\/$/, '');
  // The user may hold an @ itself, as some directories' names do.
  const at = bare.lastIndexOf('@');
  const user = at < 0 ? undefined : bare.slice(0, at);
  const place = bare.slice(at + 1);
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(place) ?? /^([^:]+)(?::(\d+))?$/.exec(place);
  const address = match?.[1] ?? (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.%]*$/.test(place) ? place : undefined);
  // A leading dash would be read as an option by programs that are given the host.
  if (
    address === undefined ||
    /[\s/'"`$\\;&<>|(){}]/.test(address) ||
    address.startsWith('-') ||
    user === ''
  ) {
    throw new ConnectError(
      'configuration',
      `${JSON.stringify(text)} is not a host: write HOST, user@HOST or user@HOST:port`,
    );
  }
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && (port < 1 || port > 65535)) {
    throw new ConnectError('configuration', `${port} is not a port (1-65535)`);
  }
  return { host: address, ...(user !== undefined && { user }), ...(port !== undefined && { port }) };
}

/** The target as one word, in the form `parseTarget` reads. */
export function formatTarget({ host, user, port }: Target): string {
  const place = port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return user === undefined ? place : `${user}@${place}`;
}
