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
import { sftpOverStream } from '../sftp/sftpOverStream';
import type { ExecChannel, ExitStatus, SshTransport } from './transport';

/** A running master process and how to use it. */
export interface SystemSshMaster {
  readonly master: ChildProcess;
  /** What it printed last. */
  readonly said: () => string;
  /** Everything that ends with the connection, the process included. */
  readonly owned: Disposable;
  /** A private folder for sockets. */
  readonly folder: string;
  readonly program: string;
  /** Arguments that make `ssh` use the master. */
  readonly common: readonly string[];
  /** Further ones for a channel, and for a channel with a command. */
  readonly channel: readonly string[];
  readonly command: readonly string[];
  readonly host: string;
  readonly onLog: (line: string) => void;
}

/** SSH through the system's `ssh` program. Disposing ends the connection with all its channels. */
export class SystemSshTransport implements SshTransport {
  private readonly closing: Closing;
  private forwards = 0;

  constructor(private readonly ssh: SystemSshMaster) {
    this.closing = new Closing((error) => ssh.onLog(`a listener failed: ${messageOf(error)}`));
    ssh.master.once('close', () => {
      this.close(new ConnectError('dropped', `the connection was lost: ${ssh.said() || 'ssh ended'}`));
    });
    if (ssh.master.exitCode !== null) this.close(new ConnectError('dropped', `ssh ended: ${ssh.said()}`));
  }

  async exec(command: string): Promise<ExecChannel> {
    return this.run([...this.ssh.command, '--', this.ssh.host, command]);
  }

  async openStreamLocal(path: string): Promise<Duplex> {
    const local = join(this.ssh.folder, `f${this.forwards++}`);
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
    // Without the master `ssh` would silently connect anew; a proxy that fails keeps it from that.
    const onlyMaster = ['-o', 'ControlMaster=no', '-o', 'ProxyCommand=false'];
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
    stream.once('close', () => child.kill());
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
    if (this.closing.close(reason)) this.ssh.owned.dispose();
  }
}
