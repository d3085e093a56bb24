import * as vscode from 'vscode';
import type { DirectoryEntry, Vfs } from '../client/vfs';
import { parseTarget } from '../ssh/config/target';
import type { AllowedHosts } from './allowedHosts';
import { inWords, sentenceAbout } from './errors';
import { t } from './l10n';
import { ShownPick, showProgress } from './show';
import type { Hosts, HostSession } from './hosts';
import { uriOf } from './uris';

type HostItem = vscode.QuickPickItem & { readonly host?: string };
type PlaceItem = vscode.QuickPickItem & { readonly path: string; readonly open?: boolean };

/** "Open Folder…": a host of the SSH configuration or a typed one, then a folder found by browsing. */
export async function openFolder(
  hosts: Hosts,
  allowed: AllowedHosts,
  configured: readonly string[],
): Promise<void> {
  const host = await pickHost(hosts, configured);
  if (host === undefined) return;
  await allowed.allow(host);
  const session = hosts.session(host);
  const vfs = await showProgress(t('Connecting to {0}', host), (_progress, token) => {
    token.onCancellationRequested(() => session.disconnect());
    return session.reconnect().then(() => session.vfs());
  });
  const path = await pickFolder(session, vfs, await session.home());
  if (path === undefined) return;
  const uri = uriOf({ host, path });
  // A window without folders is taken over; one with folders keeps them.
  const forceNewWindow = (vscode.workspace.workspaceFolders ?? []).length > 0;
  await vscode.commands.executeCommand('vscode.openFolder', uri, { forceNewWindow });
}

function pickHost(hosts: Hosts, configured: readonly string[]): Promise<string | undefined> {
  const known = new Set([...hosts.all().map((session) => session.host), ...configured]);
  const items: HostItem[] = [...known].map((host) => ({
    label: host,
    iconPath: new vscode.ThemeIcon('vm'),
    host,
  }));
  const pick = new ShownPick<HostItem>();
  pick.title = t('Livemount: Open Folder on Which Host?');
  pick.placeholder = t('A host of your SSH configuration, or user@host:port');
  const offer = () => {
    const typed = pick.picker.value.trim();
    const own: HostItem[] =
      typed === '' || known.has(typed)
        ? []
        : [{ label: typed, iconPath: new vscode.ThemeIcon('add'), host: typed, alwaysShow: true }];
    pick.items = [...items, ...own];
  };
  offer();
  pick.picker.onDidChangeValue(offer);
  return chosen(pick, () => {
    const host = pick.picker.selectedItems[0]?.host ?? pick.picker.value.trim();
    if (host === '') return undefined;
    try {
      parseTarget(host);
      return host;
    } catch (error) {
      pick.title = inWords(error).sentence;
      return undefined;
    }
  });
}

/** Browses from a folder on; a typed absolute path goes there. */
function pickFolder(session: HostSession, vfs: Vfs, start: string): Promise<string | undefined> {
  const pick = new ShownPick<PlaceItem>();
  let current = start;
  const show = async (path: string): Promise<void> => {
    pick.picker.busy = true;
    try {
      const entries = await vfs.readDirectory(path);
      current = path;
      pick.picker.value = '';
      pick.title = `${session.host}: ${path}`;
      pick.placeholder = t('Pick a folder, or type an absolute path');
      pick.items = placesIn(path, entries);
    } catch (error) {
      pick.title = sentenceAbout(error, 'list', uriOf({ host: session.host, path }));
    } finally {
      pick.picker.busy = false;
    }
  };
  pick.picker.onDidChangeValue((value) => {
    const here = placesIn(current, []);
    if (value.startsWith('/')) pick.items = [{ label: value, path: value, alwaysShow: true }, ...here];
  });
  void show(current);
  return chosen(pick, () => {
    // A path that was typed counts, also if Enter came before the list could follow.
    if (pick.picker.value.startsWith('/')) {
      void show(pick.picker.value);
      return undefined;
    }
    const item = pick.picker.selectedItems[0];
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
      label: entry.name,
      iconPath: new vscode.ThemeIcon('folder'),
      path: below(entry.name),
      ...(entry.isMountpoint && { description: 'mount point' }),
    }));
  const up =
    path === '/'
      ? []
      : [
          {
            label: '..',
            iconPath: new vscode.ThemeIcon('arrow-up'),
            path: path.slice(0, path.lastIndexOf('/')) || '/',
          },
        ];
  return [
    {
      label: t('Open this folder'),
      iconPath: new vscode.ThemeIcon('folder-opened'),
      description: path,
      path,
      open: true,
    },
    ...up,
    ...folders,
  ];
}

/** Shows a pick until `accept` gives an answer or the user leaves it. */
function chosen<T extends vscode.QuickPickItem, R>(
  pick: ShownPick<T>,
  accept: () => R | undefined,
): Promise<R | undefined> {
  return new Promise((resolve) => {
    pick.picker.onDidAccept(() => {
      const answer = accept();
      if (answer === undefined) return;
      resolve(answer);
      pick.dispose();
    });
    pick.picker.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.picker.show();
  });
}
