import * as vscode from 'vscode';
import type { SuperblockView } from '../../client/vfs';
import type { Hosts, HostSession } from '../hosts';
import { onSettingChange, setting } from '../settings';
import { isOurs, placeOf, uriOf } from '../uris';
import { aboutMount } from './words';

/** Marks mount points in the explorer; the tooltip tells what is mounted and how it is watched. */
export class MountDecorations implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri[] | undefined>();
  /** What was shown of each host, by mount point: only what differs is drawn again. */
  private readonly shown = new Map<HostSession, ReadonlyMap<string, string>>();
  private readonly lifetime: vscode.Disposable[];

  readonly onDidChangeFileDecorations = this.changed.event;

  constructor(private readonly hosts: Hosts) {
    this.lifetime = [
      hosts.onDidChange((session) => this.compare(session)),
      onSettingChange('livemount.decorations', () => this.changed.fire(undefined)),
      vscode.window.registerFileDecorationProvider(this),
    ];
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    if (!isOurs(uri) || !setting('livemount.decorations')) return undefined;
    const { host, path } = placeOf(uri);
    const view = mountsByPath(this.hosts.session(host)).get(path);
    if (view === undefined || path === '/') return undefined;
    const decoration = new vscode.FileDecoration(view.notResponding ? '!' : '⏏', aboutMount(view));
    if (view.notResponding) decoration.color = new vscode.ThemeColor('list.errorForeground');
    return decoration;
  }

  dispose(): void {
    for (const part of this.lifetime) part.dispose();
    this.changed.dispose();
  }

  private compare(session: HostSession): void {
    const before = this.shown.get(session) ?? new Map<string, string>();
    const now = new Map([...mountsByPath(session)].map(([path, view]) => [path, aboutMount(view)]));
    this.shown.set(session, now);
    const paths = new Set([...before.keys(), ...now.keys()]);
    const differing = [...paths].filter((path) => before.get(path) !== now.get(path));
    if (differing.length > 0) {
      this.changed.fire(differing.map((path) => uriOf({ host: session.host, path })));
    }
  }
}

/** Where mounts are stacked, the client gives the topmost the mount point. */
function mountsByPath(session: HostSession): ReadonlyMap<string, SuperblockView> {
  const views = session.current?.superblocks() ?? [];
  return new Map(views.map((view) => [view.mountpoint, view]));
}
