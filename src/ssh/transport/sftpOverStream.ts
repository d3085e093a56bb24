import type { Duplex } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import { asError } from '../../base/errors';
import { ConnectError } from '../connectError';
import { carriedSftp } from './ssh2Internals';

/** Speaks SFTP over any stream to an sftp server: `ssh -s HOST sftp`, or a server program's standard streams. */
export function sftpOverStream(stream: Duplex): Promise<SFTPWrapper> {
  const sftp = carriedSftp(
    (packet) => void stream.write(packet),
    () => void stream.end(),
  );
  return new Promise((resolve, reject) => {
    const refuse = (why: string) => reject(new ConnectError('forbidden', `the host offers no SFTP: ${why}`));
    sftp.once('ready', () => resolve(sftp));
    sftp.once('error', (error: Error) => refuse(error.message));
    stream.on('data', (chunk: Buffer) => {
      try {
        sftp.push(chunk);
      } catch (error) {
        // What the server sends is no SFTP: the channel ends, and what waits for an answer with it.
        stream.destroy(asError(error));
      }
    });
    stream.on('error', (error) => refuse(error.message));
    stream.on('close', () => {
      sftp.push(null);
      sftp.emit('close');
      refuse('the channel was closed');
    });
    sftp._init();
  });
}
