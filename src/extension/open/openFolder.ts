import * as vscode from 'vscode';
import { detailsOf } from '../../client/describe';
import { connectingFailed } from '../errors';
import type { AllowedHosts } from '../hosts/allowedHosts';
import type { Hosts } from '../hosts/hosts';
import { t } from '../l10n';
import type { WindowLog } from '../show';
import { showError, showProgress } from '../show';
import { type Place, uriOf } from '../uris';
import { addHost } from './addHost';
import { waysPastChangedKey } from './changedKey';
import { FolderPicker } from './folderPicker';
import { chooseHost } from './hostPicker';
import type { RecentFolders } from './recentFolders';

export interface Opening {
  readonly hosts: Hosts;
  readonly allowed: AllowedHosts;
  readonly recent: RecentFolders;
  readonly log: WindowLog;
  /** The hosts that the SSH configuration names. */
  configuredHosts(): readonly string[];
  /** The SSH configuration that the settings name, if they name one. */
  configFile(): string | undefined;
}

/** What is done with the folder that was chosen. */
export type OpenPlace = (place: Place) => Thenable<unknown>;

/** "Open Folder…": a recent folder; or a host of the SSH configuration or a typed one, then a folder found by browsing. */
export async function openFolder(
  opening: Opening,
  open: OpenPlace = (place) => openPlace(place),
): Promise<void> {
  const choice = await chooseHost(opening.hosts, opening.configuredHosts(), opening.recent);
  if (choice === undefined) return;
  if (choice.kind === 'folder') {
    await opening.allowed.allow(choice.place.host);
    await open(choice.place);
    return;
  }
  const host = choice.kind === 'host' ? choice.host : await newHost(opening);
  if (host !== undefined) await openFolderOn(opening, host, open);
}

/** "Add Host…": the host, once it is in the SSH configuration. */
export async function newHost({ configFile, configuredHosts }: Opening): Promise<string | undefined> {
  return addHost(configFile(), configuredHosts());
}

/** Browses a host that its user named. */
export async function openFolderOn(
  opening: Opening,
  host: string,
  open: OpenPlace = (place) => openPlace(place),
): Promise<void> {
  const { hosts, allowed, log } = opening;
  await allowed.allow(host);
  const session = hosts.session(host);
  try {
    const vfs = await showProgress(t('Connecting to {0}', host), (_progress, token) => {
      token.onCancellationRequested(() => session.disconnect());
      return session.reconnect().then(() => session.vfs());
    });
    const path = await FolderPicker.choose(host, vfs, await session.home());
    if (path !== undefined) await open({ host, path });
  } catch (error) {
    // Cancelled by hand: nobody has to be told.
    if (session.state === 'disconnected') return;
    log.error(`host ${host}: ${detailsOf(error)}`);
    void offerAgain(opening, host, error, open);
  }
}

/** A failed host can be tried again, or forgotten: a mistyped one should not stay in the view. */
async function offerAgain(opening: Opening, host: string, error: unknown, open: OpenPlace): Promise<void> {
  const ways = waysPastChangedKey(error);
  const again = t('Try Again');
  const forget = t('Forget This Host');
  const showLog = t('Show Log');
  const isConfigured = opening.configuredHosts().includes(host);
  const buttons = isConfigured ? [again, showLog] : [again, forget, showLog];
  const answer = await showError(
    connectingFailed(error, host),
    ...ways.map(({ button }) => button),
    ...buttons,
  );
  await ways.find(({ button }) => button === answer)?.go();
  if (answer === again) await openFolderOn(opening, host, open);
  else if (answer === forget) await forgetHost(opening, host);
  else if (answer === showLog) opening.log.show();
}

/** Takes a host out of the window, and what was remembered of it out of the memory. */
export async function forgetHost({ hosts, allowed, recent }: Opening, host: string): Promise<void> {
  await allowed.forget(host);
  for (const place of recent.list()) if (place.host === host) await recent.forget(place);
  hosts.forget(hosts.session(host));
}

/** A window without folders is taken over; one with folders keeps them. */
export function openPlace(place: Place, inNewWindow?: boolean): Thenable<unknown> {
  const forceNewWindow = inNewWindow ?? (vscode.workspace.workspaceFolders ?? []).length > 0;
  return vscode.commands.executeCommand('vscode.openFolder', uriOf(place), { forceNewWindow });
}
