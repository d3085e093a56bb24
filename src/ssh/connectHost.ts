import { existsSync } from 'node:fs';
import type { HostConfig } from './config/hostConfig';
import { localMachine } from './config/localMachine';
import { type ResolveOptions, resolveHost } from './config/resolveHost';
import { parseTarget } from './config/target';
import { ConnectError } from './connectError';
import { LastingPrompter } from './auth/lastingPrompter';
import { nobody, type Prompter } from './auth/prompter';
import { SessionSecrets } from './auth/secrets';
import { connectSsh2 } from './transport/ssh2Connect';
import { connectSystemSsh } from './transport/systemSshConnect';
import type { SshTransport } from './transport/transport';

export interface ConnectHostOptions extends ResolveOptions {
  /**
   * `builtin`: npm's ssh2. `system`: the `ssh` program, for what only that can do (FIDO keys, GSSAPI, certificates).
   * Default `auto`: built-in, unless the configuration names a certificate.
   */
  readonly transportKind?: 'auto' | 'builtin' | 'system';
  /** Default: nobody can be asked. */
  readonly prompter?: Prompter;
  /** Shared by all connections of a session, so that a reconnect does not ask again. */
  readonly secrets?: SessionSecrets;
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
  const secrets = options.secrets ?? new SessionSecrets();
  const transport = needsSystemSsh(config, options)
    ? await connectSystemSsh(config, {
        prompter,
        secrets,
        onLog,
        program: options.sshProgram ?? 'ssh',
        ...(options.configFile !== undefined && { configFile: options.configFile }),
        ...(options.signal && { signal: options.signal }),
      })
    : await connectSsh2(config, {
        resolve: (hop) => resolveHost(hop, options),
        prompter,
        onLog,
        secrets,
        env: machine.env,
        ...(options.hostKeyStore !== undefined && { hostKeyStore: options.hostKeyStore }),
        ...(options.signal && { signal: options.signal }),
      });
  return { transport, config };
}

function needsSystemSsh(config: HostConfig, options: ConnectHostOptions): boolean {
  const kind = options.transportKind ?? 'auto';
  if (kind !== 'auto') return kind === 'system';
  const hasProgram = !('sshProgram' in options) || options.sshProgram !== undefined;
  return hasProgram && config.certificateFiles.some((file) => existsSync(file));
}
