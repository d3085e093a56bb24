import * as vscode from 'vscode';
import { DisposableStore } from '../base/dispose';
import type { Vfs } from '../client/vfs';
import type { Hosts } from './hosts/hosts';
import { tellFailure } from './errors';
import { t } from './l10n';
import { showError, showInformation } from './show';
import { placeOf } from './uris';

/**
 * "Save as Root": for one save of one file, with a server of root's that lives just as long. The editor saves through
 * its provider, so the command leaves word that the next write of the file is to go that way.
 */
export class RootSaves implements vscode.Disposable {
  private readonly next = new Set<string>();
  /** Files that are edited as root until their last editor closes: every save of theirs goes that way. */
  private readonly edited = new Set<string>();
  /** Of these, whose save was asked for by hand: one that the editor makes by itself must not ask for a password. */
  private readonly byHand = new Set<string>();
  /** Files that root's rights are being offered for. */
  private readonly offered = new Set<string>();
  private readonly owned = new DisposableStore();

  constructor(private readonly hosts: Hosts) {
    this.owned.add(vscode.workspace.onDidCloseTextDocument(({ uri }) => this.edited.delete(uri.toString())));
    this.owned.add(
      vscode.workspace.onWillSaveTextDocument(({ document, reason }) => {
        const key = document.uri.toString();
        if (reason === vscode.TextDocumentSaveReason.Manual) this.byHand.add(key);
        else this.byHand.delete(key);
      }),
    );
    this.owned.add(vscode.workspace.onDidSaveTextDocument(({ uri }) => this.byHand.delete(uri.toString())));
  }

  dispose(): void {
    this.owned.dispose();
  }

  /** Whether the write that comes now was asked for as root. */
  take(uri: vscode.Uri): boolean {
    const key = uri.toString();
    const isByHand = this.byHand.delete(key);
    return this.next.delete(key) || (this.edited.has(key) && isByHand);
  }

  /** Whether a write as root is coming: until then the file must not look read-only, or the editor refuses by itself. */
  isAwaited(uri: vscode.Uri): boolean {
    const key = uri.toString();
    return this.next.has(key) || this.edited.has(key);
  }

  /** Works on a host's tree with root's rights, which end with the work. */
  async withRoot<T>(uri: vscode.Uri, work: (root: Vfs) => Promise<T>): Promise<T> {
    const root = await this.hosts.session(placeOf(uri).host).asRoot();
    try {
      return await work(root);
    } finally {
      root.dispose();
    }
  }

  /** Opens a file for editing although its user may not write it; its saves go through sudo until it is closed. */
  async edit(uri: vscode.Uri): Promise<void> {
    const document = await vscode.workspace.openTextDocument(uri);
    this.edited.add(document.uri.toString());
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.files.setActiveEditorWriteableInSession');
    const { path } = placeOf(uri);
    void showInformation(
      t('{0} can be edited now. Each save with Ctrl+S asks for your password there.', path),
    );
  }

  /** Saves a document as root; one that holds nothing to save is opened for editing. */
  async save(uri: vscode.Uri): Promise<void> {
    const document = await vscode.workspace.openTextDocument(uri);
    if (!document.isDirty) return this.edit(uri);
    this.next.add(uri.toString());
    try {
      await document.save();
    } finally {
      this.next.delete(uri.toString());
    }
  }

  /** A save was refused for want of rights, and wrote nothing: offers root's. */
  offer(uri: vscode.Uri): void {
    const key = uri.toString();
    if (this.offered.has(key)) return;
    this.offered.add(key);
    const asRoot = t('Save as Root…');
    const refused = t(
      '{0} may not be written by your user on the host. Nothing was written.',
      placeOf(uri).path,
    );
    const offering = async () => {
      if ((await showError(refused, asRoot)) === asRoot) await this.save(uri);
    };
    tellFailure(offering().finally(() => this.offered.delete(key)));
  }
}
