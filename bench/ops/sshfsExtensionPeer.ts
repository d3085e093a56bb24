import type { FileEntryWithStats, Stats } from 'ssh2';
import type { Peer, PeerOptions } from './peer';
import { called, isMissing, SftpConnection } from './sftpConnection';

/**
 * ssh2's SFTP with the requests of the SSH FS extension: a listing stats each entry again, a file is read and written
 * through ssh2's streams, a save asks for the mode first and truncates the file in place. It has no cache and no watch.
 */
export class SshfsExtensionPeer implements Peer {
  private connection: SftpConnection | undefined;

  constructor(private readonly options: PeerOptions) {}

  async fresh(): Promise<void> {
    await this.dispose();
    this.connection = await SftpConnection.open(this.options);
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

  async list(path: string): Promise<number> {
    const entries = await called<FileEntryWithStats[]>((done) => this.sftp.readdir(path, done));
    await Promise.all(entries.map(({ filename }) => this.stat(`${path}/${filename}`)));
    return entries.length;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const stream = this.sftp.createReadStream(path, { autoClose: true });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    try {
      await new Promise<void>((resolve, reject) => {
        stream.once('error', reject);
        stream.once('close', resolve);
      });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    return Buffer.concat(chunks);
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    const mode = await called<Stats>((done) => this.sftp.stat(path, done)).then(
      (stat) => stat.mode,
      () => 0o644,
    );
    const stream = this.sftp.createWriteStream(path, { mode, flags: 'w' });
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.end(content, resolve);
    });
  }

  helpers(): readonly number[] {
    return [];
  }

  hostProcesses(): readonly number[] {
    return [];
  }

  async dispose(): Promise<void> {
    await this.connection?.close();
    this.connection = undefined;
  }

  private get sftp() {
    if (this.connection === undefined) throw new Error('not connected');
    return this.connection.sftp;
  }
}
