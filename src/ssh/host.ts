import type { Duplex } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import { type Disposable, onDispose } from '../base/dispose';
import { messageOf } from '../base/errors';
import { ErrnoError } from '../protocol/errno';
import { DEFAULT_GRACE_S } from '../protocol/livemount';
import { bootstrapAsRoot } from './agent/bootstrap';
import type { AskSudoPassword } from './agent/conversation';
import { SessionSecrets } from './auth/secrets';
import type { HostConfig } from './config/hostConfig';
import { ConnectError } from './connectError';
import { type ConnectedHost, type ConnectHostOptions, connectHost } from './connectHost';
import {
  compareDaemons,
  type DaemonIdentity,
  type DaemonMemory,
  readKnownGreeting,
} from './agent/daemonIdentity';
import { daemonIdentityOf } from './agent/hostAnswers';
import { climb, type LadderOptions, type Landing, type Rung } from './agent/ladder';
import { SftpServer } from './sftp/sftpServer';
import type { SshTransport } from './transport/transport';

export type OpenHostOptions = ConnectHostOptions &
  LadderOptions & {
    readonly daemonMemory?: DaemonMemory;
  };

/** A host that is connected, and connects again when it is asked for a channel after a drop. */
export interface HostLink extends Disposable {
  readonly rung: Rung;
  /** Why it is this rung and no better one; for people. */
  readonly reason: string;
  /** How the host is reached, as the SSH configuration said last. */
  readonly config: HostConfig;
  /** The SSH connection of this moment; none after a drop. */
  readonly transport: SshTransport | undefined;
  /** The agent that the last channel reached; none on the rung `sftp`. */
  readonly daemon: DaemonIdentity | undefined;
  /**
   * A new channel to the FUSE server, connecting first if the link is down: one attempt, which fails with a
   * ConnectError. All channels reach the same daemon as long as it lives. On the rung `sftp` the server is in this
   * process and works over SFTP.
   */
  openChannel(signal?: AbortSignal): Promise<Duplex>;
  /**
   * A channel to a FUSE server of root's on the host, which ends with the channel: for the one save that the user's own
   * rights do not allow. EOPNOTSUPP on the rung `sftp`, EACCES where sudo does not let the user, ECANCELED when no
   * password was given.
   */
  openRootChannel(askPassword: AskSudoPassword, signal?: AbortSignal): Promise<Duplex>;
  /** Whether trying again later can help after `openChannel` failed so. */
  isTransient(error: unknown): boolean;
  /** Ends the SSH connection, which is dead and does not know it: the next channel makes a new one. */
  abandon(): void;
  /** A connection to a TCP port as the host sees it, likewise. */
  openTcp(host: string, port: number, signal?: AbortSignal): Promise<Duplex>;
  /** A new SFTP channel, likewise. */
  openSftp(signal?: AbortSignal): Promise<SFTPWrapper>;
  /** Calls whenever the connection is lost, with the reason. */
  onClose(listener: (reason?: Error) => void): Disposable;
}

/**
 * Connects to `[user@]HOST[:port]` and finds the best rung that works there. Fails with a ConnectError, whose
 * `failure` says what stood in the way.
 */
export async function openHost(target: string, given: OpenHostOptions): Promise<HostLink> {
  // A reconnect asks nothing that was answered before.
  const options = { ...given, secrets: given.secrets ?? new SessionSecrets() };
  const connected = await connect(target, options, options.signal);
  const link = new Link(target, options, connected.config);
  link.adopt(connected);
  try {
    await link.land();
    return link;
  } catch (error) {
    link.dispose();
    throw error;
  }
}

function connect(
  target: string,
  options: OpenHostOptions,
  signal: AbortSignal | undefined,
): Promise<ConnectedHost> {
  options.onProgress?.({ kind: 'connecting' });
  const { signal: _first, ...rest } = options;
  return connectHost(target, { ...rest, ...(signal && { signal }) });
}

class Link implements HostLink {
  rung: Rung = 'node';
  reason = '';
  daemon: DaemonIdentity | undefined;
  transport: SshTransport | undefined;

