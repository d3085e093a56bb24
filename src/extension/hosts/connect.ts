import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type * as vscode from 'vscode';
import { connectVfs } from '../../client/connect';
import type { Link } from '../../client/session/link';
import type { Vfs } from '../../client/vfs';
import { type HostLink, openHost } from '../../ssh/host';
import { describeStep } from '../../ssh/agent/ladder';
import { npmRuntimes } from '../../ssh/agent/npmRuntime';
import { type AgentPayload, agentFilesIn, loadPayload } from '../../ssh/agent/payload';
import { LoginAnswers } from '../../ssh/auth/loginAnswers';
import type { Answering } from '../../ssh/auth/passedOn';
import { inWords } from '../errors';
import { t } from '../l10n';
import { showError } from '../show';
import type { AllowedHosts } from './allowedHosts';
import { ConnectError } from '../../ssh/connectError';
import type { Connect, Connected } from './hostSession';
import type { Log } from '../log';
import { askSudoPassword, secretStore, WindowPrompter } from '../prompts';
import { setting } from '../settings';

const MIB = 2 ** 20;

/** Asks in the window, and remembers for it: for its own connections, and for the processes it starts. */
export interface WindowAnswers extends Answering {
  readonly answers: LoginAnswers;
}

export function windowAnswers(context: vscode.ExtensionContext): WindowAnswers {
  const answers = new LoginAnswers(secretStore(context.secrets));
  return {
    prompter: new WindowPrompter(),
    answers,
    secrets: {
      get: (key) => answers.get(key),
      set: (key, secret) => answers.accept(key, secret, true),
      delete: (key) => answers.reject(key),
    },
  };
}

/** Where the host keys are that were trusted in a window. */
export function hostKeyStoreIn(context: vscode.ExtensionContext): string {
  return path.join(context.globalStorageUri.fsPath, 'known_hosts');
}

/** Makes the function that connects a host: SSH as the settings say, the agent or SFTP behind it, a client over that. */
export function hostConnector(
  context: vscode.ExtensionContext,
  allowed: AllowedHosts,
  { prompter, answers: secrets }: WindowAnswers,
  log: Log,
): Connect {
  const storage = context.globalStorageUri.fsPath;
  let payload: Promise<AgentPayload> | undefined;

  return async (host, signal): Promise<Connected> => {
    if (!(await allowed.permit(host))) {
      throw new ConnectError('cancelled', t('{0} was not connected, as nobody allowed it', host));
    }
    mkdirSync(storage, { recursive: true, mode: 0o700 });
    payload ??= loadPayload(agentFilesIn(path.join(context.extensionPath, 'dist')));
    const configFile = setting('livemount.ssh.configFile');
    const link = await openHost(host, {
      payload: await payload,
      prompter,
      secrets,
      signal,
      hostKeyStore: hostKeyStoreIn(context),
      runtimes: npmRuntimes(storage),
      transportKind: setting('livemount.transport'),
      rungs: setting('livemount.reach'),
      graceS: setting('livemount.graceTime'),
      daemonMemory: {
        get: async (key) => context.globalState.get<string>(key),
        set: (key, value) => context.globalState.update(key, value),
      },
      onLog: (line) => log.debug(`ssh ${host}: ${line}`),
      onProgress: (step) => log.info(`host ${host}: ${describeStep(step)}`),
      ...(configFile !== '' && { configFile }),
    });
    const vfs = await connectVfs(link, {
      contentBytes: setting('livemount.cache.memory') * MIB,
      modeOf: (mountpoint) => cacheModeOf(host, mountpoint),
      durability: () => setting('livemount.durability'),
      flushFailed: (error) => {
        const { sentence, details } = inWords(error);
        log.error(`host ${host}: flushing failed: ${details}`);
        void showError(t('What was saved on {0} last may not be on its disk: {1}', host, sentence));
      },
      listenerFailed: (error) => log.error(`host ${host}: a listener failed: ${inWords(error).details}`),
      graceS: setting('livemount.graceTime'),
      prefetch: true,
      signal,
    });
    return {
      vfs,
      rung: link.rung,
      reason: link.reason,
      home: () => homeOn(link),
      asRoot: () => rootVfs(link, host),
      openTcp: (to, port) => link.openTcp(to, port),
    };
  };
}

/** The most particular mode of the settings: of the mount, of the host, of all. */
function cacheModeOf(host: string, mountpoint: string) {
  const modes = setting('livemount.cache.modes');
  return modes[`${host}:${mountpoint}`] ?? modes[host] ?? setting('livemount.cache.mode');
}

/** A client of its own, to a server of root's that lives as long as it does. Disposing it ends both. */
async function rootVfs(link: HostLink, host: string): Promise<Vfs> {
  const channel = await link.openRootChannel((attempt, message) => askSudoPassword(host, attempt, message));
  const once: Link = {
    rung: link.rung,
    reason: 'as root',
    // A drop ends it: what was not acknowledged is saved anew, with the password asked for again.
    openChannel: async () => channel,
    isTransient: () => false,
    dispose: () => void channel.destroy(),
  };
  try {
    return await connectVfs(once, { durability: () => 'fsync' });
  } catch (error) {
    channel.destroy();
    throw error;
  }
}

/** Where SFTP starts is the user's home, and no login script can print into the answer. */
async function homeOn(link: HostLink): Promise<string> {
  const sftp = await link.openSftp();
  try {
    return await new Promise((resolve, reject) => {
      sftp.realpath('.', (error, home) => (error === undefined ? resolve(home) : reject(error)));
    });
  } finally {
    sftp.end();
  }
}
