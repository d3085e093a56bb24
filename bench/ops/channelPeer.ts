import type { ClientChannel } from 'ssh2';
import type { Peer, PeerOptions } from './peer';
import { called, SftpConnection } from './sftpConnection';

/** What one plain ssh2 channel carries: `cat` on the host and nothing in between. The measure for all bulk transfer. */
export class ChannelPeer implements Peer {
  private connection: SftpConnection | undefined;

  constructor(private readonly options: PeerOptions) {}

  async fresh(): Promise<void> {
    await this.dispose();
    this.connection = await SftpConnection.open(this.options);
  }

  watch(): void {}

  stat(): Promise<boolean> {
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

  private exec(command: string): Promise<ClientChannel> {
    const { connection } = this;
    if (connection === undefined) throw new Error('not connected');
    return called((done) => connection.client.exec(command, done));
  }
}

function closed(channel: ClientChannel): Promise<void> {
  return new Promise((resolve) => channel.once('close', () => resolve()));
}
