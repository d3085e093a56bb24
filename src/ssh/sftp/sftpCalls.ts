import type { SFTPWrapper } from 'ssh2';
import { messageOf } from '../../base/errors';
import { ErrnoError, type ErrnoName } from '../../protocol/errno';

/** Status codes of SFTP 3 (draft-ietf-secsh-filexfer-02, 7) as errno; FAILURE says nothing, so callers look further. */
const errnoOfStatus: Readonly<Record<number, ErrnoName>> = {
  1: 'ENODATA',
  2: 'ENOENT',
  3: 'EACCES',
  4: 'EIO',
  5: 'EPROTO',
  6: 'ENOTCONN',
  7: 'ENOTCONN',
  8: 'EOPNOTSUPP',
};

const FAILURE = 4;

/** SFTP answered FAILURE, which names no cause: the caller looks for it. */
export class SftpFailure extends ErrnoError {
  constructor(message: string) {
    super('EIO', message);
    this.name = 'SftpFailure';
  }
}

export type Done<T> = (error: Error | null | undefined, value: T) => void;

/** How a request may be treated when the link drops under it. */
export type Repeat =
  /** It has the same effect twice as once: sent again on the next connection. */
  | 'repeatable'
  /** Whether it took effect is not known: ENOTCONN. */
  | 'once';

/** SFTP requests as promises with errno errors, on a channel that is opened anew after it was lost. */
export class SftpCalls {
  /** Grows with every channel: handles of an earlier one are void. */
  epoch = 0;
  private opening: Promise<SFTPWrapper> | undefined;

  /** @param open opens a channel, connecting first if need be; one attempt. */
  constructor(private readonly open: () => Promise<SFTPWrapper>) {}

  /** Opens the channel if there is none, and returns its epoch. */
  async ready(): Promise<number> {
    await this.channel();
    return this.epoch;
  }

  async call<T>(repeat: Repeat, request: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T> {
    const sftp = await this.channel();
    try {
      return await sent(sftp, request);
    } catch (error) {
      if (repeat === 'once' || !(error instanceof ErrnoError) || error.code !== 'ENOTCONN') throw error;
    }
    return sent(await this.channel(sftp), request);
  }

  /** The channel of this moment. @param lost is known to be gone, though its end may not have been reported yet. */
  private async channel(lost?: SFTPWrapper): Promise<SFTPWrapper> {
    if (lost !== undefined && (await this.opening) === lost) this.opening = undefined;
    this.opening ??= this.openChannel();
    return this.opening;
  }

  private async openChannel(): Promise<SFTPWrapper> {
    const forget = () => {
      this.opening = undefined;
    };
    try {
      const sftp = await this.open();
      this.epoch++;
      sftp.once('close', forget);
      // Every failed request reaches its callback as well.
      sftp.on('error', () => {});
      return sftp;
    } catch (error) {
      forget();
      throw error;
    }
  }
}

function sent<T>(sftp: SFTPWrapper, request: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    try {
      request(sftp, (error, value) => {
        if (error) reject(errnoErrorOf(error));
        else resolve(value);
      });
    } catch (error) {
      // ssh2 throws at once for an extension that the server does not have.
      reject(new ErrnoError('EOPNOTSUPP', messageOf(error)));
    }
  });
}

function errnoErrorOf(error: Error): ErrnoError {
  if (error instanceof ErrnoError) return error;
  const status = 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  if (status === FAILURE) return new SftpFailure(error.message);
  // Without a status it is ssh2's own: the channel is gone.
  return new ErrnoError(status === undefined ? 'ENOTCONN' : (errnoOfStatus[status] ?? 'EIO'), error.message);
}
