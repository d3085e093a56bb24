import * as vscode from 'vscode';
import { changesOf, type LineChange, patchFor, selectedChanges } from '../../client/git/patch';
import type { GroupName } from '../../client/git/groups';
import { t } from '../l10n';
import { showDiff } from '../show';
import { placeOf, uriOf } from '../uris';
import type { OpenRepository } from './openRepository';
import { prefixOf } from './revisions';
import { revisionOf, revisionUri } from './uris';

/** The editor's own form of a difference: line numbers from 1, an end of 0 where a side has no lines. */
export interface EditorChange {
  readonly originalStartLineNumber: number;
  readonly originalEndLineNumber: number;
  readonly modifiedStartLineNumber: number;
  readonly modifiedEndLineNumber: number;
}

export function lineChange(change: EditorChange): LineChange {
  const count = (start: number, end: number) => (end === 0 ? 0 : end - start + 1);
  return {
    originalStart: change.originalStartLineNumber,
    originalCount: count(change.originalStartLineNumber, change.originalEndLineNumber),
    modifiedStart: change.modifiedStartLineNumber,
    modifiedCount: count(change.modifiedStartLineNumber, change.modifiedEndLineNumber),
  };
}

/** Opens what a line of the view stands for: the two sides of its change, or the file where there is only one. */
export async function openChange(repository: OpenRepository, group: GroupName, path: string): Promise<void> {
  const { host } = repository.session;
  const { root } = repository;
  const place = { host, path: prefixOf(root) + path.replace(/\/$/, '') };
  const file = uriOf(place);
  const resource = repository.resources[group].find((one) => one.path === path);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const at = (ref: string, from = place) => revisionUri(from, { ref, root });
  const before = resource?.from === undefined ? place : { host, path: prefixOf(root) + resource.from };
  // What a submodule changed shows in its own part of the view.
  if (path.endsWith('/') || resource?.submodule) {
    await vscode.commands.executeCommand('revealInExplorer', file);
  } else if (group === 'index') {
    if (resource?.kind === 'added') await vscode.commands.executeCommand('vscode.open', at(''));
    else if (resource?.kind === 'deleted') await vscode.commands.executeCommand('vscode.open', at('HEAD'));
    else await showDiff(at('HEAD', before), at(''), `${name} (HEAD ↔ Index)`);
  } else if (group === 'worktree') {
    if (resource?.kind === 'deleted') await vscode.commands.executeCommand('vscode.open', at(''));
    else await showDiff(at('', before), file, `${name} (Index ↔ Working Tree)`);
  } else await vscode.commands.executeCommand('vscode.open', file);
}

/** Stages some of a file's changes; what is unsaved is saved first, since git sees the host's file. */
export async function stageChanges(
  repository: OpenRepository,
  uri: vscode.Uri,
  choose: (changes: () => Promise<readonly LineChange[]>) => Promise<readonly LineChange[]>,
): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  if (document.isDirty && !(await document.save())) return;
  const path = placeOf(uri).path.slice(prefixOf(repository.root).length);
  await repository.doing(async (git) => {
    const chosen = await choose(async () => changesOf(await git.diff(path)));
    if (chosen.length === 0) return;
    const [index, modified] = await Promise.all([
      git.blob({ stage: 0 }, path),
      repository.tree.readFile(placeOf(uri).path),
    ]);
    if (index) await git.applyToIndex(patchFor(path, index.bytes, modified, chosen));
  });
}

/** Takes the selected lines of a document that shows the index out of it. */
export async function unstageSelection(repository: OpenRepository, editor: vscode.TextEditor): Promise<void> {
  const revision = revisionOf(editor.document.uri);
  if (revision?.ref !== '') return;
  const path = revision.path.slice(prefixOf(repository.root).length);
  await repository.doing(async (git) => {
    const chosen = selectedBy(changesOf(await git.diff(path, { staged: true })), editor.selections);
    const [head, index] = await Promise.all([git.blob({ ref: 'HEAD' }, path), git.blob({ stage: 0 }, path)]);
    if (chosen.length === 0 || !head || !index) return;
    await git.applyToIndex(patchFor(path, head.bytes, index.bytes, chosen, { reverse: true }));
  });
}

/** The changes that any of the selections touches. An empty selection is its line; a last line without a character is left out. */
export function selectedBy(
  changes: readonly LineChange[],
  selections: readonly vscode.Selection[],
): LineChange[] {
  const seen = new Map<string, LineChange>();
  for (const { start, end, isEmpty } of selections) {
    const last = !isEmpty && end.character === 0 ? end.line : end.line + 1;
    for (const change of selectedChanges(changes, start.line + 1, last)) {
      seen.set(`${change.originalStart},${change.modifiedStart},${change.modifiedCount}`, change);
    }
  }
  return [...seen.values()];
}

/** Puts the index's lines back into the document; the editor's undo takes that back. */
export async function revertChange(uri: vscode.Uri, original: vscode.Uri, change: LineChange): Promise<void> {
  const [document, index] = await Promise.all([
    vscode.workspace.openTextDocument(uri),
    vscode.workspace.openTextDocument(original),
  ]);
  const { originalStart, originalCount, modifiedStart, modifiedCount } = change;
  const text =
    originalCount === 0
      ? ''
      : index.getText(new vscode.Range(originalStart - 1, 0, originalStart - 1 + originalCount, 0));
  const from = modifiedCount === 0 ? modifiedStart : modifiedStart - 1;
  const range = new vscode.Range(from, 0, from + modifiedCount, 0);
  const edit = new vscode.WorkspaceEdit();
  edit.replace(uri, document.validateRange(range), text);
  await vscode.workspace.applyEdit(edit);
}

/** Opens the three sides of a conflict in the editor's merge editor, where it has one; else the file. */
export async function openMergeEditor(repository: OpenRepository, path: string): Promise<void> {
  const { host } = repository.session;
  const { root } = repository;
  const place = { host, path: prefixOf(root) + path };
  const output = uriOf(place);
  const known = await vscode.commands.getCommands(false);
  if (!known.includes('_open.mergeEditor')) {
    await vscode.window.showTextDocument(output);
    return;
  }
  const at = (ref: string) => revisionUri(place, { ref, root });
  await vscode.commands.executeCommand('_open.mergeEditor', {
    base: at(':1'),
    input1: { uri: at(':2'), title: 'Current' },
    input2: { uri: at(':3'), title: 'Incoming' },
    output,
  });
}

/** The two sides of a conflict, beside each other. */
export async function compareSides({ root }: OpenRepository, uri: vscode.Uri): Promise<void> {
  const place = placeOf(uri);
  const name = place.path.slice(place.path.lastIndexOf('/') + 1);
  const at = (stage: 2 | 3) => revisionUri(place, { ref: `:${stage}`, root });
  await showDiff(at(2), at(3), t('{0} (Current ↔ Incoming)', name));
}
