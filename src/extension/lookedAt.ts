import * as vscode from 'vscode';
import { BoundedMap } from '../base/boundedMap';
import { type Disposable, DisposableStore } from '../base/dispose';
import { type Clock, systemClock } from '../base/clock';
import { isOurs, ourFolders } from './uris';
import type { WatchHub } from './watchHub';

/** Folders that the explorer shows at once, with room; those listed longest ago are looked at no more. */
const LISTED = 32;
/** A listing counts once the editor has listed nothing more for this long: what walks a whole tree looks at nothing. */
const SETTLED_MS = 500;

/**
 * What a person looks at: the files in visible editors, the open folders, and the folders that the explorer listed last.
 * The host watches these first when watches run out, and compares them more often where it has to poll.
 */
export class LookedAt implements vscode.Disposable {
  private readonly owned = new DisposableStore();
  private readonly listings = new BoundedMap<string, vscode.Disposable>(LISTED, (_uri, look) =>
    look.dispose(),
  );
  private shown = new Map<string, vscode.Disposable>();
  /** Listed since the last pause. */
  private readonly burst = new Map<string, vscode.Uri>();
  private pause: Disposable | undefined;

  constructor(
    private readonly watches: WatchHub,
    private readonly clock: Clock = systemClock,
  ) {
    this.owned.add(vscode.window.onDidChangeVisibleTextEditors(() => this.update()));
    this.owned.add(vscode.workspace.onDidChangeWorkspaceFolders(() => this.update()));
    this.update();
  }

  /** The editor listed a folder: it is, or was just, on the screen. */
  listed(uri: vscode.Uri): void {
    if (this.burst.size <= LISTED) this.burst.set(uri.toString(), uri);
    this.pause?.dispose();
    this.pause = this.clock.after(SETTLED_MS, () => this.settle());
  }

  dispose(): void {
    this.pause?.dispose();
    this.owned.dispose();
    for (const look of this.shown.values()) look.dispose();
    for (const [, look] of this.listings) look.dispose();
    this.listings.clear();
  }

  private settle(): void {
    const listed = [...this.burst];
    this.burst.clear();
    if (listed.length > LISTED) return;
    for (const [key, uri] of listed) {
      if (this.listings.get(key) === undefined) this.listings.set(key, this.watches.look(uri));
    }
  }

  private update(): void {
    const uris = [
      ...vscode.window.visibleTextEditors.map(({ document }) => document.uri).filter(isOurs),
      ...ourFolders().map(({ uri }) => uri),
    ];
    const before = this.shown;
    this.shown = new Map();
    for (const uri of uris) {
      const key = uri.toString();
      this.shown.set(key, this.shown.get(key) ?? before.get(key) ?? this.watches.look(uri));
      before.delete(key);
    }
    for (const look of before.values()) look.dispose();
  }
}
