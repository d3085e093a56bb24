import * as vscode from 'vscode';
import { DisposableStore } from '../../base/dispose';
import { fitToShow } from '../../base/fitToShow';
import type { Hosts } from '../hosts/hosts';
import type { HostSession } from '../hosts/hostSession';
import { onSettingChange, setting } from '../settings';
import { isOurs, placeOf, uriOf } from '../uris';
import { ShownMounts } from './shownMounts';

/** Marks mount points in the explorer; the tooltip tells what is mounted and how it is watched. */
export class MountDecorations implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri[] | undefined>();
  private readonly shown = new Map<HostSession, ShownMounts>();
  private readonly owned = new DisposableStore();

  readonly onDidChangeFileDecorations = this.changed.event;

  constructor(private readonly hosts: Hosts) {
    for (const part of [
      hosts.onDidChange((session) => this.compare(session)),
      onSettingChange('livemount.decorations', () => this.changed.fire(undefined)),
      vscode.window.registerFileDecorationProvider(this),
    ]) {
      this.owned.add(part);
    }
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    if (!isOurs(uri) || !setting('livemount.decorations')) return undefined;
    const { host, path } = placeOf(uri);
    const mount = this.shownOf(this.hosts.session(host)).at(path);
    if (mount === undefined || path === '/') return undefined;
    const decoration = new vscode.FileDecoration(mount.notResponding ? '!' : '⏏', fitToShow(mount.words));
    if (mount.notResponding) decoration.color = new vscode.ThemeColor('list.errorForeground');
    return decoration;
  }

  dispose(): void {
    this.owned.dispose();
    this.changed.dispose();
  }

  private shownOf(session: HostSession): ShownMounts {
    let shown = this.shown.get(session);
    if (shown === undefined) {
      shown = new ShownMounts();
      shown.update(session.current?.superblocks() ?? []);
      this.shown.set(session, shown);
    }
    return shown;
  }

  private compare(session: HostSession): void {
    const known = this.shown.get(session) ?? new ShownMounts();
    this.shown.set(session, known);
    const differing = known.update(session.current?.superblocks() ?? []);
    if (differing.length > 0) {
      this.changed.fire(differing.map((path) => uriOf({ host: session.host, path })));
    }
  }
}
