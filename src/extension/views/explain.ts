import * as vscode from 'vscode';
import { fitToShow } from '../../base/fitToShow';
import { inWords } from '../errors';
import type { Hosts } from '../hosts/hosts';
import { t } from '../l10n';
import { setting } from '../settings';
import { placeOf } from '../uris';
import { explanationPage } from './explanationPage';

const SCHEME = 'livemount-explain';

/** "Explain This File": a page on where a file lives, whether it is live, and what is known of it. */
export class Explanations implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  readonly onDidChange = this.changed.event;

  constructor(private readonly hosts: Hosts) {}

  /** Shows the page as it reads, not its Markdown; where the editor's Markdown is switched off, its text. */
  async show(uri: vscode.Uri): Promise<void> {
    const { path } = placeOf(uri);
    const name = fitToShow(path.slice(path.lastIndexOf('/') + 1), 80).replaceAll('/', ' ');
    // The file's own URI travels in the query; the path is what the tab shows.
    const page = vscode.Uri.from({
      scheme: SCHEME,
      path: `/${t('{0} explained', name || '/')}.md`,
      query: uri.toString(),
    });
    this.changed.fire(page);
    try {
      await vscode.commands.executeCommand('markdown.showPreview', page);
    } catch {
      const document = await vscode.workspace.openTextDocument(page);
      await vscode.window.showTextDocument(document, { preview: true });
    }
  }

  async provideTextDocumentContent(page: vscode.Uri): Promise<string> {
    const { host, path } = placeOf(vscode.Uri.parse(page.query, true));
    const vfs = await this.hosts.session(host).vfs();
    const explanation = await vfs.explain(path);
    const looked = await vfs.lstat(path).then(
      (stat) => ({ stat, problem: undefined }),
      (error: unknown) => ({ stat: undefined, problem: inWords(error, { subject: path }).sentence }),
    );
    const target = looked.stat?.isSymlink ? await vfs.readlink(path).catch(() => undefined) : undefined;
    const durability = setting('livemount.durability');
    return explanationPage({ host, explanation, ...looked, target, durability, timeText }, t);
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}

/** What a Date can express. */
const DATE_LIMIT_MS = 8_640_000_000_000_000n;

/** A time of the host in this window's time zone and language. */
function timeText(ns: bigint): string {
  const ms = ns / 1_000_000n;
  if (ms > DATE_LIMIT_MS || ms < -DATE_LIMIT_MS) return `${ns} ns`;
  return new Date(Number(ms)).toLocaleString(vscode.env.language);
}
