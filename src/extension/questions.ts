import * as vscode from 'vscode';
import { tellFailure } from './errors';
import { t } from './l10n';
import { ask, showError } from './show';
import { placeOf } from './uris';

/** What the provider asks people in the middle of an operation. */
export interface Questions {
  /** Deleting `path` would take what the mounts below it hold along. True: do that. */
  deleteMountsToo(path: string, mountpoints: readonly string[]): Promise<boolean>;
  /** A save met a changed file and wrote nothing. `overwrite` lets the next save replace whatever is there. */
  saveConflict(uri: vscode.Uri, overwrite: () => void): void;
}

/** At most this many mount points are named in one question. */
const NAMED_MOUNTS = 10;

export class WindowQuestions implements Questions {
  async deleteMountsToo(path: string, mountpoints: readonly string[]): Promise<boolean> {
    const named = mountpoints.slice(0, NAMED_MOUNTS).map((mountpoint) => `• ${mountpoint}`);
    if (mountpoints.length > NAMED_MOUNTS)
      named.push(t('… and {0} more', String(mountpoints.length - NAMED_MOUNTS)));
    const remove = t('Delete Their Content Too');
    const answer = await ask(
      t('Other filesystems are mounted in {0}.', path),
      [
        t('Deleting the folder deletes what these mounts hold, for everyone who uses them:'),
        ...named,
        '',
        t('The mount points themselves stay until they are unmounted.'),
      ].join('\n'),
      remove,
    );
    return answer === remove;
  }

  saveConflict(uri: vscode.Uri, overwrite: () => void): void {
    // Not awaited: the save has failed, and the editor waits for that answer.
    tellFailure(this.resolveConflict(uri, overwrite));
  }

  private async resolveConflict(uri: vscode.Uri, overwrite: () => void): Promise<void> {
    const compare = t('Compare');
    const replace = t('Overwrite');
    const answer = await showError(
      t('{0} was changed on the host since you read it. Nothing was written.', placeOf(uri).path),
      compare,
      replace,
    );
    if (answer === undefined) return;
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    if (answer === compare) {
      await vscode.commands.executeCommand('workbench.files.action.compareWithSaved');
    } else {
      overwrite();
      await document.save();
    }
  }
}
