import * as vscode from 'vscode';
import { DisposableStore, onDispose } from '../../base/dispose';
import { fitToShow } from '../../base/fitToShow';
import type { NotSearched } from '../../client/find/search';
import { t } from '../l10n';
import { placeOf } from '../uris';
import { markedItem, treeItem } from '../views/item';
import { RESULTS_CONTEXT, SEARCH_CONTEXT, SEARCH_VIEW } from './commandTable';
import type { FileNode, MatchNode, ResultNode, SearchModel } from './searchModel';

/** Characters of a line before a match that a row shows. */
const BEFORE_MATCH = 26;

/** The tree of what was found: files, and their matches. */
export class ResultsView implements vscode.TreeDataProvider<ResultNode>, vscode.Disposable {
  private readonly owned = new DisposableStore();
  private readonly changed = new vscode.EventEmitter<ResultNode | undefined>();
  private readonly view: vscode.TreeView<ResultNode>;
  /** The match that was opened last, for stepping on. */
  private at: MatchNode | undefined;
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly model: SearchModel) {
    this.owned.add(this.changed);
    this.view = this.owned.add(
      vscode.window.createTreeView(SEARCH_VIEW, { treeDataProvider: this, showCollapseAll: true }),
    );
    const subscription = model.onDidChange(() => this.update());
    this.owned.add(onDispose(() => subscription.dispose()));
    this.update();
  }

  getChildren(node?: ResultNode): ResultNode[] {
    if (node === undefined) return [...this.sorted()];
    return node.type === 'file' ? [...node.matches] : [];
  }

  getParent(node: ResultNode): ResultNode | undefined {
    return node.type === 'match' ? node.file : undefined;
  }

  getTreeItem(node: ResultNode): vscode.TreeItem {
    return itemOf(node);
  }

  /** Shows the view. */
  async focus(): Promise<void> {
    await vscode.commands.executeCommand('setContext', SEARCH_CONTEXT, true);
    await vscode.commands.executeCommand(`${SEARCH_VIEW}.focus`);
  }

  async open(node: ResultNode): Promise<void> {
    const match = node.type === 'match' ? node : node.matches[0];
    if (match === undefined) return;
    this.at = match;
    await openMatch(match, { preserveFocus: false });
  }

  /** Opens the match behind, or before, the one opened last; from the last on to the first. */
  async step(by: 1 | -1): Promise<void> {
    const all = this.sorted().flatMap(({ matches }) => matches);
    if (all.length === 0) return;
    const now = this.at === undefined ? -1 : all.indexOf(this.at);
    const next = now < 0 ? (by === 1 ? 0 : all.length - 1) : (now + by + all.length) % all.length;
    const match = all[next];
    if (match === undefined) return;
    this.at = match;
    await openMatch(match, { preserveFocus: false });
    if (this.view.visible) await this.view.reveal(match, { select: true, focus: false });
  }

  sorted(): readonly FileNode[] {
    return [...this.model.fileNodes].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }

  dispose(): void {
    this.owned.dispose();
  }

  private update(): void {
    const { model, view } = this;
    const { matchCount } = model;
    view.message = messageOf(model) ?? '';
    view.badge =
      matchCount === 0 ? undefined : { value: matchCount, tooltip: t('{0} matches', String(matchCount)) };
    void vscode.commands.executeCommand('setContext', RESULTS_CONTEXT, matchCount > 0);
    this.changed.fire(undefined);
  }
}

async function openMatch(
  { file, match }: MatchNode,
  options: { readonly preserveFocus: boolean },
): Promise<void> {
  const { line, column, endLine, endColumn } = match;
  const selection = new vscode.Range(line, column, endLine, endColumn);
  const document = await vscode.workspace.openTextDocument(file.uri);
  const editor = await vscode.window.showTextDocument(document, { ...options, preview: true, selection });
  editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** Where a file lies, below its folder; with the folder's name where there are several. */
export function placeInFolders({ folder, path }: FileNode): string {
  const below = path.slice(placeOf(folder.uri).path.replace(/\/$/, '').length + 1);
  return (vscode.workspace.workspaceFolders?.length ?? 0) > 1 ? `${folder.name} • ${below}` : below;
}

/** A row of the tree. */
export function itemOf(node: ResultNode): vscode.TreeItem {
  return node.type === 'file' ? fileItem(node) : matchItem(node);
}

function fileItem(file: FileNode): vscode.TreeItem {
  const place = placeInFolders(file);
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  const folder = place.slice(0, Math.max(0, place.length - name.length - 1));
  const count = `${file.matches.length}`;
  const item = treeItem(
    {
      label: name,
      description: [folder, count].filter((word) => word !== '').join('  '),
      tooltip: place,
      spoken: [name, folder, t('{0} matches', count)].filter((word) => word !== '').join(', '),
    },
    vscode.TreeItemCollapsibleState.Expanded,
  );
  item.id = file.uri.toString();
  item.resourceUri = file.uri;
  item.iconPath = vscode.ThemeIcon.File;
  item.contextValue = 'file';
  return item;
}

function matchItem(node: MatchNode): vscode.TreeItem {
  const { line, column, endLine, endColumn, preview, previewColumn } = node.match;
  const start = column - previewColumn;
  const end = line === endLine ? endColumn - previewColumn : preview.length;
  const from = Math.max(0, start - BEFORE_MATCH);
  const lead = `${from > 0 ? '…' : ''}${preview.slice(from, start).trimStart()}`;
  const item = markedItem([lead, preview.slice(start, end), preview.slice(end)], {
    description: `${line + 1}`,
    tooltip: preview,
    spoken: t('line {0}: {1}', `${line + 1}`, preview),
  });
  item.contextValue = 'match';
  item.command = { command: 'livemount.find.open', title: t('Open'), arguments: [node] };
  return item;
}

function messageOf(model: SearchModel): string | undefined {
  const { state, matchCount, wanted } = model;
  const files = model.fileNodes.length;
  const found = t('{0} matches in {1} files', String(matchCount), String(files));
  switch (state.kind) {
    case 'idle':
      return undefined;
    case 'running':
      return fitToShow(
        matchCount === 0 ? t('Searching for {0}…', wanted.pattern) : t('{0}, searching…', found),
      );
    case 'failed':
      return fitToShow(state.why);
    case 'done': {
      const said = matchCount === 0 ? [t('Nothing was found for {0}.', wanted.pattern)] : [`${found}.`];
      if (state.limited) said.push(t('There is more: only the first are shown.'));
      if (state.outOfTime) said.push(t('It took too long and was ended.'));
      const silent = state.left.filter(({ why }) => why === 'silent').map(({ path }) => path);
      if (silent.length > 0) said.push(t('No answer from {0}.', silent.join(', ')));
      const others = state.left.length - silent.length;
      if (others > 0)
        said.push(
          t('{0} files or folders could not be searched ({1}, …).', String(others), firstOther(state.left)),
        );
      return fitToShow(said.join(' '));
    }
  }
}

function firstOther(left: readonly NotSearched[]): string {
  return left.find(({ why }) => why !== 'silent')?.path ?? '';
}
