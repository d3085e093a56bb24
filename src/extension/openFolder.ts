import * as vscode from 'vscode';
import type { DirectoryEntry, Vfs } from '../client/vfs';
import { parseTarget } from '../ssh/config/target';
import { errorSentence } from './errors';
import type { Hosts, HostSession } from './hosts';
import { uriOf } from './uris';

type HostItem = vscode.QuickPickItem & { readonly host?: string };
type PlaceItem = vscode.QuickPickItem & { readonly path: string; readonly open?: boolean };

/** "Open Folder…": a host of the SSH configuration or a typed one, then a folder found by browsing. */
export async function openFolder(hosts: Hosts, configured: readonly string[]): Promise<void> {
  const host = await pickHost(hosts, configured);
  if (host === undefined) return;
  const session = hosts.session(host);
  const vfs = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Connecting to ${host}`, cancellable: true },
    (_progress, token) => {
      token.onCancellationRequested(() => session.disconnect());
      return session.reconnect().then(() => session.vfs());
    },
  );
  const path = await pickFolder(session, vfs, await session.home());
  if (path === undefined) return;
  const uri = uriOf({ host, path });
  // A window without folders is taken over; one with folders keeps them.
  const forceNewWindow = (vscode.workspace.workspaceFolders ?? []).length > 0;
  await vscode.commands.executeCommand('vscode.openFolder', uri, { forceNewWindow });
}

function pickHost(hosts: Hosts, configured: readonly string[]): Promise<string | undefined> {
  const known = new Set([...hosts.all().map((session) => session.host), ...configured]);
  const items: HostItem[] = [...known].map((host) => ({ label: `$(vm) ${host}`, host }));
  const pick = vscode.window.createQuickPick<HostItem>();
  pick.title = 'Livemount: Open Folder on Which Host?';
  pick.placeholder = 'A host of your SSH configuration, or user@host:port';
  const offer = () => {
    const typed = pick.value.trim();
    const own: HostItem[] =
      typed === '' || known.has(typed) ? [] : [{ label: `$(add) ${typed}`, host: typed, alwaysShow: true }];
    pick.items = [...items, ...own];
  };
  offer();
  pick.onDidChangeValue(offer);
  return chosen(pick, () => {
    const host = pick.selectedItems[0]?.host ?? pick.value.trim();
    if (host === '') return undefined;
    try {
      parseTarget(host);
      return host;
    } catch (error) {
      pick.title = errorSentence(error);
      return undefined;
    }
  });
}

/** Browses from a folder on; a typed absolute path goes there. */
function pickFolder(session: HostSession, vfs: Vfs, start: string): Promise<string | undefined> {
  const pick = vscode.window.createQuickPick<PlaceItem>();
  let current = start;
  const show = async (path: string): Promise<void> => {
    pick.busy = true;
    try {
      const entries = await vfs.readDirectory(path);
      current = path;
      pick.value = '';
      pick.title = `${session.host}: ${path}`;
      pick.placeholder = 'Pick a folder, or type an absolute path';
      pick.items = placesIn(path, entries);
    } catch (error) {
      pick.title = errorSentence(error, uriOf({ host: session.host, path }));
    } finally {
      pick.busy = false;
    }
  };
  pick.onDidChangeValue((value) => {
    const here = placesIn(current, []);
    if (value.startsWith('/')) pick.items = [{ label: value, path: value, alwaysShow: true }, ...here];
  });
  void show(current);
  return chosen(pick, () => {
    // A path that was typed counts, also if Enter came before the list could follow.
    if (pick.value.startsWith('/')) {
      void show(pick.value);
      return undefined;
    }
    const item = pick.selectedItems[0];
    if (item === undefined) return undefined;
    if (item.open) return item.path;
    void show(item.path);
    return undefined;
  });
}

function placesIn(path: string, entries: readonly DirectoryEntry[]): PlaceItem[] {
  const below = (name: string) => `${path === '/' ? '' : path}/${name}`;
  const folders = entries
    .filter((entry) => entry.kind === 'directory')
    .sort((a, b) => a.name.localeCompare(b.name))
    .map((entry) => ({
      label: `$(folder) ${entry.name}`,
      path: below(entry.name),
      ...(entry.isMountpoint && { description: 'mount point' }),
    }));
  const up =
    path === '/' ? [] : [{ label: '$(arrow-up) ..', path: path.slice(0, path.lastIndexOf('/')) || '/' }];
  return [
    { label: '$(folder-opened) Open this folder', description: path, path, open: true },
    ...up,
    ...folders,
  ];
}

/** Shows a pick until `accept` gives an answer or the user leaves it. */
function chosen<T extends vscode.QuickPickItem, R>(
  pick: vscode.QuickPick<T>,
  accept: () => R | undefined,
): Promise<R | undefined> {
  pick.ignoreFocusOut = true;
  return new Promise((resolve) => {
    pick.onDidAccept(() => {
      const answer = accept();
      if (answer === undefined) return;
      resolve(answer);
      pick.dispose();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}
