import * as vscode from 'vscode';
import type { Translate } from '../client/describe';

/**
 * A text of ours in the editor's language: `l10n/bundle.l10n.de.json` has the German ones, and a test sees that none is
 * missing. `{0}`, `{1}`, … stand for the arguments. A plain literal, or the test would not find it.
 */
export const t: Translate = (template, ...args) => vscode.l10n.t(template, ...args);
