import type { ClientChannel } from 'ssh2';
import { called } from './sftpConnection';
import { Ssh2Peer } from './ssh2Peer';

/** What one plain ssh2 channel carries: `cat` on the host and nothing in between. The measure for all bulk transfer. */
export class ChannelPeer extends Ssh2Peer {
  override stat(): Promise<boolean> {
    return Promise.reject(new Error('a channel knows no attributes'));
  }

  list(): Promise<number> {
    return Promise.reject(new Error('a channel lists nothing'));
  }

  async read(path: string): Promise<Uint8Array> {
    const channel = await this.exec(`cat '${path}'`);
    const chunks: Buffer[] = [];
    channel.on('data', (chunk: Buffer) => chunks.push(chunk));
    await closed(channel);
    return Buffer.concat(chunks);
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    const channel = await this.exec(`cat > '${path}'`);
    channel.resume();
    channel.end(content);
    await closed(channel);
  }

  private exec(command: string): Promise<ClientChannel> {
    return called((done) => this.connection.client.exec(command, done));
  }
}

function closed(channel: ClientChannel): Promise<void> {
  return new Promise((resolve) => channel.once('close', () => resolve()));
}
