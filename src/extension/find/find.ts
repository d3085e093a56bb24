import * as vscode from 'vscode';
import { DisposableStore, onDispose } from '../../base/dispose';
import { detailsOf } from '../../client/describe';
import type { FoundInFile } from '../../client/find/search';
import { inWords, tellAndOfferLog } from '../errors';
import type { Hosts } from '../hosts';
import { t } from '../l10n';
import { setting } from '../settings';
import {
  ask,
  askText,
  showDiff,
  notify,
  showInformation,
  showProgress,
  showWarning,
  type WindowLog,
} from '../show';
import { isOurs, ourFolders, placeOf } from '../uris';
import { type FindCommandId, findCommandEntries, UNDO_CONTEXT } from './commandTable';
import { FindDocuments } from './documents';
import { filesFor, goToFile, RecentFiles } from './goToFile';
import { askWanted, QueryHistory } from './queryInput';
import { type LeftAlone, type Outcome, replaceInFiles, undoReplace } from './replaceFiles';
import { CHANGED, replaced } from './replacing';
import { resultDocument } from './resultDocument';
import { placeInFolders, ResultsView } from './resultsView';
import { type FileNode, type ResultNode, SearchModel } from './searchModel';
import { NOTHING_WANTED, type Wanted } from './wanted';

const TOLD_KEY = 'livemount.find.told';
/** Files named in one message. */
const NAMED_MAX = 8;

/** Finding in the window: pickers, the view of results, replacing. */
export function activateFind(
  hosts: Hosts,
  context: vscode.ExtensionContext,
  log: WindowLog,
): vscode.Disposable {
  return new Finding(hosts, context, log);
}

class Finding implements vscode.Disposable {
  private readonly owned = new DisposableStore();
  private readonly model: SearchModel;
  private readonly view: ResultsView;
  private readonly history: QueryHistory;
  private readonly recent: RecentFiles;
  private replacement = '';
  /** What the last replacement did, by host, until it is taken back. */
  private undo: { readonly host: string; readonly done: Outcome['done'] }[] = [];
  private readonly documents: FindDocuments;

  constructor(
    private readonly hosts: Hosts,
    private readonly context: vscode.ExtensionContext,
    private readonly log: WindowLog,
  ) {
    this.model = this.owned.add(new SearchModel(hosts));
    this.view = this.owned.add(new ResultsView(this.model));
    this.history = new QueryHistory(context.workspaceState);
    this.recent = this.own(new RecentFiles(context.workspaceState));
    this.documents = this.own(new FindDocuments());
    for (const [id] of findCommandEntries)
      this.own(vscode.commands.registerCommand(id, (...args: unknown[]) => this.run(id, args)));
    void this.tellOnce();
  }

  dispose(): void {
    this.owned.dispose();
  }

  private own<T extends vscode.Disposable>(part: T): T {
    this.owned.add(onDispose(() => part.dispose()));
    return part;
  }

  private async run(id: FindCommandId, args: readonly unknown[]): Promise<unknown> {
    try {
      return await this.handlers[id](...args);
    } catch (error) {
      this.log.error(`${id}: ${detailsOf(error)}`);
      tellAndOfferLog(inWords(error).sentence, this.log);
      return undefined;
    }
  }

  private readonly handlers: Readonly<
    Record<FindCommandId, (...args: unknown[]) => Promise<unknown> | unknown>
  > = {
    'livemount.find.goToFile': (query) =>
      typeof query === 'string' ? this.filesFor(query) : goToFile(this.hosts, this.recent),
    'livemount.find.inFiles': (subject) => this.search(subject),
    'livemount.find.refresh': () => this.model.run(this.model.wanted),
    'livemount.find.replace': (replacement) =>
      this.replace(typeof replacement === 'string' ? replacement : undefined),
    'livemount.find.undoReplace': () => this.takeBack(),
    'livemount.find.openAsDocument': () => this.openAsDocument(),
    'livemount.find.copyAll': () => vscode.env.clipboard.writeText(this.allAsText()),
    'livemount.find.clear': () => this.model.clear(),
    'livemount.find.next': () => this.view.step(1),
    'livemount.find.previous': () => this.view.step(-1),
    'livemount.find.open': (node) => isNode(node) && this.view.open(node),
    'livemount.find.copy': (node) => isNode(node) && vscode.env.clipboard.writeText(textOf(node)),
    'livemount.find.dismiss': (node) => {
      if (isNode(node)) this.model.dismiss(node);
    },
    'livemount.find.excludeFolder': (node) =>
      isNode(node) && node.type === 'file' && this.excludeFolder(node),
    'livemount.find.preview': (node) => isNode(node) && node.type === 'file' && this.preview(node),
  };

