import type { Duplex } from 'node:stream';
import * as vscode from 'vscode';
import { type Clock, systemClock } from '../../base/clock';
import { type Disposable, DisposableStore } from '../../base/dispose';
import { detailsOf } from '../../client/describe';
import type { LinkState, Vfs } from '../../client/vfs';
import { ErrnoError } from '../../protocol/errno';
import { ConnectError } from '../../ssh/connectError';
import { t } from '../l10n';
import type { Log } from '../log';

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

/** A host's state as people see it. 'idle': nobody needed it yet; 'failed': the last attempt to connect did. */
export type HostState = 'idle' | 'disconnected' | 'failed' | LinkState;

/** Why and since when a host is not there. */
export interface Outage {
  /** By Date.now(). */
  readonly since: number;
  /** What a person reads is made of it by `errors.ts`. */
  readonly error: unknown;
}

/**
 * After an attempt that may do better later, the editor's further calls fail with the same error for this long. What
 * the user has to change first (a key, a password not given) holds until a Reconnect: nobody wants to be asked for a
 * password thirty times while a folder opens.
 */
const FAILURE_HOLDS_MS = 10_000;

/** Waits between attempts to connect for the first time, while somebody waits; the last one repeats. */
const RETRY_DELAYS_MS: readonly number[] = [2000, 5000, 10_000, 30_000];

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
  private lost: Outage | undefined;
  private abort = new AbortController();
  private disconnected = false;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly opened = new vscode.EventEmitter<Opened>();
  private again = false;
  private followed = new DisposableStore();
  private failures = 0;
  private retry: (Disposable & { readonly at: number }) | undefined;

  /** The state, the round trip or the reason changed. */
  readonly onDidChange = this.changed.event;
  readonly onDidOpen = this.opened.event;

  constructor(
    readonly host: string,
    private readonly connect: Connect,
    private readonly log: Log,
    private readonly clock: Clock = systemClock,
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

  /** A connection to a TCP port as the host sees it. */
  async openTcp(host: string, port: number): Promise<Duplex> {
    await this.vfs();
    if (this.connected === undefined) throw new ErrnoError('ENOTCONN');
    return this.connected.openTcp(host, port);
  }

  /** The host's tree with root's rights, for one save: whoever asked disposes it. */
  async asRoot(): Promise<Vfs> {
    await this.vfs();
    if (this.connected === undefined) throw new ErrnoError('ENOTCONN');
    return this.connected.asRoot();
  }

  get state(): HostState {
    if (this.connected !== undefined) return this.connected.vfs.state;
    if (this.connecting !== undefined) return 'connecting';
    if (this.disconnected) return 'disconnected';
    return this.failure === undefined ? 'idle' : 'failed';
  }

  /** Why the last attempt failed. */
  get lastError(): unknown {
    return this.failure?.error;
  }

  /** Why and since when the host is not there; undefined while it is, and when nobody needed it. */
  get outage(): Outage | undefined {
    return this.lost;
  }

  /** Milliseconds until the next attempt to connect; undefined while one is under way, or none is planned. */
  get retryInMs(): number | undefined {
    if (this.connected !== undefined) return this.connected.vfs.retryInMs;
    return this.retry === undefined ? undefined : Math.max(0, this.retry.at - this.clock.now());
  }

  /** The host's tree; connects if nobody did. */
  async vfs(): Promise<Vfs> {
    if (this.connected !== undefined) return this.connected.vfs;
    if (this.disconnected) {
      throw new ErrnoError('ENOTCONN', t('{0} was disconnected; run “Livemount: Reconnect”', this.host));
    }
    if (this.failure !== undefined && this.clock.now() < this.failure.until) throw this.failure.error;
    if (this.connecting === undefined) {
      this.cancelRetry();
      this.connecting = this.open();
      this.changed.fire();
    }
    return (await this.connecting).vfs;
  }

  /**
   * The host's tree as soon as there is one: for the folders of the window, which would stand there as broken after the
   * host is back. What may pass is tried again by itself, anything else waits for a Reconnect; a Disconnect rejects.
   */
  async awaitVfs(): Promise<Vfs> {
    for (;;) {
      try {
        return await this.vfs();
      } catch (error) {
        if (this.disconnected) throw error;
        this.planRetry();
        await this.nextChange();
      }
    }
  }

  /** Ends the connection until `reconnect`. */
  disconnect(): void {
    this.disconnected = true;
    this.lost = undefined;
    this.close();
    this.changed.fire();
  }

  /** Connects now: a dropped link tries at once, an ended or failed session starts again. */
  async reconnect(): Promise<void> {
    this.disconnected = false;
    this.failure = undefined;
    this.failures = 0;
    if (this.connected !== undefined && this.connected.vfs.state !== 'closed') {
      this.connected.vfs.reconnect();
      return;
    }
    this.close();
    await this.vfs();
  }

  /** Ends the wait for the next attempt, if there is one: somebody came back to the window, or saves. */
  hurry(): void {
    if (this.connected?.vfs.state === 'reconnecting') this.connected.vfs.reconnect();
    else if (this.retry !== undefined) this.attemptAgain();
  }

  dispose(): void {
    this.close();
    this.disconnected = true;
    this.changed.fire();
    this.changed.dispose();
    this.opened.dispose();
  }

  private async open(): Promise<Connected> {
    const abort = this.abort;
    try {
      const connected = await this.connect(this.host, abort.signal);
      if (abort.signal.aborted) {
        connected.vfs.dispose();
        throw new ErrnoError('ECANCELED', t('connecting to {0} was cancelled', this.host));
      }
      this.adopt(connected);
      return connected;
    } catch (error) {
      const until = isTransient(error) ? this.clock.now() + FAILURE_HOLDS_MS : Number.POSITIVE_INFINITY;
      if (!abort.signal.aborted) {
        this.failure = { error, until };
        this.lost = { since: this.lost?.since ?? Date.now(), error };
      }
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
    this.failures = 0;
    this.lost = undefined;
    this.log.info(`host ${this.host}: connected through ${connected.rung} (${connected.reason})`);
    this.followed = new DisposableStore();
    this.followed.add(vfs.onStateChange((state, reason) => this.entered(state, reason)));
    this.followed.add(vfs.onSuperblocksChange(() => this.changed.fire()));
    this.opened.fire({ vfs, again: this.again });
    this.again = true;
  }

  private entered(state: LinkState, reason: string): void {
    this.log.info(`host ${this.host}: ${state}${reason === '' ? '' : ` (${reason})`}`);
    this.lost =
      state === 'connected' ? undefined : { since: this.lost?.since ?? Date.now(), error: new Error(reason) };
    this.changed.fire();
  }

  /** Plans the next attempt, unless there is one or only the user can help. */
  private planRetry(): void {
    if (this.retry !== undefined || this.connecting !== undefined) return;
    if (this.failure === undefined || !isTransient(this.failure.error)) return;
    const last = RETRY_DELAYS_MS.length - 1;
    const delayMs = RETRY_DELAYS_MS[Math.min(this.failures++, last)] ?? 0;
    const timer = this.clock.after(delayMs, () => this.attemptAgain());
    this.retry = { at: this.clock.now() + delayMs, dispose: () => timer.dispose() };
    this.changed.fire();
  }

  private attemptAgain(): void {
    this.cancelRetry();
    this.failure = undefined;
    // Whoever waits is told by the change of state; the error is in the log and in `lastError`.
    this.vfs().catch(() => undefined);
  }

  private cancelRetry(): void {
    this.retry?.dispose();
    this.retry = undefined;
  }

  private nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const subscription = this.onDidChange(() => {
        subscription.dispose();
        resolve();
      });
    });
  }

  private close(): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.cancelRetry();
    this.connecting = undefined;
    this.followed.dispose();
    const connected = this.connected;
    this.connected = undefined;
    connected?.vfs.dispose();
  }
}

/** Whether trying again may do better without the user doing anything. */
function isTransient(error: unknown): boolean {
  return !(error instanceof ConnectError) || error.isTransient;
}
