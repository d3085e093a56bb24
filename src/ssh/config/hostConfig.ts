import type { LocalMachine } from './localMachine';
import type { Target } from './target';
import { expandPath, expandTokens, type TokenValues } from './tokens';

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
  readonly strictHostKeyChecking: StrictHostKeyChecking;
  /** New entries of known_hosts have their host names hashed. */
  readonly hashKnownHosts: boolean;
  readonly addressFamily: 'any' | 'inet' | 'inet6';
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

/** The typed form of what the configuration says about a target. ConnectError `configuration` for a bad token. */
export function hostConfigOf(target: Target, values: ConfigValues, machine: LocalMachine): HostConfig {
  const all = (keyword: string) => values.get(keyword) ?? [];
  const one = (keyword: string) => {
    const value = all(keyword)[0];
    return value === undefined || value === '' ? undefined : value;
  };
  const unlessNone = (value: string | undefined) => (value?.toLowerCase() === 'none' ? undefined : value);
  const words = (keyword: string) =>
    all(keyword)
      .flatMap((value) => value.split(/\s+/))
      .filter(Boolean);
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
  const identities = all('identityfile');
  const preferred = one('preferredauthentications');
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
      proxyJump === undefined && { proxyCommand: expandTokens(proxyCommand, tokens) }),
    identityFiles: (identities.length > 0 ? identities : DEFAULT_IDENTITIES.map((name) => `~/.ssh/${name}`))
      .filter((file) => file.toLowerCase() !== 'none')
      .map(path),
    certificateFiles: all('certificatefile')
      .filter((file) => file.toLowerCase() !== 'none')
      .map(path),
    identitiesOnly: flag('identitiesonly', false),
    ...(identityAgent !== undefined && { identityAgent: agentSocket(identityAgent, path, machine.env) }),
    userKnownHostsFiles: knownHostsFiles(
      words('userknownhostsfile'),
      ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'],
      path,
    ),
    globalKnownHostsFiles: knownHostsFiles(
      words('globalknownhostsfile'),
      ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      path,
    ),
    strictHostKeyChecking: strictness(one('stricthostkeychecking')),
    hashKnownHosts: flag('hashknownhosts', false),
    addressFamily: family(one('addressfamily')),
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

function knownHostsFiles(
  configured: readonly string[],
  usual: readonly string[],
  path: (text: string) => string,
) {
  const files = configured.length > 0 ? configured : usual;
  return files.filter((file) => file.toLowerCase() !== 'none' && file !== '/dev/null').map(path);
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