  /** Asks, or takes what it is given: a text or a whole query, or a folder of the explorer to search in. */
  private async search(subject: unknown): Promise<unknown> {
    if (ourFolders().length === 0) {
      notify(t('No folder of a host is open in this window. Run “Livemount: Open Folder…”.'));
      return undefined;
    }
    const given = givenQuery(subject);
    const start: Wanted = { ...this.model.wanted, pattern: selectedText() ?? this.model.wanted.pattern };
    const files = subject instanceof vscode.Uri && isOurs(subject) ? belowFolder(subject) : start.files;
    const wanted = given ?? (await askWanted({ ...start, files }, this.history));
    if (wanted === undefined) return undefined;
    await this.history.add(wanted);
    await this.view.focus();
    await this.model.run(wanted);
    return {
      matches: this.model.matchCount,
      files: this.model.fileNodes.length,
      state: this.model.state.kind,
    };
  }

  /** For programs and tests: what the picker would show first. */
  private async filesFor(query: string): Promise<readonly string[]> {
    for (;;) {
      const { uris, building } = await filesFor(this.hosts, query, new AbortController().signal);
      if (!building) return uris.map(String);
    }
  }

  private async excludeFolder({ folder, path }: FileNode): Promise<void> {
    const below = path.slice(placeOf(folder.uri).path.replace(/\/$/, '').length + 1);
    const above = below.includes('/') ? below.slice(0, below.lastIndexOf('/')) : below;
    const { wanted } = this.model;
    const files = [wanted.files, `!/${above.replace(/[\\*?[\]{}!,]/g, '\\$&')}`]
      .filter((part) => part !== '')
      .join(', ');
    await this.model.run({ ...wanted, files });
  }

  private allAsText(): string {
    return this.view.sorted().map(textOf).join('\n');
  }

  private async openAsDocument(): Promise<void> {
    const files = this.view.sorted().map((file) => ({
      label: placeInFolders(file),
      matches: file.matches.map(({ match }) => match),
    }));
    await this.documents.showResults(resultDocument(this.model.wanted, files));
  }

  private async askReplacement(): Promise<string | undefined> {
    const { wanted } = this.model;
    const answer = await askText({
      title: t('Replace in Files'),
      prompt: wanted.isRegex
        ? t('What to put in the place of each match. $1 is the first group of the expression, $& all of it.')
        : t('What to put in the place of each match.'),
      value: this.replacement,
    });
    if (answer !== undefined) this.replacement = answer;
    return answer;
  }

  /** What replacing would make of a file, beside what it is. */
  private async preview(file: FileNode): Promise<void> {
    const replacement = await this.askReplacement();
    if (replacement === undefined) return;
    const document = await vscode.workspace.openTextDocument(file.uri);
    const matches = file.matches.map(({ match }) => match);
    // Editors may show another kind of line ends than the file has.
    const after = replaced(document.getText(), matches, this.model.wanted, replacement);
    if (after === CHANGED) {
      notify(t('{0} has changed since it was searched. Search again.', file.path));
      return;
    }
    const uri = this.documents.preview(file.uri, after);
    await showDiff(file.uri, uri, t('{0} (replaced)', placeInFolders(file)));
  }

