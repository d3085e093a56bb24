import { existsSync } from 'node:fs';
import { ConnectError } from '../connectError';
import type { LocalMachine } from './localMachine';
import { isHostName, type Target } from './target';
import { expandCommand, expandPath, expandTokens, type TokenValues } from './tokens';

/** Keyword in lower case to its values in order, as `ssh -G` prints them; what is not there has its default. */
export type ConfigValues = ReadonlyMap<string, readonly string[]>;

export type StrictHostKeyChecking = 'yes' | 'no' | 'accept-new' | 'ask';

/** How to reach one host: ssh_config(5), evaluated for it, with tokens and paths expanded. */
export interface HostConfig {
  /** As the user wrote it. */
  readonly alias: string;
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** Under which name its keys are on record, if not its own. */
  readonly hostKeyAlias?: string;
  /** Hops, in order; empty for none. */
  readonly proxyJump: readonly string[];
  readonly proxyCommand?: string;
  readonly identityFiles: readonly string[];
  readonly certificateFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Socket of the agent; absent for the one of the environment, if any; `none` for no agent. */
  readonly identityAgent?: string;
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  /** The configuration keeps no record of host keys (`UserKnownHostsFile /dev/null`), and so none is kept. */
  readonly keepsNoHostKeys: boolean;
  /** What only OpenSSH can do and the configuration asks for, as the keyword that does; absent for nothing of the kind. */
  readonly openSshOnly?: string;
  readonly strictHostKeyChecking: StrictHostKeyChecking;
  /** New entries of known_hosts have their host names hashed. */
  readonly hashKnownHosts: boolean;
  readonly addressFamily: 'any' | 'inet' | 'inet6';
  /** The address of this machine to connect from. */
  readonly bindAddress?: string;
  /** Seconds; absent for the default of the caller. */
  readonly connectTimeoutS?: number;
  /** Seconds between two signs of life that are asked for; 0 as configured for never. */
  readonly serverAliveIntervalS: number;
  readonly serverAliveCountMax: number;
  readonly pubkeyAuthentication: boolean;
  readonly passwordAuthentication: boolean;
  readonly kbdInteractiveAuthentication: boolean;
  readonly numberOfPasswordPrompts: number;
  /** Authentication methods in the order to try them; absent for the usual one. */
  readonly preferredAuthentications?: readonly string[];
  /** Algorithms, as lists of names; absent for the defaults of the transport. */
  readonly hostKeyAlgorithms?: readonly string[];
  readonly ciphers?: readonly string[];
  readonly macs?: readonly string[];
  readonly kexAlgorithms?: readonly string[];
}

/** Where OpenSSH looks for keys when the configuration names none (ssh_config(5), IdentityFile). */
const DEFAULT_IDENTITIES = ['id_rsa', 'id_ecdsa', 'id_ecdsa_sk', 'id_ed25519', 'id_ed25519_sk'];

const USER_KNOWN_HOSTS = ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
const GLOBAL_KNOWN_HOSTS = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];

/** Keywords with a value that only OpenSSH acts on; `none` and `no` are none. */
const OPENSSH_ONLY = [
  'KnownHostsCommand',
  'PKCS11Provider',
  'BindInterface',
  'ProxyUseFdpass',
  'VerifyHostKeyDNS',
  'NoHostAuthenticationForLocalhost',
  'HostbasedAuthentication',
];

