import type { Duplex } from 'node:stream';
import * as vscode from 'vscode';
import type { LinkState, Vfs } from '../client/vfs';
import { ErrnoError } from '../protocol/errno';
import { detailsOf } from '../client/describe';
import { ConnectError } from '../ssh/connectError';
import { encodeHost } from './authority';
import { t } from './l10n';
import type { Log } from './log';

/** A connected host, as `connect.ts` makes it. */
export interface Connected {
  readonly vfs: Vfs;
  /** Which way it is reached (agent, uploaded runtime, SFTP), and why; for people. */
  readonly rung: string;
  readonly reason: string;
  /** The user's home on the host, where browsing starts; asked for each time. */
  home(): Promise<string>;
  /** The same tree with root's rights, for one save; asks for the user's password. Whoever asked disposes it. */
  asRoot(): Promise<Vfs>;
  /** Connects to a TCP port as the host sees it. */
  openTcp(host: string, port: number): Promise<Duplex>;
}

export type Connect = (host: string, signal: AbortSignal) => Promise<Connected>;

/** A session's state as people see it. 'idle': nobody needed the host yet; 'failed': it waits for a Reconnect. */
export type SessionState = 'idle' | 'disconnected' | 'failed' | LinkState;

/**
 * After an attempt that may do better later, the editor's further calls fail with the same error for this long. What
 * the user has to change first (a key, a password not given) holds until a Reconnect: nobody wants to be asked for a
 * password thirty times while a folder opens.
 */
const FAILURE_HOLDS_MS = 10_000;

/** A Vfs took over. `again`: the editor has met the host without one, so what it shows may be wrong. */
export interface Opened {
  readonly vfs: Vfs;
  readonly again: boolean;
}

/** One host in this window: connected when first needed, and then kept through dropped links by its Vfs. */
export class HostSession implements vscode.Disposable {
  private connecting: Promise<Connected> | undefined;
  private connected: Connected | undefined;
  private failure: { readonly error: unknown; readonly until: number } | undefined;
  private abort = new AbortController();
  private disconnected = false;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly opened = new vscode.EventEmitter<Opened>();
  private again = false;
  private subscriptions: readonly { dispose(): void }[] = [];

  /** The state, the round trip or the reason changed. */
  readonly onDidChange = this.changed.event;
  readonly onDidOpen = this.opened.event;

  constructor(
    readonly host: string,
    private readonly connect: Connect,
    private readonly log: Log,
    private readonly now: () => number = Date.now,
  ) {}

  /** The Vfs if there is one now; never starts a connection. */
  get current(): Vfs | undefined {
    return this.connected?.vfs;
  }

  get rung(): string | undefined {
    return this.connected?.rung;
  }

  get reason(): string | undefined {
    return this.connected?.reason;
  }

  /** The user's home on the host; the root while that is not known. */
  async home(): Promise<string> {
    return (await this.connected?.home()) ?? '/';
  }

  /** The host's tree with root's rights, for one save: whoever asked disposes it. */
  /** A connection to a TCP port as the host sees it. */
  async openTcp(host: string, port: number): Promise<Duplex> {
    await this.vfs();
    if (this.connected === undefined) throw new ErrnoError('ENOTCONN', `${this.host} is not connected`);
    return this.connected.openTcp(host, port);
  }

  async asRoot(): Promise<Vfs> {
    await this.vfs();
    if (this.connected === undefined) throw new ErrnoError('ENOTCONN', `${this.host} is not connected`);
    return this.connected.asRoot();
  }

  get state(): SessionState {
    if (this.connected !== undefined) return this.connected.vfs.state;
    if (this.connecting !== undefined) return 'connecting';
    if (this.disconnected) return 'disconnected';
    return this.failure === undefined ? 'idle' : 'failed';
  }

  /** Why the last attempt failed. */
  get lastError(): unknown {
    return this.failure?.error;
  }

  /** The host's tree; connects if nobody did. */
  async vfs(): Promise<Vfs> {
    if (this.connected !== undefined) return this.connected.vfs;
    if (this.disconnected) {
      throw new ErrnoError('ENOTCONN', t('{0} was disconnected; run “Livemount: Reconnect”', this.host));
    }
    if (this.failure !== undefined && this.now() < this.failure.until) throw this.failure.error;
    if (this.connecting === undefined) {
      this.connecting = this.open();
      this.changed.fire();
    }
    return (await this.connecting).vfs;
  }

  /** Ends the connection until `reconnect`. */
  disconnect(): void {
    this.disconnected = true;
    this.close();
    this.changed.fire();
  }

  /** Connects now: a dropped link tries at once, an ended or failed session starts again. */
  async reconnect(): Promise<void> {
    this.disconnected = false;
    this.failure = undefined;
    if (this.connected !== undefined && this.connected.vfs.state !== 'closed') {
      this.connected.vfs.reconnect();
      return;
    }
    this.close();
    await this.vfs();
  }

  dispose(): void {
    this.close();
    this.changed.dispose();
    this.opened.dispose();
  }

  private async open(): Promise<Connected> {
    const abort = this.abort;
    try {
      const connected = await this.connect(this.host, abort.signal);
      if (abort.signal.aborted) {
        connected.vfs.dispose();
        throw new ErrnoError('ECANCELED', `connecting to ${this.host} was cancelled`);
      }
      this.adopt(connected);
      return connected;
    } catch (error) {
      const isTransient = !(error instanceof ConnectError) || error.isTransient;
      const until = isTransient ? this.now() + FAILURE_HOLDS_MS : Number.POSITIVE_INFINITY;
      if (!abort.signal.aborted) this.failure = { error, until };
      this.again = true;
      this.log.warn(`host ${this.host}: not connected: ${detailsOf(error)}`);
      throw error;
    } finally {
      if (this.abort === abort) this.connecting = undefined;
      this.changed.fire();
    }
  }

  private adopt(connected: Connected): void {
    const { vfs } = connected;
    this.connected = connected;
    this.failure = undefined;
    this.log.info(`host ${this.host}: connected through ${connected.rung} (${connected.reason})`);
    this.subscriptions = [
      vfs.onStateChange((state, reason) => {
        this.log.info(`host ${this.host}: ${state}${reason === '' ? '' : ` (${reason})`}`);
        this.changed.fire();
      }),
      vfs.onSuperblocksChange(() => this.changed.fire()),
    ];
    this.opened.fire({ vfs, again: this.again });
    this.again = true;
  }

  private close(): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.connecting = undefined;
    for (const subscription of this.subscriptions) subscription.dispose();
    this.subscriptions = [];
    const connected = this.connected;
    this.connected = undefined;
    connected?.vfs.dispose();
  }
}

/** The hosts of this window. A session is made when something first names its host, and lives as long as the window. */
export class Hosts implements vscode.Disposable {
  private readonly sessions = new Map<string, HostSession>();
  private readonly changed = new vscode.EventEmitter<HostSession>();
  private readonly added = new vscode.EventEmitter<HostSession>();

  readonly onDidChange = this.changed.event;
  readonly onDidAdd = this.added.event;

  constructor(
    private readonly connect: Connect,
    private readonly log: Log,
  ) {}

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

  dispose(): void {
    for (const session of this.sessions.values()) session.dispose();
    this.sessions.clear();
    this.changed.dispose();
    this.added.dispose();
  }
}