  private async replace(given: string | undefined): Promise<unknown> {
    const { model } = this;
    const files = model.fileNodes;
    if (files.length === 0) return undefined;
    const replacement = given ?? (await this.askReplacement());
    if (replacement === undefined) return undefined;
    if (given === undefined) {
      const yes = t('Replace');
      const answer = await ask(
        t('Replace {0} matches in {1} files?', String(model.matchCount), String(files.length)),
        t(
          'Each file is saved whole, and only if it has not changed since it was searched. “Undo Replace in Files” puts everything back.',
        ),
        yes,
      );
      if (answer !== yes) return undefined;
    }
    const { wanted } = model;
    const unsaved = new Set(
      vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty).map(({ uri }) => uri.toString()),
    );
    const outcomes = await this.onHosts(files, t('Replacing'), (vfs, ours, host, running) =>
      replaceInFiles(vfs, ours, wanted, replacement, {
        ...running,
        isUnsaved: (path) =>
          files.some(
            (file) =>
              file.path === path && placeOf(file.uri).host === host && unsaved.has(file.uri.toString()),
          ),
      }),
    );
    this.undo = outcomes.filter(({ done }) => done.length > 0);
    await vscode.commands.executeCommand('setContext', UNDO_CONTEXT, this.undo.length > 0);
    const left = outcomes.flatMap((outcome) => outcome.left);
    const count = outcomes.reduce((sum, { done }) => sum + done.length, 0);
    const replacedFiles = new Set(
      outcomes.flatMap(({ done, host }) => done.map(({ path }) => `${host}\0${path}`)),
    );
    for (const file of files)
      if (replacedFiles.has(`${placeOf(file.uri).host}\0${file.path}`)) model.dismiss(file);
    void this.tellOutcome(t('Replaced in {0} files.', String(count)), left, this.undo.length > 0);
    return { done: count, left: left.map(({ path }) => path) };
  }

  private async takeBack(): Promise<unknown> {
    const undo = this.undo;
    this.undo = [];
    await vscode.commands.executeCommand('setContext', UNDO_CONTEXT, false);
    const left: Outcome['left'][number][] = [];
    let count = 0;
    for (const { host, done } of undo) {
      const vfs = await this.hosts.session(host).vfs();
      const outcome = await showProgress(t('Putting back'), (report, token) =>
        undoReplace(vfs, done, runningOf(report, token)),
      );
      count += outcome.done.length;
      left.push(...outcome.left);
    }
    void this.tellOutcome(t('Put back in {0} files.', String(count)), left, false);
    return { done: count, left: left.map(({ path }) => path) };
  }

  /** Works on the files of each host by itself, with one notification for all. */
  private async onHosts(
    files: readonly FileNode[],
    title: string,
    work: (
      vfs: import('../../client/vfs').Vfs,
      files: readonly FoundInFile[],
      host: string,
      running: ReturnType<typeof runningOf>,
    ) => Promise<Outcome>,
  ): Promise<(Outcome & { readonly host: string })[]> {
    const byHost = new Map<string, FoundInFile[]>();
    for (const { uri, path, matches } of files) {
      const { host } = placeOf(uri);
      byHost.set(host, [
        ...(byHost.get(host) ?? []),
        { path, matches: matches.map(({ match }) => match), score: 0 },
      ]);
    }
    return showProgress(title, async (report, token) => {
      const outcomes: (Outcome & { readonly host: string })[] = [];
      for (const [host, ours] of byHost) {
        const vfs = await this.hosts.session(host).vfs();
        outcomes.push({ ...(await work(vfs, ours, host, runningOf(report, token))), host });
      }
      return outcomes;
    });
  }

  private async tellOutcome(done: string, left: Outcome['left'], mayUndo: boolean): Promise<void> {
    const undo = t('Undo');
    const buttons = mayUndo ? [undo] : [];
    if (left.length === 0) {
      if ((await showInformation(done, ...buttons)) === undo)
        await this.run('livemount.find.undoReplace', []);
      return;
    }
    const named = left.slice(0, NAMED_MAX).map(({ path, why }) => `${path} (${leftWords(why)})`);
    if (left.length > NAMED_MAX) named.push(t('{0} more', String(left.length - NAMED_MAX)));
    const answer = await showWarning(t('{0} Left alone: {1}', done, named.join(', ')), ...buttons);
    if (answer === undo) await this.run('livemount.find.undoReplace', []);
  }

  /** The editor's own search waits for ever where all folders are ours, and says nothing: so we do, once. */
  private async tellOnce(): Promise<void> {
    const folders = vscode.workspace.workspaceFolders ?? [];
    if (folders.length === 0 || ourFolders().length < folders.length) return;
    if (!setting('livemount.find.keybindings') || this.context.globalState.get(TOLD_KEY) === true) return;
    await this.context.globalState.update(TOLD_KEY, true);
    const find = t('Find in Files');
    const answer = await showInformation(
      t(
        'The editor’s own search cannot look into hosts: its Search view would wait for ever. Ctrl+Shift+F and Ctrl+P search on the host instead.',
      ),
      find,
    );
    if (answer === find) await this.run('livemount.find.inFiles', []);
  }
}

function runningOf(
  report: vscode.Progress<{ message?: string; increment?: number }>,
  token: vscode.CancellationToken,
) {
  const controller = new AbortController();
  token.onCancellationRequested(() => controller.abort());
  return {
    signal: controller.signal,
    progress: (done: number, total: number) => report.report({ message: `${done} / ${total}` }),
  };
}

function leftWords(why: LeftAlone): string {
  if (typeof why === 'object') return inWords(why.error).reason;
  switch (why) {
    case 'changed':
      return t('changed since it was searched');
    case 'unsaved':
      return t('has unsaved changes here');
    case 'notText':
      return t('is not UTF-8');
  }
}

function isNode(value: unknown): value is ResultNode {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    (value.type === 'file' || value.type === 'match')
  );
}

function textOf(node: ResultNode): string {
  if (node.type === 'match') return node.match.preview;
  const lines = node.matches.map(({ match }) => `  ${match.line + 1}: ${match.preview}`);
  return [placeInFolders(node), ...lines].join('\n');
}

function givenQuery(subject: unknown): Wanted | undefined {
  if (typeof subject === 'string') return { ...NOTHING_WANTED, pattern: subject };
  if (typeof subject !== 'object' || subject === null || !('pattern' in subject)) return undefined;
  return { ...NOTHING_WANTED, ...(subject as Partial<Wanted>) };
}

function selectedText(): string | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || editor.selection.isEmpty || !editor.selection.isSingleLine) return undefined;
  return editor.document.getText(editor.selection);
}

/** A glob for what lies below a folder of the explorer; nothing for a workspace folder itself. */
function belowFolder(uri: vscode.Uri): string {
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  if (folder === undefined) return '';
  const below = placeOf(uri).path.slice(placeOf(folder.uri).path.replace(/\/$/, '').length + 1);
  return below === '' ? '' : `/${below.replace(/[\\*?[\]{}!,]/g, '\\$&')}/**`;
}
