import { existsSync } from 'node:fs';
import type { HostConfig } from './config/hostConfig';
import { localMachine } from './config/localMachine';
import { type ResolveOptions, resolveHost } from './config/resolveHost';
import { parseTarget } from './config/target';
import { ConnectError } from './connectError';
import { BoundedMap } from '../base/boundedMap';
import { agentKeyTypes } from './auth/agentKeys';
import { agentSocketOf } from './auth/agentSocket';
import { LastingPrompter } from './auth/lastingPrompter';
import { isOpenSshOnly, openSshOnlyKey } from './auth/privateKeyFile';
import { nobody, type Prompter } from './auth/prompter';
import { LoginAnswers } from './auth/loginAnswers';
import { connectSsh2 } from './transport/ssh2Connect';
import { sshVersion } from './transport/sshProgram';
import { connectSystemSsh } from './transport/systemSshConnect';
import type { SshTransport } from './transport/transport';

export interface ConnectHostOptions extends ResolveOptions {
  /**
   * `builtin`: npm's ssh2. `system`: the `ssh` program, for what only that can do (FIDO keys, GSSAPI, certificates).
   * Default `auto`: built-in, unless the host or the configuration needs what only the program can do.
   */
  readonly transportKind?: 'auto' | 'builtin' | 'system';
  /** Default: nobody can be asked. */
  readonly prompter?: Prompter;
  /** Shared by all connections of a session, so that a reconnect does not ask again. */
  readonly secrets?: LoginAnswers;
  /** A file in the format of known_hosts that takes newly trusted host keys. */
  readonly hostKeyStore?: string;
  readonly onLog?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface ConnectedHost {
  readonly transport: SshTransport;
  readonly config: HostConfig;
}

/** Connects to a target as the SSH configuration says. Fails with a ConnectError. */
export async function connectHost(target: string, options: ConnectHostOptions): Promise<ConnectedHost> {
  const { prompter = nobody, signal } = options;
  if (prompter === nobody) return connectOnce(target, options);
  const lasting = new LastingPrompter(prompter);
  for (;;) {
    try {
      return await connectOnce(target, { ...options, prompter: lasting });
    } catch (error) {
      const isLost = error instanceof ConnectError && error.isTransient;
      if (!isLost || !(await isAnswered(lasting, signal))) throw error;
    }
  }
}

/** Whether the lost connection had asked something, once it is answered; false when nobody wants it any more. */
function isAnswered(lasting: LastingPrompter, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    const abort = () => resolve(false);
    signal?.addEventListener('abort', abort, { once: true });
    // The signal lives as long as the session does.
    const settled = () => signal?.removeEventListener('abort', abort);
    lasting.answered().finally(settled).then(resolve, reject);
  });
}

async function connectOnce(target: string, options: ConnectHostOptions): Promise<ConnectedHost> {
  const machine = options.machine ?? localMachine();
  const config = await resolveHost(parseTarget(target), options);
  const onLog = options.onLog ?? (() => {});
  const prompter = options.prompter ?? nobody;
  const secrets = options.secrets ?? new LoginAnswers();
  const { configFile, hostKeyStore, signal, transportKind = 'auto' } = options;
  const program = 'sshProgram' in options ? options.sshProgram : 'ssh';
  const canUseOpenSsh =
    transportKind === 'auto' && program !== undefined && (await sshVersion(program)) !== undefined;
  const overSystem = async (): Promise<ConnectedHost> => ({
    config,
    transport: await connectSystemSsh(config, {
      prompter,
      secrets,
      onLog,
      program: program ?? 'ssh',
      ...(machine.platform && { platform: machine.platform }),
      ...(configFile !== undefined && { configFile }),
      ...(signal && { signal }),
    }),
  });

  if (transportKind === 'system') return overSystem();
  if (canUseOpenSsh) {
    const reason = needing.get(keyOf(config)) ?? (await openSshReason(config, machine.env));
    if (reason !== undefined) {
      onLog(`${config.alias}: connecting with the ssh program: ${reason}`);
      return overSystem();
    }
  }
  try {
    const transport = await connectSsh2(config, {
      resolve: (hop) => resolveHost(hop, options),
      prompter,
      onLog,
      secrets,
      canUseOpenSsh,
      env: machine.env,
      ...(hostKeyStore !== undefined && { hostKeyStore }),
      ...(signal && { signal }),
    });
    return { transport, config };
  } catch (error) {
    if (!canUseOpenSsh || !(error instanceof ConnectError) || !error.needsOpenSsh) throw error;
    onLog(`${config.alias}: connecting with the ssh program: ${error.message}`);
    const connected = await overSystem();
    needing.set(keyOf(config), error.message);
    return connected;
  }
}

/** Hosts that the built-in client was not enough for in this process, with the reason: they are not tried with it again. */
const needing = new BoundedMap<string, string>(256);

function keyOf({ alias, user, hostName, port }: HostConfig): string {
  return JSON.stringify([alias, user, hostName, port]);
}

/** What only OpenSSH can do and this host's configuration asks for, in words; undefined if there is nothing. */
async function openSshReason(config: HostConfig, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (config.openSshOnly !== undefined) return `the configuration has ${config.openSshOnly}`;
  if (!config.pubkeyAuthentication) return undefined;
  const certificate = config.certificateFiles.find((file) => existsSync(file));
  if (certificate !== undefined) return `the configuration names the certificate ${certificate}`;
  for (const file of config.identityFiles) {
    const key = openSshOnlyKey(file);
    if (key !== undefined) return `there is ${key} at ${file}`;
  }
  const socket = agentSocketOf(config, env);
  if (socket === undefined || config.identitiesOnly) return undefined;
  const type = (await agentKeyTypes(socket)).find(isOpenSshOnly);
  return type === undefined ? undefined : `the agent holds a key of type ${type}`;
}