  private readonly listeners = new Set<(reason?: Error) => void>();
  private connecting: Promise<SshTransport> | undefined;
  /** The channel that came with finding the rung, until someone asks for it. */
  private first: Duplex | undefined;
  /** An agent has served this link. */
  private hasAgent = false;
  /** Who waits for a connection, and does not make one. */
  private readonly awaitingLink: (() => void)[] = [];
  /** On the rung `sftp`. */
  private sftpServer: SftpServer | undefined;
  private readonly sftpChannels = new Set<Duplex>();
  /** The server does not let us reach the agent's socket directly; every channel is a command of its own. */
  private isForwardingForbidden = false;
  private isDisposed = false;

  constructor(
    private readonly target: string,
    private readonly options: OpenHostOptions,
    public config: HostConfig,
  ) {}

  adopt({ transport, config }: ConnectedHost): void {
    this.config = config;
    this.transport = transport;
    for (const resume of this.awaitingLink.splice(0)) resume();
    transport.onClose((reason) => {
      if (this.transport === transport) this.transport = undefined;
      // The client resumes over a new channel then, as it would with an agent.
      for (const channel of this.sftpChannels) channel.destroy();
      if (!this.isDisposed) for (const listener of [...this.listeners]) listener(reason);
    });
  }

  /** Finds the rung, and keeps the channel to the agent that this takes. */
  async land(): Promise<void> {
    this.daemon = this.options.rungs === 'sftp' ? undefined : await this.remembered();
    const transport = await this.connected();
    this.first = (await this.direct(transport)) ?? (await this.landing(transport));
  }

  async openChannel(signal?: AbortSignal): Promise<Duplex> {
    const ready = this.first;
    this.first = undefined;
    if (ready !== undefined && !ready.destroyed && !ready.readableEnded) return ready;
    const transport = await this.connected(signal);
    if (this.sftpServer !== undefined) return this.sftpChannel(this.sftpServer);
    return (await this.direct(transport)) ?? this.landing(transport);
  }

  async openRootChannel(askPassword: AskSudoPassword, signal?: AbortSignal): Promise<Duplex> {
    const transport = await this.connected(signal);
    if (this.rung === 'sftp') throw new ErrnoError('EOPNOTSUPP', 'no agent runs on this host');
    return bootstrapAsRoot(transport, this.options.payload, askPassword, this.options);
  }

  isTransient(error: unknown): boolean {
    return !(error instanceof ConnectError) || error.isTransient;
  }

  abandon(): void {
    this.transport?.dispose();
  }

  async openTcp(host: string, port: number, signal?: AbortSignal): Promise<Duplex> {
    return (await this.connected(signal)).openTcp(host, port);
  }

  async openSftp(signal?: AbortSignal): Promise<SFTPWrapper> {
    return (await this.connected(signal)).sftp();
  }

  onClose(listener: (reason?: Error) => void): Disposable {
    this.listeners.add(listener);
    return onDispose(() => this.listeners.delete(listener));
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.first?.destroy();
    this.sftpServer?.dispose();
    this.transport?.dispose();
    this.listeners.clear();
    for (const resume of this.awaitingLink.splice(0)) resume();
  }

  private connected(signal?: AbortSignal): Promise<SshTransport> {
    if (this.isDisposed) return Promise.reject(new ConnectError('dropped', 'the connection is closed'));
    if (this.transport !== undefined) return Promise.resolve(this.transport);
    this.connecting ??= this.reconnect(signal).finally(() => {
      this.connecting = undefined;
    });
    return this.connecting;
  }

  private async reconnect(signal: AbortSignal | undefined): Promise<SshTransport> {
    const connected = await connect(this.target, this.options, signal);
    if (this.isDisposed) {
      connected.transport.dispose();
      throw new ConnectError('dropped', 'the connection is closed');
    }
    this.adopt(connected);
    return connected.transport;
  }

  /** A channel straight to the socket of the daemon we know: no program is started, one round trip is all. */
  private async direct(transport: SshTransport): Promise<Duplex | undefined> {
    const { daemon } = this;
    if (daemon === undefined || this.isForwardingForbidden) return undefined;
    try {
      const channel = await transport.openStreamLocal(daemon.socketPath);
      await readKnownGreeting(channel, daemon).catch((error) => {
        channel.destroy();
        throw error;
      });
      this.hasAgent = true;
      return channel;
    } catch (error) {
      this.options.onLog?.(`${this.config.alias}: no direct channel to the agent: ${String(error)}`);
      if (this.transport !== transport) throw error;
      return undefined;
    }
  }

