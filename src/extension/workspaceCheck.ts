import * as vscode from 'vscode';
import { detailsOf } from '../client/describe';
import { COMMANDS, type CommandId } from './commandTable';
import { connectingFailed, sentenceAbout } from './errors';
import type { Hosts } from './hosts/hosts';
import { t } from './l10n';
import type { Log } from './log';
import type { RecentFolders } from './open/recentFolders';
import { type Way, waysPastChangedKey } from './open/changedKey';
import { showError } from './show';
import { ourFolders, placeOf } from './uris';

/**
 * Looks at the folders of the window once and says plainly what is wrong with one: the explorer itself only shows
 * "unable to resolve". Connects, as the explorer is about to do the same.
 */
export async function checkFolders(hosts: Hosts, recent: RecentFolders, log: Log): Promise<void> {
  await Promise.all(ourFolders().map((folder) => checkFolder(folder, hosts, recent, log)));
}

async function checkFolder(
  { uri }: vscode.WorkspaceFolder,
  hosts: Hosts,
  recent: RecentFolders,
  log: Log,
): Promise<void> {
  const { host, path } = placeOf(uri);
  const session = hosts.session(host);
  try {
    await session.vfs();
  } catch (error) {
    log.warn(`folder ${host}:${path}: ${detailsOf(error)}`);
    const first = ['livemount.reconnect', 'livemount.openFolder'] as const;
    void offer(connectingFailed(error, host), first, uri, waysPastChangedKey(error));
  }
  try {
    const vfs = await session.awaitVfs();
    const { kind } = await vfs.stat(path);
    if (kind === 'directory') return await recent.opened({ host, path });
    const sentence = t('{0} on {1} is a file, not a folder. Open the folder that holds it.', path, host);
    await offer(sentence, ['livemount.openFolder'], uri);
  } catch (error) {
    log.warn(`folder ${host}:${path}: ${detailsOf(error)}`);
    // Disconnected by hand: nobody has to be told.
    if (session.current === undefined) return;
    const sentence = `${sentenceAbout(error, 'list', uri)} ${t('Open another folder of {0}.', host)}`;
    await offer(sentence, ['livemount.openFolder'], uri);
  }
}

/** An error with the commands that lead on. */
async function offer(
  message: string,
  first: readonly CommandId[],
  uri: vscode.Uri,
  ways: readonly Way[] = [],
): Promise<void> {
  const commands: readonly CommandId[] = [...first, 'livemount.showLog'];
  const titles = commands.map((id) => t(COMMANDS[id].title));
  const answer = await showError(message, ...ways.map(({ button }) => button), ...titles);
  await ways.find(({ button }) => button === answer)?.go();
  const command = commands[titles.indexOf(answer ?? '')];
  if (command !== undefined) await vscode.commands.executeCommand(command, uri);
}
