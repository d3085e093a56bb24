import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';
import type { Peer, PeerOptions } from './peer';
import { called, isMissing, SftpConnection } from './sftpConnection';

/** A peer over one connection of npm's ssh2, in this process, that hears of no change. */
export abstract class Ssh2Peer implements Peer {
  private opened: SftpConnection | undefined;

  constructor(private readonly options: PeerOptions) {}

  async fresh(): Promise<void> {
    await this.dispose();
    this.opened = await SftpConnection.open(this.options);
  }

  watch(): void {}

  async stat(path: string): Promise<boolean> {
    try {
      await called<Stats>((done) => this.sftp.stat(path, done));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  abstract list(path: string): Promise<number>;
  abstract read(path: string): Promise<Uint8Array | undefined>;
  abstract write(path: string, content: Uint8Array): Promise<void>;

  clientProcesses(): readonly number[] {
    return [];
  }

  hostProcesses(): readonly number[] {
    return [];
  }

  async dispose(): Promise<void> {
    await this.opened?.close();
    this.opened = undefined;
  }

  protected get connection(): SftpConnection {
    if (this.opened === undefined) throw new Error('not connected');
    return this.opened;
  }

  protected get sftp(): SFTPWrapper {
    return this.connection.sftp;
  }

  protected entries(path: string): Promise<FileEntryWithStats[]> {
    return called<FileEntryWithStats[]>((done) => this.sftp.readdir(path, done));
  }
}
