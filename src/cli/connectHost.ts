import { join } from 'node:path';
import { type ConnectOptions, connectTree, connectVfs } from '../client/connect';
import type { RemoteTree } from '../client/remoteTree';
import type { Vfs } from '../client/vfs';
import { FEATURE_KERNEL } from '../protocol/livemount';
import { type HostCleaning, lookForLeftovers } from '../ssh/agent/clean';
import { describeStep } from '../ssh/agent/ladder';
import { npmRuntimes } from '../ssh/agent/npmRuntime';
import { agentFilesIn, loadPayload } from '../ssh/agent/payload';
import { nobody } from '../ssh/auth/prompter';
import { LoginAnswers } from '../ssh/auth/loginAnswers';
import { type ConnectHostOptions, connectHost as connectSsh } from '../ssh/connectHost';
import { type HostLink, openHost } from '../ssh/host';
import type { ConnectRequest, HostTree } from './context';
import { homeOf } from './home';
import { daemonMemory, stateFolder } from './stateFolder';
import { TtyPrompter } from './ttyPrompter';
import type { AskingWindow } from './askingWindow';

/** What the program has besides the command line. */
export interface Installation {
  /** The folder of the built programs, with the agent. */
  readonly dist: string;
  readonly isInteractive: boolean;
  /** The window that started this program, and asks and remembers for it. */
  readonly window?: AskingWindow | undefined;
}

/** A command that was killed leaves its marks on the host for so long; a link that is down for longer costs the missed events. */
const GRACE_S = 120;

/** The same for a mount, whose programs go on where they were when a machine has slept for a night. */
const MOUNT_GRACE_S = 12 * 3600;

/** Connects as the SSH configuration and the flags say: the agent on the host, or SFTP where it cannot run. */
export async function connectHost(request: ConnectRequest, installation: Installation): Promise<HostTree> {
  const link = await openLink(request, installation);
  const vfs = await connectVfs(link, { ...treeOptions(request), graceS: GRACE_S });
  return {
    vfs,
    home: () => homeOn(link, vfs),
    openTcp: (host, port, until) => link.openTcp(host, port, until),
  };
}

/** The same for a mount. */
export async function connectForMount(
  request: ConnectRequest,
  installation: Installation,
): Promise<{ readonly tree: RemoteTree; home(): Promise<string> }> {
  const link = await openLink(request, installation);
  const options = { ...treeOptions(request), graceS: MOUNT_GRACE_S, features: FEATURE_KERNEL };
  const tree = await connectTree(link, options);
  return { tree, home: () => homeOn(link, tree) };
}

function treeOptions({ flags: { cache, durability }, signal }: ConnectRequest): ConnectOptions {
  return {
    signal,
    durability: () => durability ?? 'fsync',
    ...(cache !== undefined && { modeOf: () => cache }),
  };
}

/** Without an agent it is the SFTP server that knows: the folder it starts in, as for scp. */
function homeOn(link: HostLink, vfs: Vfs): Promise<string> {
  return link.rung === 'sftp' ? startFolder(link) : homeOf(vfs);
}

async function openLink(request: ConnectRequest, installation: Installation): Promise<HostLink> {
  const { target, flags, log } = request;
  const folder = stateFolder();
  if (folder === undefined)
    log(1, 'no folder of yours can be written here: nothing is remembered for next time');
  const { reach } = flags;
  const link = await openHost(target, {
    ...sshOptions(request, installation, folder),
    payload: await loadPayload(agentFilesIn(installation.dist)),
    runtimes: npmRuntimes(folder),
    ...(folder !== undefined && { daemonMemory: daemonMemory(folder) }),
    onProgress: (step) => log(1, `${target}: ${describeStep(step)}`),
    ...(reach !== undefined && { rungs: reach }),
  });
  log(1, `${target}: connected, ${link.rung} (${link.reason})`);
  return link;
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
  { isInteractive, window }: Installation,
  folder: string | undefined,
): ConnectHostOptions {
  const { 'ssh-config': configFile, transport } = flags;
  const hostKeyStore =
    window?.hostKeyStore ?? (folder === undefined ? undefined : join(folder, 'known_hosts'));
  return {
    // A connection that is made again asks for nothing that was answered before.
    secrets: new LoginAnswers(window?.secrets),
    prompter: window?.prompter ?? (isInteractive ? new TtyPrompter() : nobody),
    ...(hostKeyStore !== undefined && { hostKeyStore }),
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
