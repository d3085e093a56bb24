import * as vscode from 'vscode';
import { BoundedMap } from '../../base/boundedMap';
import { DisposableStore } from '../../base/dispose';
import { Errno, errnoOf } from '../../protocol/errno';
import { t } from '../l10n';
import { placeOf, uriOf } from '../uris';
import type { Heard, WatchHub } from '../watchHub';

/** Folders that are marked at most; the one that was tried longest ago loses its mark first. */
const MARKED = 1000;

/**
 * Marks folders that the host does not let its user into: the explorer shows nothing in them, and would not say why. The
 * mark goes when the folder could be listed, or its rights were changed on the host: then the explorer tries again.
 */
export class ClosedFolders implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri[]>();
  private readonly owned = new DisposableStore();
  private readonly closed = new BoundedMap<string, vscode.Uri>(MARKED, (_key, uri) => this.redraw(uri));

  readonly onDidChangeFileDecorations = this.changed.event;

  constructor(private readonly watches: WatchHub) {
    for (const part of [
      this.changed,
      watches.onDidHear((heard) => this.hear(heard)),
      vscode.window.registerFileDecorationProvider(this),
    ]) {
      this.owned.add(part);
    }
  }

  /** A folder could be listed. */
  opened(uri: vscode.Uri): void {
    if (this.closed.delete(keyOf(uri))) this.redraw(uri);
  }

  /** A folder could not be listed. */
  failed(uri: vscode.Uri, error: unknown): void {
    if (errnoOf(error) !== Errno.EACCES || this.closed.get(keyOf(uri)) !== undefined) return;
    this.closed.set(keyOf(uri), uri);
    this.redraw(uri);
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    if (!this.closed.has(keyOf(uri))) return undefined;
    return new vscode.FileDecoration('⊘', t('Your user on the host may not look into this folder'));
  }

  dispose(): void {
    this.owned.dispose();
  }

  private hear({ session, changes }: Heard): void {
    for (const { kind, path, to } of changes) {
      if (kind === 'modify' || kind === 'create') continue;
      const key = keyOf(uriOf({ host: session.host, path }));
      const uri = this.closed.get(key);
      if (uri === undefined) continue;
      this.closed.delete(key);
      this.redraw(uri);
      if (to === undefined) this.watches.invalidate(session, path);
    }
  }

  private redraw(uri: vscode.Uri): void {
    // While the editor is in the middle of the call that failed, it would ask about nothing it shows.
    setImmediate(() => this.changed.fire([uri]));
  }
}

function keyOf(uri: vscode.Uri): string {
  const { host, path } = placeOf(uri);
  return `${host}\0${path}`;
}