  /** A channel on the best rung there is: through a command that starts or finds the agent, or to our own server. */
  private async landing(transport: SshTransport): Promise<Duplex> {
    const before = this.daemon;
    // A tree that an agent has served is not turned into another one because of a bad moment: it waits.
    const options = this.hasAgent ? { ...this.options, rungs: 'agent' as const } : this.options;
    const landing: Landing = await climb(transport, options);
    this.rung = landing.rung;
    this.reason = landing.reason;
    this.daemon = landing.agent?.daemon;
    if (before !== undefined && this.daemon !== undefined) this.compare(before, this.daemon);
    await this.remember();
    if (landing.agent !== undefined) {
      this.hasAgent = true;
      return landing.agent.channel;
    }
    const { user, hostName } = this.config;
    this.sftpServer ??= new SftpServer({
      open: () => this.sftpOnceConnected(),
      source: `${user}@${hostName}`,
      graceS: this.options.graceS ?? DEFAULT_GRACE_S,
      log: (message) => this.options.onLog?.(`${this.config.alias}: ${message}`),
    });
    return this.sftpChannel(this.sftpServer);
  }

  /**
   * For the server in this process: it works and polls on while the link is down, and that must not connect, which may
   * ask somebody for a password. The client does, in its own time.
   */
  private async sftpOnceConnected(): Promise<SFTPWrapper> {
    while (this.transport === undefined && !this.isDisposed)
      await new Promise<void>((resolve) => this.awaitingLink.push(resolve));
    return this.openSftp();
  }

  private compare(before: DaemonIdentity, now: DaemonIdentity): void {
    const change = compareDaemons(before, now);
    // It was there all the time, so the direct way was closed by the server.
    if (change === 'same') this.isForwardingForbidden = true;
    else {
      const subject = change === 'rebooted' ? 'the host' : 'the agent';
      this.options.onLog?.(`${this.config.alias}: ${subject} was started anew since the last channel`);
    }
  }

  private sftpChannel(server: SftpServer): Duplex {
    const channel = server.openChannel();
    this.sftpChannels.add(channel);
    channel.once('close', () => this.sftpChannels.delete(channel));
    return channel;
  }

  /** One record for each account of a host and version of the agent. */
  private get memoryKey(): string {
    const { user, hostName, port } = this.config;
    return `daemon ${user}@${hostName}:${port} ${this.options.payload.agent.sha256}`;
  }

  private async remember(): Promise<void> {
    if (this.daemon === undefined) return;
    const { rung, reason, daemon } = this;
    try {
      await this.options.daemonMemory?.set(this.memoryKey, JSON.stringify({ rung, reason, daemon }));
    } catch (error) {
      // It saves the next connection a step, and is no reason to end this one.
      this.options.onLog?.(
        `${this.config.alias}: where the agent listens is not remembered: ${messageOf(error)}`,
      );
    }
  }

  private async remembered(): Promise<DaemonIdentity | undefined> {
    const text = await Promise.resolve(this.options.daemonMemory?.get(this.memoryKey)).catch(() => undefined);
    if (text === undefined) return undefined;
    const record = rememberedDaemon(text);
    if (record === undefined) return undefined;
    this.rung = record.rung;
    this.reason = record.reason;
    return record.daemon;
  }
}

interface RememberedDaemon {
  readonly rung: Rung;
  readonly reason: string;
  readonly daemon: DaemonIdentity;
}

/** What an earlier connection wrote down; nothing if it is damaged, and the agent is then looked for. */
function rememberedDaemon(text: string): RememberedDaemon | undefined {
  try {
    const { rung, reason, daemon } = JSON.parse(text) as Record<string, unknown>;
    const identity = daemonIdentityOf(daemon);
    if (identity === undefined || typeof reason !== 'string') return undefined;
    return rung === 'node' || rung === 'uploaded-node' ? { rung, reason, daemon: identity } : undefined;
  } catch {
    return undefined;
  }
}
