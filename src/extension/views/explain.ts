import * as vscode from 'vscode';
import type { Change, Explanation } from '../../client/vfs';
import { describeMask } from '../../protocol/mask';
import type { Hosts } from '../hosts';
import { placeOf } from '../uris';
import { aboutMount, isReadonly, maskInWords, watchedBy } from './words';

const SCHEME = 'livemount-explain';

/** "Explain This File": a page on where a file lives, who watches it, and what of it is known here. */
export class Explanations implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  readonly onDidChange = this.changed.event;

  constructor(private readonly hosts: Hosts) {}

  async show(uri: vscode.Uri): Promise<void> {
    const name = uri.path.slice(uri.path.lastIndexOf('/') + 1);
    // The file's own URI travels in the query; the path is what the tab shows.
    const page = vscode.Uri.from({ scheme: SCHEME, path: `/${name} explained`, query: uri.toString() });
    this.changed.fire(page);
    const document = await vscode.workspace.openTextDocument(page);
    await vscode.languages.setTextDocumentLanguage(document, 'markdown');
    await vscode.window.showTextDocument(document, { preview: true });
  }

  async provideTextDocumentContent(page: vscode.Uri): Promise<string> {
    const { host, path } = placeOf(vscode.Uri.parse(page.query, true));
    const vfs = await this.hosts.session(host).vfs();
    return explanationText(host, await vfs.explain(path));
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}

const leaseWords: Readonly<Record<Explanation['lease'], string>> = {
  lease: 'valid until the host tells of a change (a live watch covers it)',
  timeout: 'valid for a moment, then asked again (no watch covers it)',
  none: 'never used without asking',
};

function explanationText(host: string, explanation: Explanation): string {
  const { superblock: view, marks, lastEvent, cached, lease, blindSpots } = explanation;
  const lines = [
    `# ${explanation.path}`,
    '',
    `On host ${host}, in the mount at \`${view.mountpoint}\`: ${aboutMount(view)}.`,
    '',
    '## Superblock',
    '',
    `- ${view.name}, ${view.mount.fstype}, source \`${view.mount.source}\`, ${isReadonly(view) ? 'read-only' : 'read and write'}`,
    `- ${watchedBy(view)}${view.mount.reason === '' ? '' : `: ${view.mount.reason}`}`,
    `- aggregated mask: ${maskInWords(view)} (generation ${view.generation})`,
    '',
    '## Marks that cover it',
    '',
    ...(marks.length === 0 ? ['None: changes on the host are seen only when something asks again.'] : []),
    ...marks.map(
      (mark) =>
        `- \`${mark.path}\`${mark.recursive ? ' and below' : ''}: ${describeMask(mark.mask)}${mark.acknowledged ? '' : ' (the host has not acknowledged it yet)'}`,
    ),
    '',
    '## Last event',
    '',
    lastEvent === undefined ? 'None seen by this window.' : eventLine(lastEvent),
    '',
    '## What is known here without asking',
    '',
    cached.length === 0 ? 'Nothing.' : `${cached.join(', ')}; ${leaseWords[lease]}.`,
    '',
    '## What can’t be seen here',
    '',
    ...(blindSpots.length === 0 ? ['Nothing is known to be missed.'] : blindSpots.map((spot) => `- ${spot}`)),
    '',
  ];
  return lines.join('\n');
}

function eventLine(change: Change): string {
  const time = new Date(Number(change.timeNs / 1_000_000n)).toISOString();
  return `${change.kind} of \`${change.path}\`${change.to === undefined ? '' : ` to \`${change.to}\``} at ${time} (event ${change.seq})`;
}
