import * as vscode from 'vscode';
import { DisposableStore } from '../../base/dispose';
import { encodeHost } from '../authority';
import type { Log } from '../log';
import { type Connect, HostSession } from './hostSession';

/** The hosts of this window. A session is made when something first names its host, and lives until it is forgotten. */
export class Hosts implements vscode.Disposable {
  private readonly sessions = new Map<string, HostSession>();
  private readonly changed = new vscode.EventEmitter<HostSession>();
  private readonly added = new vscode.EventEmitter<HostSession>();
  private readonly removed = new vscode.EventEmitter<HostSession>();
  private readonly owned = new DisposableStore();

  readonly onDidChange = this.changed.event;
  readonly onDidAdd = this.added.event;
  readonly onDidRemove = this.removed.event;

  constructor(
    private readonly connect: Connect,
    private readonly log: Log,
  ) {
    for (const part of [this.changed, this.added, this.removed]) this.owned.add(part);
    this.owned.add(
      vscode.window.onDidChangeWindowState(({ focused }) => {
        // Who comes back to the window wants to work: the wait for the next attempt ends.
        if (focused) for (const session of this.sessions.values()) session.hurry();
      }),
    );
  }

  all(): readonly HostSession[] {
    return [...this.sessions.values()];
  }

  /** The session of a host, made if there is none; does not connect. */
  session(host: string): HostSession {
    // URIs of one host may differ in the case of an escape; the authority's canonical form is the key.
    const key = encodeHost(host);
    const known = this.sessions.get(key);
    if (known !== undefined) return known;
    const session = new HostSession(host, this.connect, this.log);
    this.sessions.set(key, session);
    session.onDidChange(() => this.changed.fire(session));
    this.added.fire(session);
    return session;
  }

  /** Ends a session and takes its host out of the window. Whatever names the host again makes a new one. */
  forget(session: HostSession): void {
    this.sessions.delete(encodeHost(session.host));
    session.dispose();
    this.removed.fire(session);
  }

  dispose(): void {
    for (const session of this.sessions.values()) session.dispose();
    this.sessions.clear();
    this.owned.dispose();
  }
}
