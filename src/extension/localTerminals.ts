import * as vscode from 'vscode';
import type { CommandId } from './commandTable';
import { tellFailure } from './errors';
import { t } from './l10n';
import { showWarning } from './show';
import { ourFolders, placeOf } from './uris';

const REMOTE_SHELL = /(?:^|[/\\])(?:ssh|livemount)(?:\.exe)?$/;

/**
 * Says once a window that the editor's own terminal runs on this machine: it may start in a folder of the same path, and
 * a command meant for the host would do its work here.
 */
export class LocalTerminals implements vscode.Disposable {
  private told = false;
  private readonly subscription = vscode.window.onDidOpenTerminal((terminal) => this.opened(terminal));

  dispose(): void {
    this.subscription.dispose();
  }

  private async say(host: string): Promise<void> {
    const open = t('Open in Host Terminal');
    const answer = await showWarning(t('This terminal runs on this machine, not on {0}.', host), open);
    if (answer === open) await vscode.commands.executeCommand('livemount.openTerminal' satisfies CommandId);
  }

  private opened({ creationOptions }: vscode.Terminal): void {
    const [first, ...others] = ourFolders();
    const folders = vscode.workspace.workspaceFolders ?? [];
    // Where a folder of this machine is open too, a terminal on this machine is no surprise.
    if (this.told || first === undefined || folders.length > others.length + 1) return;
    // One of an extension's own, and one that runs ssh, say where they are.
    if ('pty' in creationOptions || REMOTE_SHELL.test(creationOptions.shellPath ?? '')) return;
    this.told = true;
    const { host } = placeOf(first.uri);
    tellFailure(this.say(host));
  }
}
