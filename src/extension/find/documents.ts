import * as vscode from 'vscode';
import { DisposableStore, onDispose } from '../../base/dispose';
import { t } from '../l10n';

const RESULTS_SCHEME = 'livemount-search';
const PREVIEW_SCHEME = 'livemount-replaced';

/** Documents of ours that nobody saves: results, which are fit to show, and what replacing would make of a file, as the file is. */
export class FindDocuments implements vscode.Disposable {
  private readonly owned = new DisposableStore();
  private readonly contents = new Map<string, string>();
  private count = 0;

  constructor() {
    const provider = {
      provideTextDocumentContent: (uri: vscode.Uri) => this.contents.get(uri.toString()) ?? '',
    };
    for (const scheme of [RESULTS_SCHEME, PREVIEW_SCHEME]) {
      this.own(vscode.workspace.registerTextDocumentContentProvider(scheme, provider));
    }
    this.own(
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        this.contents.delete(uri.toString());
      }),
    );
  }

  /** A page of results, in the language whose links and outline the editor knows. */
  async showResults(content: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: RESULTS_SCHEME, path: `/${t('Search')} ${++this.count}` });
    this.contents.set(uri.toString(), content);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.languages.setTextDocumentLanguage(document, 'search-result');
    await vscode.window.showTextDocument(document, { preview: false });
  }

  /** The name of what a file would be. */
  preview(file: vscode.Uri, content: string): vscode.Uri {
    const uri = vscode.Uri.from({ scheme: PREVIEW_SCHEME, path: file.path, query: `${++this.count}` });
    this.contents.set(uri.toString(), content);
    return uri;
  }

  dispose(): void {
    this.owned.dispose();
  }

  private own(part: vscode.Disposable): void {
    this.owned.add(onDispose(() => part.dispose()));
  }
}
