import type { Duplex, Readable } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import type { Disposable } from '../../base/dispose';

/** How a command on the host ended: with an exit status, or by a signal (RFC 4254, 6.10). */
export interface ExitStatus {
  /** Absent when a signal ended the command, or when the link dropped before the host said. */
  readonly code?: number;
  /** With the prefix: `SIGKILL`. */
  readonly signal?: string;
}

/** A terminal for a command. */
export interface SshTerminal {
  readonly cols: number;
  readonly rows: number;
}

/** A command running on the host. */
export interface ExecChannel {
  /** The command's standard input (written) and output (read). Ending it sends end-of-file. */
  readonly stream: Duplex;
  /** Must be read or resumed: a full channel window of unread errors stops the command. */
  readonly stderr: Readable;
  /** Never rejects; a dropped link is an exit without code. Its output may still be waiting to be read. */
  readonly exit: Promise<ExitStatus>;
  /** Tells the command's terminal its new size. The system's ssh has no way to. */
  resize?(size: SshTerminal): void;
  /** Sends a signal by name, without SIG; servers need not honour it (RFC 4254, 6.9). */
  signal?(name: string): void;
}

/**
 * One authenticated SSH connection, whoever carries it: the built-in client or the system's `ssh` program.
 * Every failure is a `ConnectError`.
 */
export interface SshTransport extends Disposable {
  /** Runs a command in the login shell of the user. */
  exec(command: string, terminal?: SshTerminal): Promise<ExecChannel>;
  /**
   * Connects to a Unix socket on the host (`direct-streamlocal@openssh.com`).
   * Fails where the server forbids forwarding, or nobody listens there.
   */
  openStreamLocal(path: string): Promise<Duplex>;
  /** Connects to a TCP port as the host sees it (`direct-tcpip`). */
  openTcp(host: string, port: number): Promise<Duplex>;
  /** A new channel of the server's sftp subsystem. */
  sftp(): Promise<SFTPWrapper>;
  /** Calls the listener once, when the connection is gone; `reason` is absent if it was disposed. At once if it is gone already. */
  onClose(listener: (reason?: Error) => void): Disposable;
}
