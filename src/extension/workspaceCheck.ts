import * as vscode from 'vscode';
import { COMMANDS } from './commandTable';
import { errorSentence } from './errors';
import type { Hosts } from './hosts';
import type { Log } from './log';
import { ourFolders, placeOf } from './uris';

/**
 * Looks at the folders of the window once and says plainly what is wrong with one: the explorer itself only shows
 * "unable to resolve". Connects, as the explorer is about to do the same.
 */
export async function checkFolders(hosts: Hosts, log: Log): Promise<void> {
  await Promise.all(ourFolders().map((folder) => checkFolder(folder, hosts, log)));
}

async function checkFolder(folder: vscode.WorkspaceFolder, hosts: Hosts, log: Log): Promise<void> {
  const { host, path } = placeOf(folder.uri);
  const session = hosts.session(host);
  try {
    const vfs = await session.vfs();
    const { kind } = await vfs.stat(path);
    if (kind === 'directory') return;
    await offer(`${path} on ${host} is a file, not a folder. Open the folder that holds it.`, []);
  } catch (error) {
    log.warn(`folder ${host}:${path}: ${error instanceof Error ? error.message : String(error)}`);
    const connected = session.current !== undefined;
    const sentence = errorSentence(error, folder.uri);
    if (connected) await offer(`${sentence} Open another folder of ${host}.`, []);
    else await offer(`Livemount can’t reach ${host}: ${sentence}`, ['livemount.reconnect']);
  }
}

/** An error with the commands that lead on. */
async function offer(
  message: string,
  first: readonly ('livemount.reconnect' | 'livemount.showLog')[],
): Promise<void> {
  const commands = [...first, 'livemount.openFolder', 'livemount.showLog'] as const;
  const titles = commands.map((id) => COMMANDS[id].title);
  const answer = await vscode.window.showErrorMessage(message, ...titles);
  const command = commands.find((id) => COMMANDS[id].title === answer);
  if (command !== undefined) await vscode.commands.executeCommand(command);
}
