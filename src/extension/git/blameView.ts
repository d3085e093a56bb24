import * as vscode from 'vscode';
import { fitMarkdown, fitToShow } from '../../base/fitToShow';
import type { BlameLine } from '../../client/git/blame';
import { detailsOf } from '../../client/describe';
import { t } from '../l10n';
import type { Log } from '../log';
import { onSettingChange, setting } from '../settings';
import { isOurs, placeOf } from '../uris';
import type { OpenRepository } from './openRepository';
import type { Repositories } from './repositories';
import { prefixOf } from './revisions';

/** A file of more lines than this is not blamed by itself at every change. */
const MAX_LINES = 20_000;

/** Who wrote the current line (a setting, off by default), or every line of a file until the command is given again. */
export class BlameView implements vscode.Disposable {
  private readonly behindLine = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 3em' },
  });
  private readonly beforeLines = vscode.window.createTextEditorDecorationType({
    before: {
      color: new vscode.ThemeColor('editorCodeLens.foreground'),
      margin: '0 1.5em 0 0',
      width: '22em',
    },
  });
  /** What is known of the document that is looked at. */
  private known: { readonly key: string; readonly lines: Promise<readonly BlameLine[]> } | undefined;
  private readonly whole = new Set<string>();
  private readonly lifetime: vscode.Disposable[];

  constructor(
    private readonly repositories: Repositories,
    private readonly log: Log,
  ) {
    this.lifetime = [
      this.behindLine,
      this.beforeLines,
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.showLine(textEditor)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.showLine(editor)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (this.known?.key.startsWith(`${document.uri.toString()}\0`)) this.known = undefined;
      }),
      repositories.onDidChange(() => (this.known = undefined)),
      onSettingChange('livemount.git.blameLine', () => {
        const editor = vscode.window.activeTextEditor;
        if (editor) this.showLine(editor);
      }),
    ];
  }

  /** Shows who wrote which line of a file, or hides it again. */
  async toggle(editor: vscode.TextEditor): Promise<void> {
    const key = editor.document.uri.toString();
    if (this.whole.delete(key)) {
      editor.setDecorations(this.beforeLines, []);
      return;
    }
    const lines = await this.linesOf(editor.document);
    if (!lines) return;
    this.whole.add(key);
    editor.setDecorations(
      this.beforeLines,
      lines.map((line, at) => ({
        range: new vscode.Range(at, 0, at, 0),
        hoverMessage: hoverOf(line),
        renderOptions: { before: { contentText: fitToShow(`${dayOf(line)} ${line.author}`, 32) } },
      })),
    );
  }

  dispose(): void {
    for (const part of this.lifetime) part.dispose();
  }

  private showLine(editor: vscode.TextEditor): void {
    const at = editor.selection.active.line;
    if (
      !setting('livemount.git.blameLine') ||
      editor.document.isDirty ||
      editor.document.lineCount > MAX_LINES
    ) {
      editor.setDecorations(this.behindLine, []);
      return;
    }
    this.linesOf(editor.document)
      .then((lines) => {
        const line = lines?.[at];
        if (!line || editor.selection.active.line !== at) return;
        const words = line.uncommitted
          ? t('Not committed yet')
          : `${line.author}, ${dayOf(line)} · ${line.summary}`;
        editor.setDecorations(this.behindLine, [
          {
            range: new vscode.Range(at, Number.MAX_SAFE_INTEGER, at, Number.MAX_SAFE_INTEGER),
            hoverMessage: hoverOf(line),
            renderOptions: { after: { contentText: fitToShow(words, 120) } },
          },
        ]);
      })
      .catch((error: unknown) => this.log.info(`blame of ${editor.document.uri.path}: ${detailsOf(error)}`));
  }

  private async linesOf(document: vscode.TextDocument): Promise<readonly BlameLine[] | undefined> {
    const { uri } = document;
    const repository = isOurs(uri) ? this.repositories.of(uri) : undefined;
    if (!repository || isUntracked(repository, uri)) return undefined;
    const key = `${uri.toString()}\0${document.version}`;
    if (this.known?.key !== key) {
      const path = placeOf(uri).path.slice(prefixOf(repository.root).length);
      const lines = repository.git.blame(path);
      this.known = { key, lines };
    }
    return this.known.lines;
  }
}

function isUntracked(repository: OpenRepository, uri: vscode.Uri): boolean {
  const path = placeOf(uri).path.slice(prefixOf(repository.root).length);
  return repository.resources.untracked.some(
    (one) => one.path === path || (one.path.endsWith('/') && path.startsWith(one.path)),
  );
}

function dayOf({ authored }: BlameLine): string {
  return new Date(authored * 1000).toISOString().slice(0, 10);
}

function hoverOf({ author, email, oid, summary }: BlameLine): vscode.MarkdownString {
  return new vscode.MarkdownString(
    `**${fitMarkdown(summary)}**\n\n${fitMarkdown(`${author} <${email}>`)} · ${oid.slice(0, 8)}`,
  );
}
