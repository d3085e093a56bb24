import * as vscode from 'vscode';
import { DisposableStore } from '../../base/dispose';
import type { DirectoryEntry, Vfs } from '../../client/vfs';
import { sentenceAbout } from '../errors';
import { t } from '../l10n';
import { ShownPick } from '../show';
import { uriOf } from '../uris';
import { below, completed, foldersOf, matching, readTypedPath } from './typedPath';

interface PlaceItem extends vscode.QuickPickItem {
  /** Enter opens this folder. */
  readonly open?: string;
  /** Enter goes on in this folder. */
  readonly enter?: string;
}

/** While it is true, Tab completes the path (a key binding in the manifest). */
const CONTEXT = 'livemount.choosingFolder';

/**
 * Picks a folder by browsing, or by typing a path: absolute, relative or from `~`, with the first match taken by Enter and
 * Tab completing it.
 */
export class FolderPicker {
  /** The one that is open: Tab is for it. */
  private static open: FolderPicker | undefined;
  private readonly pick = new ShownPick<PlaceItem>();
  private readonly owned = new DisposableStore();
  private folders: readonly DirectoryEntry[] = [];
  /** The folder whose listing `folders` is; undefined while one is on its way. */
  private listed: string | undefined;
  /** Where relative paths begin: the folder that was entered last. */
  private current: string;
  /** Enter came before the listing for what was typed. */
  private acceptWhenListed = false;

  private constructor(
    private readonly host: string,
    private readonly vfs: Pick<Vfs, 'readDirectory'>,
    private readonly home: string,
    private readonly settle: (path: string | undefined) => void,
  ) {
    this.current = home;
  }

  /** Resolves with the folder, or with nothing if the user leaves. */
  static choose(host: string, vfs: Pick<Vfs, 'readDirectory'>, home: string): Promise<string | undefined> {
    return new Promise((resolve) => new FolderPicker(host, vfs, home, resolve).show());
  }

  /** Completes what is typed in the picker that is open. */
  static complete(): void {
    FolderPicker.open?.complete();
  }

  private show(): void {
    const { picker } = this.pick;
    FolderPicker.open = this;
    void vscode.commands.executeCommand('setContext', CONTEXT, true);
    this.pick.placeholder = t('Pick a folder, or type a path: /srv, ~/project, ../other. Tab completes it.');
    this.owned.add(picker.onDidChangeValue(() => void this.update()));
    this.owned.add(picker.onDidAccept(() => this.accept()));
    this.owned.add(picker.onDidHide(() => this.end(undefined)));
    picker.show();
    void this.update();
  }

  private end(path: string | undefined): void {
    if (FolderPicker.open === this) {
      FolderPicker.open = undefined;
      void vscode.commands.executeCommand('setContext', CONTEXT, false);
    }
    this.settle(path);
    this.owned.dispose();
    this.pick.dispose();
  }

  private get typed() {
    return readTypedPath(this.pick.picker.value, this.current, this.home);
  }

  /** Lists the folder that is typed, if it is another one, and shows what is in it. */
  private async update(): Promise<void> {
    const { folder } = this.typed;
    if (folder !== this.listed) {
      this.listed = undefined;
      this.pick.picker.busy = true;
      const problem = await this.list(folder);
      // Something else was typed meanwhile: its own update shows it.
      if (this.typed.folder !== folder || this.owned.isDisposed) return;
      this.listed = folder;
      this.pick.picker.busy = false;
      this.pick.title = `${this.host}: ${folder}`;
      if (problem !== undefined) {
        this.acceptWhenListed = false;
        this.pick.items = [
          { label: problem, iconPath: new vscode.ThemeIcon('error'), alwaysShow: true },
          {
            label: '..',
            iconPath: new vscode.ThemeIcon('arrow-up'),
            enter: parentOf(folder),
            alwaysShow: true,
          },
        ];
        return;
      }
    }
    const items = this.items();
    this.pick.items = items;
    if (this.acceptWhenListed) {
      this.acceptWhenListed = false;
      this.take(items[0]);
    }
  }

  /** The sentence of the failure, or nothing. */
  private async list(folder: string): Promise<string | undefined> {
    try {
      this.folders = foldersOf(await this.vfs.readDirectory(folder));
      return undefined;
    } catch (error) {
      this.folders = [];
      return sentenceAbout(error, 'list', uriOf({ host: this.host, path: folder }));
    }
  }

  private items(): PlaceItem[] {
    const { folder, leaf } = this.typed;
    const isAbsolute = /^[/~]/.test(this.pick.picker.value);
    const matches = matching(this.folders, leaf);
    const icon = (id: string) => ({ iconPath: new vscode.ThemeIcon(id) });
    const rows = matches.map(({ name, isMountpoint }): PlaceItem => {
      const path = below(folder, name);
      // A name that was typed whole is meant: Enter opens it.
      if (name === leaf) {
        return {
          label: name,
          description: t('Open this folder'),
          ...icon('folder-opened'),
          open: path,
          alwaysShow: true,
        };
      }
      return {
        label: name,
        ...icon('folder'),
        ...(isMountpoint && { description: t('mount point') }),
        enter: path,
        // The editor compares what was typed with the name alone.
        alwaysShow: isAbsolute || this.pick.picker.value.includes('/'),
      };
    });
    if (leaf !== '') {
      if (rows.length > 0) return rows;
      return [{ label: t('There is no such folder in {0}', folder), ...icon('info'), alwaysShow: true }];
    }
    const here: PlaceItem = {
      label: t('Open This Folder'),
      description: folder,
      ...icon('folder-opened'),
      open: folder,
      alwaysShow: true,
    };
    const up: PlaceItem = { label: '..', ...icon('arrow-up'), enter: parentOf(folder), alwaysShow: true };
    return [here, ...(folder === '/' ? [] : [up]), ...rows];
  }

  private accept(): void {
    if (this.listed === this.typed.folder) {
      // Of what the editor marks and what belongs to what is typed now, the latter counts: it may be ahead of the list.
      const items = this.items();
      const marked = this.pick.picker.selectedItems[0] ?? this.pick.picker.activeItems[0];
      const same = items.find(({ open, enter }) => open === marked?.open && enter === marked?.enter);
      this.take(same ?? items[0]);
    } else this.acceptWhenListed = true;
  }

  private take(item: PlaceItem | undefined): void {
    if (item?.open !== undefined) this.end(item.open);
    else if (item?.enter !== undefined) this.enter(item.enter);
  }

  private enter(folder: string): void {
    this.current = folder;
    this.pick.picker.value = '';
    void this.update();
  }

  private complete(): void {
    const { value } = this.pick.picker;
    const text = completed(this.typed, matching(this.folders, this.typed.leaf));
    if (text === undefined || text === value) return;
    this.pick.picker.value = text;
    void this.update();
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
