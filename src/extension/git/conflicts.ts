import * as vscode from 'vscode';
import { findConflicts } from '../../client/git/conflicts';
import { t } from '../l10n';
import { isOurs } from '../uris';

export type Side = 'current' | 'incoming' | 'both';

/** Above each conflict: what can be taken. The editor's own offers are for local files only. */
export class ConflictLenses implements vscode.CodeLensProvider {
  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!isOurs(document.uri)) return [];
    const offers: readonly (readonly [Side, string])[] = [
      ['current', t('Accept Current Change')],
      ['incoming', t('Accept Incoming Change')],
      ['both', t('Accept Both Changes')],
    ];
    return findConflicts(document.getText()).flatMap(({ start }) => {
      const above = new vscode.Range(start, 0, start, 0);
      return [
        ...offers.map(
          ([side, title]) =>
            new vscode.CodeLens(above, {
              command: 'livemount.git.acceptConflict',
              title,
              arguments: [document.uri, start, side],
            }),
        ),
        new vscode.CodeLens(above, {
          command: 'livemount.git.compareConflict',
          title: t('Compare Changes'),
          arguments: [document.uri],
        }),
      ];
    });
  }
}

/** Replaces the conflict that begins on a line by one of its sides; nothing when it is gone. */
export async function acceptConflict(uri: vscode.Uri, start: number, side: Side): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const conflict = findConflicts(document.getText()).find((one) => one.start === start);
  if (!conflict) return;
  const lines = (from: number, to: number) => document.getText(new vscode.Range(from, 0, to, 0));
  const current = lines(conflict.start + 1, conflict.base ?? conflict.middle);
  const incoming = lines(conflict.middle + 1, conflict.end);
  const text = { current, incoming, both: current + incoming }[side];
  const edit = new vscode.WorkspaceEdit();
  edit.replace(uri, new vscode.Range(conflict.start, 0, conflict.end + 1, 0), text);
  await vscode.workspace.applyEdit(edit);
}
