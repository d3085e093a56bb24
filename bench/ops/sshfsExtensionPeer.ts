import type { Stats } from 'ssh2';
import { called, isMissing } from './sftpConnection';
import { Ssh2Peer } from './ssh2Peer';

/**
 * ssh2's SFTP with the requests of the SSH FS extension: a listing stats each entry again, a file is read and written
 * through ssh2's streams, a save asks for the mode first and truncates the file in place. It has no cache and no watch.
 */
export class SshfsExtensionPeer extends Ssh2Peer {
  async list(path: string): Promise<number> {
    const entries = await this.entries(path);
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
}
