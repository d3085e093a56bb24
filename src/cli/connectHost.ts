import { join } from 'node:path';
import { connectVfs } from '../client/connect';
import type { Vfs } from '../client/vfs';
import { openHost } from '../ssh/host';
import { describeStep } from '../ssh/agent/ladder';
import { npmRuntimes } from '../ssh/agent/npmRuntime';
import { agentFilesIn, loadPayload } from '../ssh/agent/payload';
import { nobody } from '../ssh/auth/prompter';
import type { ConnectRequest } from './context';
import type { Flags } from './options';
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
export async function connectHost(
  { target, flags, signal, log }: ConnectRequest,
  { dist, isInteractive }: Installation,
): Promise<Vfs> {
  const folder = stateFolder();
  const { 'ssh-config': configFile, transport, reach, cache, durability } = flags satisfies Flags;
  const link = await openHost(target, {
    payload: await loadPayload(agentFilesIn(dist)),
    prompter: isInteractive ? new TtyPrompter() : nobody,
    hostKeyStore: join(folder, 'known_hosts'),
    runtimes: npmRuntimes(folder),
    daemonMemory: daemonMemory(folder),
    signal,
    onLog: (line) => log(2, line),
    onProgress: (step) => log(1, `${target}: ${describeStep(step)}`),
    ...(configFile !== undefined && { configFile }),
    ...(transport !== undefined && { transportKind: transport }),
    ...(reach !== undefined && { rungs: reach }),
  });
  log(1, `${target}: connected, ${link.rung} (${link.reason})`);
  return connectVfs(link, {
    signal,
    durability: () => durability ?? 'fsync',
    graceS: GRACE_S,
    ...(cache !== undefined && { modeOf: () => cache }),
  });
}
