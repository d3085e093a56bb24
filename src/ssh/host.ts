import type { Duplex } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import { type Disposable, DisposableStore, onDispose } from '../base/dispose';
import { messageOf } from '../base/errors';
import { ErrnoError } from '../protocol/errno';
import { DEFAULT_GRACE_S } from '../protocol/livemount';
import { bootstrapAsRoot } from './agent/bootstrap';
import type { AskSudoPassword } from './agent/conversation';
import type { DaemonIdentity } from './agent/daemonIdentity';
import { type DaemonMemory, memoryKey, recall, type RememberedDaemon } from './agent/daemonMemory';
import { DirectChannel } from './agent/directChannel';
import { climb, type LadderOptions, type Rung } from './agent/ladder';
import { LoginAnswers } from './auth/loginAnswers';
import type { HostConfig } from './config/hostConfig';
import { ConnectError } from './connectError';
import type { ConnectHostOptions } from './connectHost';
import { HostConnection } from './hostConnection';
import { SftpRung } from './sftp/sftpRung';
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
  /** Calls the listener whenever the connection is lost, with the reason. */
  onClose(listener: (reason?: Error) => void): Disposable;
}

/**
 * Connects to `[user@]HOST[:port]` and finds the best rung that works there. Fails with a ConnectError, whose
 * `failure` says what stood in the way.
 */
export async function openHost(target: string, given: OpenHostOptions): Promise<HostLink> {
  // A reconnect asks nothing that was answered before.
  const options = { ...given, secrets: given.secrets ?? new LoginAnswers() };
  const { onProgress } = options;
  const connection = await HostConnection.open(target, {
    ...options,
    ...(onProgress && { onConnecting: () => onProgress({ kind: 'connecting' }) }),
  });
  try {
    const remembered =
      options.rungs === 'sftp'
        ? undefined
        : await recall(options.daemonMemory, memoryKey(connection.config, options.payload.agent.sha256));
    const link = new LadderLink(connection, options, remembered);
    await link.land();
    return link;
  } catch (error) {
    connection.dispose();
    throw error;
  }
}

/** A connection with the rung that was found on it, and the channels over that. */
class LadderLink implements HostLink {
  rung: Rung;
  reason: string;

  private readonly owned = new DisposableStore();
  private readonly direct: DirectChannel;
  /** The channel that came with finding the rung, until someone asks for it. */
  private first: Duplex | undefined;
  /** An agent has served this link. */
  private hasAgent = false;
  /** On the rung `sftp`. */
  private sftp: SftpRung | undefined;

  constructor(
    private readonly connection: HostConnection,
    private readonly options: OpenHostOptions,
    remembered: RememberedDaemon | undefined,
  ) {
    this.rung = remembered?.rung ?? 'node';
    this.reason = remembered?.reason ?? '';
    this.direct = new DirectChannel(remembered?.daemon);
    this.owned.add(connection);
    this.owned.add(onDispose(() => this.first?.destroy()));
  }

  get config(): HostConfig {
    return this.connection.config;
  }

  get transport(): SshTransport | undefined {
    return this.connection.transport;
  }

  get daemon(): DaemonIdentity | undefined {
    return this.direct.daemon;
  }

  /** Finds the rung, and keeps the channel to the agent that this takes. */
  async land(): Promise<void> {
    this.first = await this.channel(await this.connection.connected());
  }

  async openChannel(signal?: AbortSignal): Promise<Duplex> {
    const ready = this.first;
    this.first = undefined;
    if (ready !== undefined && !ready.destroyed && !ready.readableEnded) return ready;
    const transport = await this.connection.connected(signal);
    return this.sftp?.openChannel() ?? this.channel(transport);
  }

  async openRootChannel(askPassword: AskSudoPassword, signal?: AbortSignal): Promise<Duplex> {
    const transport = await this.connection.connected(signal);
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
    return (await this.connection.connected(signal)).openTcp(host, port);
  }

  async openSftp(signal?: AbortSignal): Promise<SFTPWrapper> {
    return (await this.connection.connected(signal)).sftp();
  }

  onClose(listener: (reason?: Error) => void): Disposable {
    return this.connection.onClose(listener);
  }

  dispose(): void {
    this.owned.dispose();
  }

  /** A channel the shortest way there is. */
  private async channel(transport: SshTransport): Promise<Duplex> {
    if (!this.direct.isPossible) return this.landing(transport);
    try {
      const channel = await this.direct.open(transport);
      this.hasAgent = true;
      return channel;
    } catch (error) {
      this.log(`no direct channel to the agent: ${messageOf(error)}`);
      if (this.transport !== transport) throw error;
      return this.landing(transport);
    }
  }

  /** A channel on the best rung there is: through a command that starts or finds the agent, or to our own server. */
  private async landing(transport: SshTransport): Promise<Duplex> {
    // A tree that an agent has served is not turned into another one because of a bad moment: it waits.
    const options = this.hasAgent ? { ...this.options, rungs: 'agent' as const } : this.options;
    const { rung, reason, agent } = await climb(transport, options);
    this.rung = rung;
    this.reason = reason;
    const anew = this.direct.foundOtherwise(agent?.daemon);
    if (anew !== undefined) this.log(`${anew} was started anew since the last channel`);
    if (agent !== undefined) {
      this.hasAgent = true;
      await this.remember({ rung, reason, daemon: agent.daemon });
      // The command has done its work: without it no program stands between the SSH server and the agent.
      const direct = await this.direct.tryOpen(transport, (line) => this.log(line));
      if (direct === undefined) return agent.channel;
      agent.channel.destroy();
      return direct;
    }
    this.sftp ??= this.owned.add(
      new SftpRung(this.connection, {
        graceS: this.options.graceS ?? DEFAULT_GRACE_S,
        log: (message) => this.log(message),
      }),
    );
    return this.sftp.openChannel();
  }

  private async remember(record: RememberedDaemon): Promise<void> {
    try {
      const key = memoryKey(this.config, this.options.payload.agent.sha256);
      await this.options.daemonMemory?.set(key, JSON.stringify(record));
    } catch (error) {
      // It saves the next connection a step, and is no reason to end this one.
      this.log(`where the agent listens is not remembered: ${messageOf(error)}`);
    }
  }

  private log(line: string): void {
    this.options.onLog?.(`${this.config.alias}: ${line}`);
  }
}
