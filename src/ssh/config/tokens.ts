import { createHash } from 'node:crypto';
import { ConnectError } from '../connectError';

/** What the tokens of ssh_config(5), TOKENS, stand for. */
export interface TokenValues {
  /** %n: as the user wrote it. */
  readonly originalHost: string;
  /** %h */
  readonly host: string;
  /** %p */
  readonly port: number;
  /** %r */
  readonly remoteUser: string;
  /** %j: as configured, or empty. */
  readonly proxyJump: string;
  /** %k: HostKeyAlias, or the original host. */
  readonly hostKeyAlias: string;
  /** %u */
  readonly localUser: string;
  /** %i */
  readonly localUid: number;
  /** %l: with the domain; %L is without. */
  readonly localHost: string;
  /** %d */
  readonly home: string;
}

/** Replaces the tokens in a value. ConnectError `configuration` for one that ssh_config(5) does not have. */
export function expandTokens(text: string, values: TokenValues): string {
  return text.replace(/%(.?)/g, (_whole, letter: string) => {
    const expand = expansions[letter];
    if (expand === undefined) {
      throw new ConnectError(
        'configuration',
        `the SSH configuration has an unknown token %${letter} in ${JSON.stringify(text)}`,
      );
    }
    return expand(values);
  });
}

const expansions: Readonly<Record<string, (values: TokenValues) => string>> = {
  '%': () => '%',
  C: ({ localHost, host, port, remoteUser, proxyJump }) =>
    createHash('sha1').update(`${localHost}${host}${port}${remoteUser}${proxyJump}`).digest('hex'),
  d: ({ home }) => home,
  h: ({ host }) => host,
  i: ({ localUid }) => `${localUid}`,
  j: ({ proxyJump }) => proxyJump,
  k: ({ hostKeyAlias }) => hostKeyAlias,
  L: ({ localHost }) => localHost.split('.', 1)[0] ?? '',
  l: ({ localHost }) => localHost,
  n: ({ originalHost }) => originalHost,
  p: ({ port }) => `${port}`,
  r: ({ remoteUser }) => remoteUser,
  T: () => 'NONE',
  u: ({ localUser }) => localUser,
};

/** A path with `~`, `${VARIABLE}` and tokens replaced. ConnectError `configuration` for an unset variable. */
export function expandPath(text: string, values: TokenValues, env: NodeJS.ProcessEnv): string {
  const withHome = text === '~' || text.startsWith('~/') ? `${values.home}${text.slice(1)}` : text;
  const withVariables = withHome.replace(/\$\{([^}]*)\}/g, (_whole, name: string) => {
    const value = env[name];
    if (value === undefined) {
      throw new ConnectError('configuration', `the SSH configuration uses \${${name}}, which is not set`);
    }
    // A percent sign from outside is no token.
    return value.replace(/%/g, '%%');
  });
  return expandTokens(withVariables, values);
}
