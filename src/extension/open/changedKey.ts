import * as vscode from 'vscode';
import { ConnectError } from '../../ssh/connectError';
import { t } from '../l10n';
import { showBriefly } from '../show';

/** A way on that a message offers as a button. */
export interface Way {
  readonly button: string;
  readonly go: () => Thenable<unknown>;
}

/** The command in the sentence about a changed host key (src/ssh/auth/hostKeys.ts): the name and file have no quotes in them. */
const COMMAND = /\((ssh-keygen -R '[^'\s]+' -f '([^'\n]+)')\)/;

/** After a host showed another key than the one on record: the command that removes that one, and the file it is in. */
export function waysPastChangedKey(error: unknown): readonly Way[] {
  if (!(error instanceof ConnectError) || error.failure !== 'host-key-changed') return [];
  const [, command, file] = COMMAND.exec(error.message) ?? [];
  if (command === undefined || file === undefined) return [];
  return [
    {
      button: t('Copy Command'),
      go: async () => {
        await vscode.env.clipboard.writeText(command);
        showBriefly(t('Livemount: the command is in the clipboard'));
      },
    },
    { button: t('Open known_hosts'), go: () => vscode.window.showTextDocument(vscode.Uri.file(file)) },
  ];
}
