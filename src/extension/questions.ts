import * as vscode from 'vscode';
import { tellFailure } from './errors';
import { t } from './l10n';
import { ask, showDiff, showError } from './show';
import type { Stat } from '../client/vfs';
import { hostsVersionOf, placeOf } from './uris';

/** What the provider asks people in the middle of an operation. */
export interface Questions {
  /** Deleting `path` would take what the mounts below it hold along. True: do that. */
  deleteMountsToo(path: string, mountpoints: readonly string[]): Promise<boolean>;
  /** A save met a changed file, whose attributes are `theirs`, and wrote nothing. `overwrite` lets the next save replace whatever is there. */
  saveConflict(uri: vscode.Uri, theirs: Promise<Stat | undefined>, overwrite: () => void): void;
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

  saveConflict(uri: vscode.Uri, theirs: Promise<Stat | undefined>, overwrite: () => void): void {
    // Not awaited: the save has failed, and the editor waits for that answer.
    tellFailure(this.resolveConflict(uri, theirs, overwrite));
  }

  private async resolveConflict(
    uri: vscode.Uri,
    theirs: Promise<Stat | undefined>,
    overwrite: () => void,
  ): Promise<void> {
    const { host, path } = placeOf(uri);
    // What the host's clock says; who did it no filesystem records.
    const changed = await theirs.catch(() => undefined);
    const when = changed === undefined ? undefined : timeText(changed.mtimeNs);
    const compare = t('Compare');
    const replace = t('Overwrite');
    const answer = await showError(
      when === undefined
        ? t('{0} was changed on {1} since you read it. Nothing was written.', path, host)
        : t('{0} was changed on {1} at {2}, after you read it. Nothing was written.', path, host, when),
      compare,
      replace,
    );
    if (answer === undefined) return;
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    if (answer === compare) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      await showDiff(hostsVersionOf(uri), uri, t('{0}: now on {1} ↔ yours, not saved', name, host));
    } else {
      overwrite();
      await document.save();
    }
  }
}

/** The time of day; with the date where that is another day. */
function timeText(ns: bigint): string {
  const at = new Date(Number(ns / 1_000_000n));
  const isToday = at.toDateString() === new Date().toDateString();
  const { language } = vscode.env;
  return isToday ? at.toLocaleTimeString(language) : at.toLocaleString(language);
}
