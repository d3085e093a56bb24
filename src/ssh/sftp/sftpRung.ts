import type { Duplex } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import type { Disposable } from '../../base/dispose';
import type { HostConnection } from '../hostConnection';
import { SftpServer } from './sftpServer';

export interface SftpRungOptions {
  /** How long the server keeps a session whose channel is gone, in seconds. */
  readonly graceS: number;
  readonly log: (message: string) => void;
}

/** The rung without an agent: the server core in this process, over SFTP. It outlives the SSH connection. */
export class SftpRung implements Disposable {
  private readonly server: SftpServer;
  private readonly channels = new Set<Duplex>();
  private readonly closed: Disposable;

  constructor(connection: HostConnection, { graceS, log }: SftpRungOptions) {
    const { user, hostName } = connection.config;
    this.server = new SftpServer({
      // The server works and polls on while the link is down, and that must not connect, which may ask somebody for a
      // password. The client connects, in its own time.
      open: async (): Promise<SFTPWrapper> => (await connection.connectedByOthers()).sftp(),
      exec: async (command, terminal) => (await connection.connectedByOthers()).exec(command, terminal),
      source: `${user}@${hostName}`,
      graceS,
      log,
    });
    // The client resumes over a new channel then, as it would with an agent.
    this.closed = connection.onClose(() => {
      for (const channel of this.channels) channel.destroy();
    });
  }

  openChannel(): Duplex {
    const channel = this.server.openChannel();
    this.channels.add(channel);
    channel.once('close', () => this.channels.delete(channel));
    return channel;
  }

  dispose(): void {
    this.closed.dispose();
    this.server.dispose();
  }
}