/** The typed form of what the configuration says about a target. ConnectError `configuration` for a bad token. */
export function hostConfigOf(target: Target, values: ConfigValues, machine: LocalMachine): HostConfig {
  const all = (keyword: string) => values.get(keyword) ?? [];
  const one = (keyword: string) => {
    const value = all(keyword)[0];
    return value === undefined || value === '' ? undefined : value;
  };
  const unlessNone = (value: string | undefined) => (value?.toLowerCase() === 'none' ? undefined : value);
  const flag = (keyword: string, otherwise: boolean) => {
    const value = one(keyword)?.toLowerCase();
    return value === undefined ? otherwise : value === 'yes' || value === 'true';
  };
  const amount = (keyword: string, otherwise: number) => {
    const value = one(keyword);
    return value === undefined || !/^\d+$/.test(value) ? otherwise : Number(value);
  };
  const list = (keyword: string) => algorithmList(one(keyword));

  const hostName = one('hostname') ?? target.host;
  // CanonicalizeHostname takes names from DNS.
  if (!isHostName(hostName)) {
    throw new ConnectError(
      'configuration',
      `the SSH configuration gives ${target.host} the name ${JSON.stringify(hostName)}, which no host can have`,
    );
  }
  const port = target.port ?? amount('port', 22);
  const user = target.user ?? one('user') ?? machine.user;
  const hostKeyAlias = one('hostkeyalias');
  const proxyJump = unlessNone(one('proxyjump'));
  const tokens: TokenValues = {
    originalHost: target.host,
    host: hostName,
    port,
    remoteUser: user,
    proxyJump: proxyJump ?? '',
    hostKeyAlias: hostKeyAlias ?? target.host,
    localUser: machine.user,
    localUid: machine.uid,
    localHost: machine.hostName,
    home: machine.home,
  };
  const path = (text: string) => expandPath(text, tokens, machine.env);
  const proxyCommand = unlessNone(one('proxycommand'));
  const identityAgent = one('identityagent');
  const connectTimeout = one('connecttimeout');
  const bindAddress = one('bindaddress');
  const identities = all('identityfile');
  const preferred = one('preferredauthentications');
  const userFiles = fileNames(all('userknownhostsfile'), USER_KNOWN_HOSTS, path);
  const openSshOnly = OPENSSH_ONLY.find((keyword) => {
    const value = unlessNone(one(keyword.toLowerCase()))?.toLowerCase();
    return value !== undefined && value !== 'no' && value !== 'false';
  });
  const algorithms = {
    hostKeyAlgorithms: list('hostkeyalgorithms'),
    ciphers: list('ciphers'),
    macs: list('macs'),
    kexAlgorithms: list('kexalgorithms'),
  };

  return {
    alias: target.host,
    hostName,
    port,
    user,
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    proxyJump:
      proxyJump === undefined
        ? []
        : expandTokens(proxyJump, tokens)
            .split(',')
            .map((hop) => hop.trim()),
    // ssh_config(5): of ProxyCommand and ProxyJump, the one that is configured first counts; `ssh -G` prints one.
    ...(proxyCommand !== undefined &&
      proxyJump === undefined && { proxyCommand: expandCommand(proxyCommand, tokens) }),
    identityFiles: (identities.length > 0 ? identities : DEFAULT_IDENTITIES.map((name) => `~/.ssh/${name}`))
      .filter((file) => file.toLowerCase() !== 'none')
      .map(path),
    certificateFiles: all('certificatefile')
      .filter((file) => file.toLowerCase() !== 'none')
      .map(path),
    identitiesOnly: flag('identitiesonly', false),
    ...(identityAgent !== undefined && { identityAgent: agentSocket(identityAgent, path, machine.env) }),
    userKnownHostsFiles: userFiles.filter((file) => !isNothing(file)),
    globalKnownHostsFiles: fileNames(all('globalknownhostsfile'), GLOBAL_KNOWN_HOSTS, path).filter(
      (file) => !isNothing(file),
    ),
    keepsNoHostKeys: userFiles.every(isNothing),
    ...(openSshOnly !== undefined && { openSshOnly }),
    strictHostKeyChecking: strictness(one('stricthostkeychecking')),
    hashKnownHosts: flag('hashknownhosts', false),
    addressFamily: family(one('addressfamily')),
    ...(bindAddress !== undefined && { bindAddress }),
    ...(connectTimeout !== undefined &&
      /^\d+$/.test(connectTimeout) && { connectTimeoutS: Number(connectTimeout) }),
    serverAliveIntervalS: amount('serveraliveinterval', 0),
    serverAliveCountMax: amount('serveralivecountmax', 3),
    pubkeyAuthentication: flag('pubkeyauthentication', true),
    passwordAuthentication: flag('passwordauthentication', true),
    kbdInteractiveAuthentication: flag(
      'kbdinteractiveauthentication',
      flag('challengeresponseauthentication', true),
    ),
    numberOfPasswordPrompts: amount('numberofpasswordprompts', 3),
    ...(preferred !== undefined && { preferredAuthentications: preferred.split(',') }),
    ...Object.fromEntries(Object.entries(algorithms).filter(([, names]) => names !== undefined)),
  };
}

/** `SSH_AUTH_SOCK` and `$NAME` name a variable; anything else is a path, or `none`. (ssh_config(5), IdentityAgent) */
function agentSocket(value: string, path: (text: string) => string, env: NodeJS.ProcessEnv): string {
  if (value.toLowerCase() === 'none') return 'none';
  const variable = value === 'SSH_AUTH_SOCK' ? value : /^\$(\w+)$/.exec(value)?.[1];
  return variable === undefined ? path(value) : (env[variable] ?? 'none');
}

/**
 * The files of a list. `ssh -G` prints such a list with its quotes gone: where several words are the name of a file that
 * is there, they are one name.
 */
function fileNames(
  configured: readonly string[],
  usual: readonly string[],
  path: (text: string) => string,
): string[] {
  if (configured.length === 0) return usual.map(path);
  return configured.flatMap((value) => {
    const words = value.split(' ');
    const names: string[] = [];
    for (let at = 0; at < words.length; ) {
      let end = words.length;
      while (end > at + 1 && !existsSync(path(words.slice(at, end).join(' ')))) end--;
      const name = words.slice(at, end).join(' ');
      if (name !== '') names.push(path(name));
      at = end;
    }
    return names;
  });
}

/** Names that stand for no file. */
function isNothing(file: string): boolean {
  return /^(?:\/dev\/null|none|nul)$/i.test(file);
}

function strictness(value: string | undefined): StrictHostKeyChecking {
  switch (value?.toLowerCase()) {
    case 'yes':
    case 'true':
      return 'yes';
    case 'no':
    case 'off':
    case 'false':
      return 'no';
    case 'accept-new':
      return 'accept-new';
    default:
      return 'ask';
  }
}

function family(value: string | undefined): HostConfig['addressFamily'] {
  const lower = value?.toLowerCase();
  return lower === 'inet' || lower === 'inet6' ? lower : 'any';
}

/** A plain list of algorithms. Lists that modify the default (`+`, `-`, `^`) are left to the transport's default. */
function algorithmList(value: string | undefined): readonly string[] | undefined {
  return value === undefined || /^[+^-]/.test(value) ? undefined : value.split(',');
}
