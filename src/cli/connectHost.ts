import { join } from 'node:path';
import { connectVfs } from '../client/connect';
import { type HostCleaning, lookForLeftovers } from '../ssh/agent/clean';
import { describeStep } from '../ssh/agent/ladder';
import { npmRuntimes } from '../ssh/agent/npmRuntime';
import { agentFilesIn, loadPayload } from '../ssh/agent/payload';
import { nobody } from '../ssh/auth/prompter';
import { type ConnectHostOptions, connectHost as connectSsh } from '../ssh/connectHost';
import { type HostLink, openHost } from '../ssh/host';
import type { ConnectRequest, HostTree } from './context';
import { homeOf } from './home';
import { daemonMemory, stateFolder } from './stateFolder';
import { TtyPrompter } from './ttyPrompter';

/** What the program has besides the command line. */
export interface Installation {
  /** The folder of the built programs, with the agent. */
  readonly dist: string;
  readonly isInteractive: boolean;
}

/** A command that was killed leaves its marks on the host for so long; a link that is down for longer costs the missed events. */
const GRACE_S = 120;

/** Connects as the SSH configuration and the flags say: the agent on the host, or SFTP where it cannot run. */
export async function connectHost(request: ConnectRequest, installation: Installation): Promise<HostTree> {
  const { target, flags, signal, log } = request;
  const folder = stateFolder();
  if (folder === undefined)
    log(1, 'no folder of yours can be written here: nothing is remembered for next time');
  const { reach, cache, durability } = flags;
  const link = await openHost(target, {
    ...sshOptions(request, installation, folder),
    payload: await loadPayload(agentFilesIn(installation.dist)),
    runtimes: npmRuntimes(folder),
    ...(folder !== undefined && { daemonMemory: daemonMemory(folder) }),
    onProgress: (step) => log(1, `${target}: ${describeStep(step)}`),
    ...(reach !== undefined && { rungs: reach }),
  });
  log(1, `${target}: connected, ${link.rung} (${link.reason})`);
  const vfs = await connectVfs(link, {
    signal,
    durability: () => durability ?? 'fsync',
    graceS: GRACE_S,
    ...(cache !== undefined && { modeOf: () => cache }),
  });
  // Without an agent it is the SFTP server that knows: the folder it starts in, as for scp.
  return { vfs, home: () => (link.rung === 'sftp' ? startFolder(link) : homeOf(vfs)) };
}

/** Connects without an agent, to see and remove what Livemount keeps there. */
export async function cleanHost(request: ConnectRequest, installation: Installation): Promise<HostCleaning> {
  const { transport } = await connectSsh(request.target, sshOptions(request, installation, stateFolder()));
  try {
    return await lookForLeftovers(transport);
  } catch (error) {
    transport.dispose();
    throw error;
  }
}

function sshOptions(
  { flags, signal, log }: ConnectRequest,
  { isInteractive }: Installation,
  folder: string | undefined,
): ConnectHostOptions {
  const { 'ssh-config': configFile, transport } = flags;
  return {
    prompter: isInteractive ? new TtyPrompter() : nobody,
    ...(folder !== undefined && { hostKeyStore: join(folder, 'known_hosts') }),
    signal,
    onLog: (line) => log(2, line),
    ...(configFile !== undefined && { configFile }),
    ...(transport !== undefined && { transportKind: transport }),
  };
}

async function startFolder(link: HostLink): Promise<string> {
  const sftp = await link.openSftp();
  try {
    return await new Promise((resolve, reject) => {
      sftp.realpath('.', (error, path) => (error ? reject(error) : resolve(path)));
    });
  } finally {
    sftp.end();
  }
}
