import * as vscode from 'vscode';
import { fitMarkdown, fitToShow } from '../../base/fitToShow';
import { inWords } from '../errors';
import type { Hosts, HostSession, SessionState } from '../hosts';
import { isOurs, ourFolders, placeOf } from '../uris';
import { describeState, milliseconds } from './words';

/** The round trip and the delay are smoothed by the client; showing them more often only flickers. */
const REDRAW_MS = 2000;

const icons: Readonly<Record<SessionState, string>> = {
  idle: '$(circle-large-outline)',
  disconnected: '$(debug-disconnect)',
  failed: '$(error)',
  connecting: '$(sync~spin)',
  connected: '$(pulse)',
  reconnecting: '$(sync~spin)',
  closed: '$(debug-disconnect)',
};

/** The host of what is open, its connection, round trip and event delay. */
export class ConnectionStatus implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'livemount.connection',
    vscode.StatusBarAlignment.Left,
  );
  private readonly lifetime: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly hosts: Hosts) {
    this.item.name = 'Livemount Connection';
    this.item.command = 'livemount.hosts.focus';
    this.lifetime = [
      this.item,
      hosts.onDidChange(() => this.draw()),
      hosts.onDidAdd(() => this.draw()),
      vscode.window.onDidChangeActiveTextEditor(() => this.draw()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.draw()),
    ];
    this.draw();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const part of this.lifetime) part.dispose();
  }

  private draw(): void {
    clearTimeout(this.timer);
    const session = this.shownSession();
    if (session === undefined) {
      this.item.hide();
      return;
    }
    const { state, current } = session;
    const trip =
      state === 'connected' && current?.rttMs !== undefined ? ` ${milliseconds(current.rttMs)}` : '';
    const words = state === 'connected' ? trip : ` ${describeState(state)}`;
    this.item.text = `${icons[state]} ${fitToShow(session.host, 60)}${words}`;
    this.item.tooltip = tooltip(session);
    const alarming = state === 'failed' || state === 'reconnecting';
    this.item.backgroundColor = alarming
      ? new vscode.ThemeColor('statusBarItem.warningBackground')
      : undefined;
    this.item.show();
    if (state === 'connected') this.timer = setTimeout(() => this.draw(), REDRAW_MS);
  }

  /** The active editor's host, else the first folder's, else the one that is connected. */
  private shownSession(): HostSession | undefined {
    const active = vscode.window.activeTextEditor?.document.uri;
    const uri = active !== undefined && isOurs(active) ? active : ourFolders()[0]?.uri;
    if (uri !== undefined) return this.hosts.session(placeOf(uri).host);
    return this.hosts.all().find((session) => session.current !== undefined);
  }
}

function tooltip(session: HostSession): vscode.MarkdownString {
  const lines = [`**${fitMarkdown(session.host)}**: ${describeState(session.state)}`];
  const { current, rung, reason } = session;
  if (current !== undefined) {
    lines.push(
      `Round trip: ${milliseconds(current.rttMs)}`,
      `Event delay: ${milliseconds(current.eventDelayMs)}`,
    );
  }
  if (rung !== undefined)
    lines.push(`Through: ${fitMarkdown(rung)}${reason ? ` (${fitMarkdown(reason)})` : ''}`);
  if (session.lastError instanceof Error) lines.push(fitMarkdown(inWords(session.lastError).sentence));
  return new vscode.MarkdownString(lines.join('\n\n'));
}
