import { readFileSync } from 'node:fs';
import { Client, type SFTPWrapper } from 'ssh2';
import type { PeerOptions } from './peer';

/** One ssh2 connection with an SFTP channel on it. */
export class SftpConnection {
  private constructor(
    readonly client: Client,
    readonly sftp: SFTPWrapper,
  ) {}

  static async open({ port, user, identityFile }: PeerOptions): Promise<SftpConnection> {
    const client = new Client();
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject);
      client.connect({ host: '127.0.0.1', port, username: user, privateKey: readFileSync(identityFile) });
    });
    // ssh2 leaves it off, which makes a request at loopback wait 40 ms for a delayed acknowledgement.
    client.setNoDelay(true);
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
      client.sftp((error, opened) => (error ? reject(error) : resolve(opened)));
    });
    return new SftpConnection(client, sftp);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.client.once('close', () => resolve()));
    this.client.end();
    await closed;
  }
}

/** SSH_FX_NO_SUCH_FILE */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 2;
}

/** A call with a Node callback as a promise. */
export function called<T>(
  call: (done: (error: Error | null | undefined, value: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));
}
