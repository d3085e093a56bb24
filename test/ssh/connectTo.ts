import { readFileSync } from 'node:fs';
import { Client, type ConnectConfig } from 'ssh2';
import { Ssh2Transport } from '../../src/ssh/transport/ssh2Transport';
import type { Sshd } from '../fixtures/sshd';

/** A transport to a test server by its own key, with nothing of configuration or host keys in between. */
export async function connectTo(
  sshd: Sshd,
  options: { user?: string; port?: number } = {},
): Promise<Ssh2Transport> {
  return new Ssh2Transport(
    await clientOf({
      port: options.port ?? sshd.port,
      username: options.user ?? sshd.user,
      privateKey: readFileSync(sshd.identityFile),
    }),
  );
}

/** A client that is logged in on a server of this machine. */
export async function clientOf(login: ConnectConfig): Promise<Client> {
  const client = new Client();
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve).once('error', reject);
    client.connect({ host: '127.0.0.1', ...login });
  });
  return client;
}
