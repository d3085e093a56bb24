import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import type { Disposable } from '../../base/dispose';
import { messageOf } from '../../base/errors';
import { Closing } from './closing';
import { formatTarget } from '../config/target';
import { ConnectError } from '../connectError';
import { sftpOverStream } from './sftpOverStream';
import type { ExecChannel, ExitStatus, SshTerminal, SshTransport } from './transport';

/** How the `ssh` program is called for a host. */
export interface SshProgram {
  readonly program: string;
  /** Arguments of every call. */
  readonly common: readonly string[];
  /** Further ones for a channel, and for a channel with a command. */
  readonly channel: readonly string[];
  readonly command: readonly string[];
  readonly host: string;
  readonly onLog: (line: string) => void;
}

/** A process that holds the connection for all channels (ControlMaster). */
export interface SshMaster {
  readonly process: ChildProcess;
  /** What it printed last. */
  readonly said: () => string;
  /** A private folder for sockets. */
  readonly folder: string;
}

/**
 * SSH through the system's `ssh` program. With a master its end is the end of the connection; without one (Windows) every
 * channel is a connection of its own, and only disposing ends them all.
 */
export class SystemSshTransport implements SshTransport {
  private readonly closing: Closing;
  private forwards = 0;

  /** @param owned everything that ends with the connection, the master included. */
  constructor(
    private readonly ssh: SshProgram,
    private readonly owned: Disposable,
    private readonly master?: SshMaster,
  ) {
    this.closing = new Closing((error) => ssh.onLog(`a listener failed: ${messageOf(error)}`));
    if (master === undefined) return;
    master.process.once('close', () => {
      this.close(new ConnectError('dropped', `the connection was lost: ${master.said() || 'ssh ended'}`));
    });
    if (master.process.exitCode !== null)
      this.close(new ConnectError('dropped', `ssh ended: ${master.said()}`));
  }

  async exec(command: string, terminal?: SshTerminal): Promise<ExecChannel> {
    if (terminal === undefined) return this.run([...this.ssh.command, '--', this.ssh.host, command]);
    // ssh gives it the modes of this terminal, in which every key goes through, and the size of its own input, a pipe.
    const modes = `stty sane rows ${terminal.rows} cols ${terminal.cols}`;
    return this.run([...this.ssh.command, '-tt', '--', this.ssh.host, `${modes}; ${command}`]);
  }

  async openStreamLocal(path: string): Promise<Duplex> {
    if (this.master === undefined)
      throw new ConnectError('forbidden', 'the ssh program of this machine reaches no sockets of the host');
    const local = join(this.master.folder, `f${this.forwards++}`);
    const forward = ['-L', `${local}:${path}`, '--', this.ssh.host];
    await this.control('forward', forward);
    try {
      const socket = createConnection({ path: local });
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      return socket;
    } catch (error) {
      throw new ConnectError('forbidden', `the host did not let us reach ${path}`, { cause: error });
    } finally {
      // The connection stays; only the listener goes.
      await this.control('cancel', forward).catch(() => {});
      rmSync(local, { force: true });
    }
  }

  async openTcp(host: string, port: number): Promise<Duplex> {
    const { stream, stderr } = this.run(['-W', formatTarget({ host, port }), '--', this.ssh.host]);
    stderr.resume();
    return stream;
  }

  async sftp(): Promise<SFTPWrapper> {
    const { stream, stderr } = this.run(['-s', '--', this.ssh.host, 'sftp']);
    stderr.resume();
    return sftpOverStream(stream);
  }

  onClose(listener: (reason?: Error) => void): Disposable {
    return this.closing.onClose(listener);
  }

  dispose(): void {
    this.close();
  }

  private run(args: readonly string[]): ExecChannel {
    if (this.closing.isClosed) throw this.closing.error;
    const { program, common, channel } = this.ssh;
    // Without its master `ssh` would silently connect anew; a proxy that fails keeps it from that.
    const onlyMaster =
      this.master === undefined ? [] : ['-o', 'ControlMaster=no', '-o', 'ProxyCommand=false'];
    const child = spawn(program, [...common, ...channel, ...onlyMaster, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdin, stdout, stderr } = child;
    const exit = new Promise<ExitStatus>((resolve) => {
      child.once('close', (code, signal) =>
        resolve(signal !== null ? { signal } : code === null ? {} : { code }),
      );
      child.once('error', () => resolve({}));
    });
    const stream = Duplex.from({ readable: stdout, writable: stdin });
    stream.on('error', () => {}); // The process went away; `exit` tells.
    // After the end of its output the process has yet to pass on how the command ended.
    stream.once('close', () => {
      if (!stdout.readableEnded) child.kill();
    });
    const ended = this.onClose(() => child.kill());
    void exit.then(() => ended.dispose());
    return { stream, stderr, exit };
  }

  private control(command: 'forward' | 'cancel', args: readonly string[]): Promise<void> {
    const { program, common } = this.ssh;
    return new Promise((resolve, reject) => {
      execFile(program, [...common, '-O', command, ...args], (error, _stdout, stderr) => {
        if (error === null) resolve();
        else reject(new ConnectError('forbidden', `ssh did not ${command}: ${stderr.trim()}`));
      });
    });
  }

  private close(reason?: Error): void {
    if (this.closing.close(reason)) this.owned.dispose();
  }
}
