import { asError } from '../base/errors';
import type { Disposable } from '../base/dispose';
import { Emitter } from '../base/emitter';
import type { HostConfig } from './config/hostConfig';
import { ConnectError } from './connectError';
import { type ConnectedHost, type ConnectHostOptions, connectHost } from './connectHost';
import type { SshTransport } from './transport/transport';

export interface HostConnectionOptions extends ConnectHostOptions {
  /** Called whenever a connection is being made. */
  readonly onConnecting?: () => void;
}

/**
 * The SSH connection to one host, which is made anew when somebody needs it after a drop: one attempt for all who ask
 * meanwhile. Whoever opened it disposes it; afterwards nothing connects any more.
 */
export class HostConnection implements Disposable {
  private readonly closed = new Emitter<Error | undefined>((error) =>
    this.log(`a listener failed: ${asError(error).stack}`),
  );
  private connecting: Promise<SshTransport> | undefined;
  /** Those that wait for a connection without making one. */
  private readonly waiting: (() => void)[] = [];
  private isDisposed = false;

  private constructor(
    private readonly target: string,
    private readonly options: HostConnectionOptions,
    private current: ConnectedHost,
  ) {
    this.watch(current.transport);
  }

  /** Connects for the first time. Fails with a ConnectError. */
  static async open(target: string, options: HostConnectionOptions): Promise<HostConnection> {
    const { signal, ...rest } = options;
    return new HostConnection(target, rest, await connect(target, rest, signal));
  }

  /** How the host is reached, as the SSH configuration said last. */
  get config(): HostConfig {
    return this.current.config;
  }

  /** The connection of this moment; none after a drop. */
  transport: SshTransport | undefined;

  /** Is called whenever the connection is lost, with the reason. */
  get onClose(): (listener: (reason: Error | undefined) => void) => Disposable {
    return this.closed.on;
  }

  /** The connection, made first if it is down. Fails with a ConnectError. */
  connected(signal?: AbortSignal): Promise<SshTransport> {
    if (this.isDisposed) return Promise.reject(new ConnectError('dropped', 'the connection is closed'));
    if (this.transport !== undefined) return Promise.resolve(this.transport);
    this.connecting ??= this.reconnect(signal).finally(() => {
      this.connecting = undefined;
    });
    return this.connecting;
  }

  /** Waits until somebody else has connected. Rejects once this is disposed. */
  async connectedByOthers(): Promise<SshTransport> {
    while (this.transport === undefined && !this.isDisposed)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.connected();
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.closed.dispose();
    this.transport?.dispose();
    this.resumeWaiting();
  }

  private async reconnect(signal: AbortSignal | undefined): Promise<SshTransport> {
    const connected = await connect(this.target, this.options, signal);
    if (this.isDisposed) {
      connected.transport.dispose();
      throw new ConnectError('dropped', 'the connection is closed');
    }
    this.current = connected;
    this.watch(connected.transport);
    this.resumeWaiting();
    return connected.transport;
  }

  private watch(transport: SshTransport): void {
    this.transport = transport;
    transport.onClose((reason) => {
      if (this.transport === transport) this.transport = undefined;
      this.closed.fire(reason);
    });
  }

  private resumeWaiting(): void {
    for (const resume of this.waiting.splice(0)) resume();
  }

  private log(line: string): void {
    this.options.onLog?.(`${this.config.alias}: ${line}`);
  }
}

function connect(
  target: string,
  options: HostConnectionOptions,
  signal: AbortSignal | undefined,
): Promise<ConnectedHost> {
  options.onConnecting?.();
  return connectHost(target, { ...options, ...(signal && { signal }) });
}
