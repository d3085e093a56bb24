import * as vscode from 'vscode';
import { DisposableStore } from '../../base/dispose';
import { fitMarkdown, fitToShow } from '../../base/fitToShow';
import { withoutCode } from '../../client/describe';
import type { CommandId } from '../commandTable';
import type { Hosts } from '../hosts/hosts';
import type { HostSession, HostState } from '../hosts/hostSession';
import { t } from '../l10n';
import { isOurs, ourFolders, placeOf } from '../uris';
import { describeState, duration, milliseconds, outageLines } from './words';

/** The round trip and the delay are smoothed by the client; showing them more often only flickers. */
const REDRAW_MS = 2000;
/** While there is no connection the seconds until the next attempt are counted. */
const COUNTDOWN_MS = 1000;

const icons: Readonly<Record<HostState, string>> = {
  idle: '$(circle-large-outline)',
  disconnected: '$(debug-disconnect)',
  failed: '$(error)',
  connecting: '$(sync~spin)',
  connected: '$(pulse)',
  reconnecting: '$(sync~spin)',
  closed: '$(debug-disconnect)',
};

/** Commands that the tooltip offers; nothing else in it is a link, whatever a host says. */
const OFFERED: readonly CommandId[] = ['livemount.reconnect', 'livemount.showLog'];

/** The host of what is open, its connection, round trip and event delay; while it is gone, why, since when and until when. */
export class ConnectionStatus implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'livemount.connection',
    vscode.StatusBarAlignment.Left,
  );
  private readonly owned = new DisposableStore();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly hosts: Hosts) {
    this.item.name = t('Livemount Connection');
    this.item.command = 'livemount.connection' satisfies CommandId;
    for (const part of [
      this.item,
      hosts.onDidChange(() => this.draw()),
      hosts.onDidAdd(() => this.draw()),
      hosts.onDidRemove(() => this.draw()),
      vscode.window.onDidChangeActiveTextEditor(() => this.draw()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.draw()),
    ]) {
      this.owned.add(part);
    }
    this.draw();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.owned.dispose();
  }

  private draw(): void {
    clearTimeout(this.timer);
    const session = this.shownSession();
    if (session === undefined) {
      this.item.hide();
      return;
    }
    const { state, host } = session;
    const words = stateText(session);
    this.item.text = `${icons[state]} ${fitToShow(host, 60)}${words === '' ? '' : ` ${words}`}`;
    this.item.tooltip = tooltip(session);
    this.item.accessibilityInformation = {
      label: fitToShow(t('Livemount: {0}, {1}', host, words || describeState(state))),
      role: 'button',
    };
    const alarming = state === 'failed' || state === 'reconnecting';
    this.item.backgroundColor = alarming
      ? new vscode.ThemeColor('statusBarItem.warningBackground')
      : undefined;
    this.item.show();
    if (state === 'connected') this.timer = setTimeout(() => this.draw(), REDRAW_MS);
    else if (session.retryInMs !== undefined) this.timer = setTimeout(() => this.draw(), COUNTDOWN_MS);
  }

  /** The active editor's host, else the first folder's, else the one that is connected. */
  private shownSession(): HostSession | undefined {
    const active = vscode.window.activeTextEditor?.document.uri;
    const uri = active !== undefined && isOurs(active) ? active : ourFolders()[0]?.uri;
    if (uri !== undefined) return this.hosts.session(placeOf(uri).host);
    return this.hosts.all().find((session) => session.current !== undefined);
  }
}

function stateText(session: HostSession): string {
  const { state, current, retryInMs } = session;
  if (state === 'connected') return current?.rttMs === undefined ? '' : milliseconds(current.rttMs);
  const words = describeState(state);
  return retryInMs === undefined ? words : `${words} (${duration(retryInMs)})`;
}

function tooltip(session: HostSession): vscode.MarkdownString {
  const { current, rung, reason, state } = session;
  const lines = [`**${fitMarkdown(session.host)}**: ${describeState(state)}`];
  if (state === 'connected' && current !== undefined) {
    lines.push(
      t('Round trip: {0}', milliseconds(current.rttMs)),
      t('A change shows here after: {0}', milliseconds(current.eventDelayMs)),
    );
    if (rung !== undefined) {
      const why = reason ? ` (${fitMarkdown(withoutCode(reason))})` : '';
      lines.push(t('Through: {0}', `${fitMarkdown(rung)}${why}`));
    }
  }
  lines.push(...outageLines(session).map((line) => fitMarkdown(line)));
  if (state !== 'connected' && state !== 'connecting') {
    lines.push(
      `[${t('Reconnect Now')}](command:livemount.reconnect) · [${t('Show Log')}](command:livemount.showLog)`,
    );
  }
  const text = new vscode.MarkdownString(lines.join('\n\n'));
  text.isTrusted = { enabledCommands: OFFERED };
  return text;
}
