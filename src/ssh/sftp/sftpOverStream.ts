import type { Duplex } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import { SFTP } from 'ssh2/lib/protocol/SFTP.js';
import { ConnectError } from '../connectError';

/** Speaks SFTP over any stream to an sftp server: `ssh -s HOST sftp`, or a server program's standard streams. */
export function sftpOverStream(stream: Duplex): Promise<SFTPWrapper> {
  const protocol = {
    _remoteIdentRaw: Buffer.from('SSH-2.0-OpenSSH_9.0'),
    channelData: (_id: number, data: Buffer) => {
      // ssh2 reuses the packet's memory once it takes it for sent.
      stream.write(Buffer.from(data));
    },
    channelClose: () => {
      stream.end();
    },
  };
  // The stream has its own flow control: for ssh2 the window is never used up.
  const end = () => ({ id: 0, window: Number.MAX_SAFE_INTEGER, packetSize: 256 << 10, state: 'open' });
  const sftp = new SFTP({ _protocol: protocol }, { type: 'sftp', incoming: end(), outgoing: end() }, {});
  return new Promise((resolve, reject) => {
    const refuse = (why: string) => reject(new ConnectError('forbidden', `the host offers no SFTP: ${why}`));
    sftp.once('ready', () => resolve(sftp));
    sftp.once('error', (error: Error) => refuse(error.message));
    stream.on('data', (chunk: Buffer) => sftp.push(chunk));
    stream.on('error', (error) => refuse(error.message));
    stream.on('close', () => {
      sftp.push(null);
      sftp.emit('close');
      refuse('the channel was closed');
    });
    sftp._init();
  });
}
