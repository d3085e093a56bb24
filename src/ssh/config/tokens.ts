import { createHash } from 'node:crypto';
import { ConnectError } from '../connectError';
import type { LocalMachine } from './localMachine';

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

/**
 * What may come into a command of the configuration by a token. The command runs in a shell, and what its author put
 * around the token is not known, so nothing is let through that any shell reads in a way of its own.
 */
const PLAIN_WORD = /^[\p{L}\p{M}\p{N}_.,:@%+=/\\~-]*$/u;

/**
 * Replaces the tokens in a command for a shell (ProxyCommand, `Match exec`). ConnectError `configuration` where a value
 * holds what a shell could take for its own.
 */
export function expandCommand(command: string, values: TokenValues): string {
  return expand(command, values, (value, letter) => {
    // The home folder and this machine's own names are as the user has them.
    if (/[dluLi]/.test(letter) || (PLAIN_WORD.test(value) && !value.startsWith('-'))) return value;
    throw new ConnectError(
      'configuration',
      `${JSON.stringify(value)} cannot be used in a command of the SSH configuration (%${letter} in ${JSON.stringify(command)})`,
    );
  });
}

/** Replaces the tokens in a value. ConnectError `configuration` for one that ssh_config(5) does not have. */
export function expandTokens(text: string, values: TokenValues): string {
  return expand(text, values, (value) => value);
}

function expand(
  text: string,
  values: TokenValues,
  checked: (value: string, letter: string) => string,
): string {
  return text.replace(/%(.?)/g, (_whole, letter: string) => {
    const expansion = expansions[letter];
    if (expansion === undefined) {
      throw new ConnectError(
        'configuration',
        `the SSH configuration has an unknown token %${letter} in ${JSON.stringify(text)}`,
      );
    }
    return checked(expansion(values), letter);
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

/**
 * A path with `~`, `${VARIABLE}` and tokens replaced, and the folder that OpenSSH of Windows writes as __PROGRAMDATA__.
 * ConnectError `configuration` for an unset variable.
 */
export function expandPath(text: string, values: TokenValues, env: NodeJS.ProcessEnv): string {
  const withHome = /^~(?:$|[/\\])/.test(text) ? `${values.home.replace(/%/g, '%%')}${text.slice(1)}` : text;
  const withSystem = withHome.replace(/^__PROGRAMDATA__/, () => env.ProgramData ?? 'C:\\ProgramData');
  const withVariables = withSystem.replace(/\$\{([^}]*)\}/g, (_whole, name: string) => {
    const value = env[name];
    if (value === undefined) {
      throw new ConnectError('configuration', `the SSH configuration uses \${${name}}, which is not set`);
    }
    // A percent sign from outside is no token.
    return value.replace(/%/g, '%%');
  });
  return expandTokens(withVariables, values);
}

/** Tokens for where no host is chosen yet: those that speak of one stand for nothing. */
export function tokensWithoutHost(machine: LocalMachine): TokenValues {
  return {
    originalHost: '',
    host: '',
    port: 22,
    remoteUser: '',
    proxyJump: '',
    hostKeyAlias: '',
    localUser: machine.user,
    localUid: machine.uid,
    localHost: machine.hostName,
    home: machine.home,
  };
}
