import * as vscode from 'vscode';
import { DisposableStore, onDispose } from '../../base/dispose';
import type { FindQuery } from '../../protocol/find';
import type { Hosts } from '../hosts';
import { t } from '../l10n';
import { ShownPick } from '../show';
import { isOurs, ourFolders, placeOf, uriOf } from '../uris';
import { excludesOf, failureWords } from './searchModel';
import { NOTHING_WANTED, queryOf } from './wanted';

/** Rows of the picker. */
const FILES_MAX = 100;
/** The host makes its list: it is asked again so often. */
const ASK_AGAIN_MS = 250;
const RECENT_MAX = 20;
const RECENT_KEY = 'livemount.find.recent';

interface FileItem extends vscode.QuickPickItem {
  readonly uri: vscode.Uri;
}

/** Files of ours that were opened in this workspace, the newest first. */
export class RecentFiles implements vscode.Disposable {
  private readonly subscription: vscode.Disposable;

  constructor(private readonly memory: vscode.Memento) {
    this.subscription = vscode.window.onDidChangeActiveTextEditor((editor) => {
      if (editor !== undefined && isOurs(editor.document.uri)) void this.add(editor.document.uri);
    });
  }

  get all(): readonly vscode.Uri[] {
    return this.memory.get<readonly string[]>(RECENT_KEY, []).map((text) => vscode.Uri.parse(text));
  }

  async add(uri: vscode.Uri): Promise<void> {
    const text = uri.toString();
    const others = this.memory.get<readonly string[]>(RECENT_KEY, []).filter((other) => other !== text);
    await this.memory.update(RECENT_KEY, [text, ...others].slice(0, RECENT_MAX));
  }

  dispose(): void {
    this.subscription.dispose();
  }
}

/** Files of all our folders that a query means, best first, those that were opened lately before the others. */
export async function filesFor(
  hosts: Hosts,
  pattern: string,
  signal: AbortSignal,
): Promise<{ readonly uris: readonly vscode.Uri[]; readonly building: boolean }> {
  const folders = await Promise.all(
    ourFolders().map(async (folder) => {
      const { host, path } = placeOf(folder.uri);
      const vfs = await hosts.session(host).vfs();
      const settings = vscode.workspace.getConfiguration('search', folder.uri);
      const wanted = { ...NOTHING_WANTED, pattern, ignoreFiles: settings.get('useIgnoreFiles') !== false };
      const query: FindQuery = {
        ...queryOf(wanted, excludesOf(folder.uri)),
        ranked: true,
        results: FILES_MAX,
      };
      const found: { readonly uri: vscode.Uri; readonly score: number }[] = [];
      const end = await vfs.files(path, query, {
        signal,
        found: (files) =>
          void found.push(
            ...files.map((file) => ({ uri: uriOf({ host, path: file.path }), score: file.score })),
          ),
        restarted: () => void found.splice(0),
      });
      return { found, building: end.building };
    }),
  );
  const all = folders.flatMap(({ found }) => found).sort((a, b) => b.score - a.score);
  return {
    uris: all.slice(0, FILES_MAX).map(({ uri }) => uri),
    building: folders.some(({ building }) => building),
  };
}

/** The picker: each keystroke asks the host, which answers from its list. */
export async function goToFile(hosts: Hosts, recent: RecentFiles): Promise<void> {
  const owned = new DisposableStore();
  const shown = owned.add(new ShownPick<FileItem>());
  const { picker } = shown;
  shown.title = t('Go to File on the Host');
  shown.placeholder = t('Letters of a file’s name, in their order');
  let asked = new AbortController();
  owned.add(onDispose(() => asked.abort()));
  const show = async (pattern: string): Promise<void> => {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    if (pattern.trim() === '') {
      picker.busy = false;
      shown.items = recent.all.map((uri) => itemOf(uri, t('recently opened')));
      return;
    }
    picker.busy = true;
    try {
      for (;;) {
        const { uris, building } = await filesFor(hosts, pattern, signal);
        if (signal.aborted) return;
        const lately = new Set(recent.all.map(String));
        const first = uris.filter((uri) => lately.has(uri.toString()));
        const others = uris.filter((uri) => !lately.has(uri.toString()));
        shown.items = [
          ...first.map((uri) => itemOf(uri, t('recently opened'))),
          ...others.map((uri) => itemOf(uri)),
        ];
        if (!building) break;
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
        if (signal.aborted) return;
      }
      picker.busy = false;
    } catch (error) {
      if (signal.aborted) return;
      picker.busy = false;
      shown.items = [];
      shown.title = failureWords(error);
    }
  };
  const chosen = await new Promise<vscode.Uri | undefined>((resolve) => {
    const subscriptions = [
      picker.onDidChangeValue((value) => void show(value)),
      picker.onDidAccept(() => resolve(picker.activeItems[0]?.uri)),
      picker.onDidHide(() => resolve(undefined)),
    ];
    for (const subscription of subscriptions) owned.add(onDispose(() => subscription.dispose()));
    void show('');
    picker.show();
  }).finally(() => owned.dispose());
  if (chosen !== undefined) await vscode.commands.executeCommand('vscode.open', chosen);
}

function itemOf(uri: vscode.Uri, why?: string): FileItem {
  const name = uri.path.slice(uri.path.lastIndexOf('/') + 1);
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  const below = vscode.workspace.asRelativePath(uri, (vscode.workspace.workspaceFolders?.length ?? 0) > 1);
  const place = folder === undefined ? uri.path : below.slice(0, Math.max(0, below.length - name.length - 1));
  // The host has chosen; the picker must not leave out what it would not have found.
  return { label: name, description: why === undefined ? place : `${place}  ${why}`, uri, alwaysShow: true };
}
