import * as vscode from 'vscode';
import { detailsOf } from '../client/describe';
import { COMMANDS } from './commandTable';
import { connectingFailed, sentenceAbout } from './errors';
import type { Hosts } from './hosts';
import type { Log } from './log';
import { t } from './l10n';
import { showError } from './show';
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
    await offer(t('{0} on {1} is a file, not a folder. Open the folder that holds it.', path, host), []);
  } catch (error) {
    log.warn(`folder ${host}:${path}: ${detailsOf(error)}`);
    const connected = session.current !== undefined;
    if (connected) {
      await offer(
        `${sentenceAbout(error, 'list', folder.uri)} ${t('Open another folder of {0}.', host)}`,
        [],
      );
    } else {
      await offer(connectingFailed(error, host), ['livemount.reconnect']);
    }
  }
}

/** An error with the commands that lead on. */
async function offer(
  message: string,
  first: readonly ('livemount.reconnect' | 'livemount.showLog')[],
): Promise<void> {
  const commands = [...first, 'livemount.openFolder', 'livemount.showLog'] as const;
  const titles = commands.map((id) => COMMANDS[id].title);
  const answer = await showError(message, ...titles);
  const command = commands.find((id) => COMMANDS[id].title === answer);
  if (command !== undefined) await vscode.commands.executeCommand(command);
}
