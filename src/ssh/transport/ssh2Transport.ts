import { Duplex, PassThrough } from 'node:stream';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import type { Disposable } from '../../base/dispose';
import { messageOf } from '../../base/errors';
import { widenWindow } from './ssh2Internals';
import { Closing } from './closing';
import { ConnectError } from '../connectError';
import type { ExecChannel, ExitStatus, SshTerminal, SshTransport } from './transport';

/** What the editor's terminals are, and most others. */
const TERM = 'xterm-256color';

/** SSH through npm's `ssh2`, over a client that is connected and authenticated. Disposing ends the client. */
export class Ssh2Transport implements SshTransport {
  private readonly closing: Closing;
  private lastError: Error | undefined;

  /** @param owned what the connection runs over, if that is ours to end. */
  constructor(
    private readonly client: Client,
    private readonly owned?: Disposable,
    log: (line: string) => void = () => {},
  ) {
    this.closing = new Closing((error) => log(`a listener failed: ${messageOf(error)}`));
    client.on('error', (error) => {
      // The first error is the cause; later ones (a reset after a timeout) only follow from it.
      this.lastError ??= error;
    });
    client.on('close', () => {
      const cause = this.lastError;
      this.close(
        new ConnectError('dropped', `the connection was lost${cause ? `: ${cause.message}` : ''}`, { cause }),
      );
    });
  }

  exec(command: string, terminal?: SshTerminal): Promise<ExecChannel> {
    return this.open(
      'run a command',
      (done: (error: Error | undefined, channel: ClientChannel) => void) =>
        terminal === undefined
          ? this.client.exec(command, done)
          : this.client.exec(command, { pty: { ...terminal, term: TERM } }, done),
      (channel) => this.execChannel(channel),
    );
  }

  openStreamLocal(path: string): Promise<Duplex> {
    return this.open(
      `reach ${path}`,
      (done: (error: Error | undefined, channel: ClientChannel) => void) =>
        this.client.openssh_forwardOutStreamLocal(path, done),
      (channel) => {
        channel.stderr.resume();
        return channelStream(channel);
      },
    );
  }

  /** Connects to a TCP port as the host sees it (`direct-tcpip`): the way to the next hop. */
  openTcp(host: string, port: number): Promise<Duplex> {
    return this.open(
      `reach ${host} port ${port} from there`,
      (done: (error: Error | undefined, channel: ClientChannel) => void) =>
        this.client.forwardOut('127.0.0.1', 0, host, port, done),
      (channel) => {
        channel.stderr.resume();
        return channelStream(channel);
      },
    );
  }

  sftp(): Promise<SFTPWrapper> {
    return this.open(
      'open an SFTP channel',
      (done: (error: Error | undefined, sftp: SFTPWrapper) => void) => this.client.sftp(done),
      (sftp) => sftp,
    );
  }

  onClose(listener: (reason?: Error) => void): Disposable {
    return this.closing.onClose(listener);
  }

  dispose(): void {
    if (this.closing.isClosed) return;
    this.client.end();
    this.close();
  }

  /** Opens a channel of some kind, with every way to fail turned into one error. */
  private open<C, T>(
    what: string,
    request: (done: (error: Error | undefined, channel: C) => void) => void,
    wrap: (channel: C) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.closing.isClosed) {
        reject(this.closing.error);
        return;
      }
      const refused = (error: unknown) => {
        const failure = this.closing.isClosed ? 'dropped' : 'forbidden';
        reject(
          new ConnectError(failure, `the host did not let us ${what}: ${messageOf(error)}`, { cause: error }),
        );
      };
      try {
        request((error, channel) => {
          if (error) refused(error);
          else resolve(wrap(channel));
        });
      } catch (error) {
        refused(error);
      }
    });
  }

  private execChannel(channel: ClientChannel): ExecChannel {
    // ssh2's own stderr stream stays silent about the channel's end when nobody reads it.
    const stderr = new PassThrough();
    channel.stderr.pipe(stderr);
    const exit = new Promise<ExitStatus>((resolve) => {
      channel.once('exit', (code: number | null, signal?: string) => {
        resolve(code !== null ? { code } : signal !== undefined ? { signal } : {});
      });
      // ssh2 reports a channel's end only once all its output was read.
      const dropped = this.onClose(() => resolve({}));
      channel.once('close', () => {
        dropped.dispose();
        resolve({});
      });
    });
    return {
      stream: channelStream(channel),
      stderr,
      exit,
      resize: ({ cols, rows }) => channel.setWindow(rows, cols, 0, 0),
      signal: (name) => channel.signal(name),
    };
  }

  private close(reason?: Error): void {
    if (this.closing.close(reason)) this.owned?.dispose();
  }
}

/**
 * A channel as an ordinary stream. ssh2's is not one: its `destroy` leaves writes pending for ever, and after the
 * link is gone neither an error nor `destroyed` reports it.
 */
function channelStream(channel: ClientChannel): Duplex {
  widenWindow(channel);
  const stream = new Duplex({
    // What is read ahead belongs to the channel's window, not here as well.
    readableHighWaterMark: 0,
    writableHighWaterMark: 256 << 10,
    read() {
      channel.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      channel.write(chunk, done);
    },
    final(done) {
      channel.end();
      done();
    },
    destroy(error, done) {
      channel.destroy();
      // Unread data would hold back the channel's own end.
      channel.resume();
      done(error);
    },
  });
  channel.on('data', (chunk: Buffer) => {
    if (!stream.destroyed && !stream.push(chunk)) channel.pause();
  });
  channel.on('end', () => {
    if (!stream.destroyed) stream.push(null);
  });
  channel.on('close', () => {
    // What was read up to now still reaches the reader before the end.
    if (stream.readableEnded || stream.destroyed) stream.destroy();
    else stream.once('end', () => stream.destroy());
  });
  channel.pause();
  return stream;
}
