import { ErrnoError } from '../../protocol/errno';
import type { Awaitable, HostDirent, HostFile, HostStat } from '../../server/host/hostFs';
import { SFTP_SUPERBLOCK } from './attributes';

/** An operation that SFTP 3 has no request for. */
export function unsupported(what: string): never {
  throw new ErrnoError('EOPNOTSUPP', `SFTP has no ${what}`);
}

/** Extended attributes, of names as of what is open. */
export abstract class WithoutXattrs {
  getxattr(): never {
    return unsupported('extended attributes');
  }

  listxattr(): never {
    return unsupported('extended attributes');
  }

  setxattr(): never {
    return unsupported('extended attributes');
  }

  removexattr(): never {
    return unsupported('extended attributes');
  }
}

/** What can't be done with anything open over SFTP, whatever it is. */
export abstract class SftpObject extends WithoutXattrs implements HostFile {
  readonly sb = SFTP_SUPERBLOCK;

  constructor(protected readonly path: string) {
    super();
  }

  abstract stat(): Awaitable<HostStat>;
  abstract close(): Awaitable<void>;

  read(_into: Buffer, _offset: bigint): Awaitable<number> {
    throw new ErrnoError('EISDIR', this.path);
  }

  write(_from: Buffer, _offset: bigint): Awaitable<number> {
    throw new ErrnoError('EISDIR', this.path);
  }

  truncate(_size: bigint): Awaitable<void> {
    throw new ErrnoError('EISDIR', this.path);
  }

  list(): Awaitable<HostDirent[]> {
    throw new ErrnoError('ENOTDIR', this.path);
  }

  lookupMany(_names: readonly Buffer[]): Awaitable<(HostStat | undefined)[]> {
    throw new ErrnoError('ENOTDIR', this.path);
  }

  chmod(_mode: number): Awaitable<void> {
    return unsupported('chmod of an open directory');
  }

  chown(_uid: number, _gid: number): Awaitable<void> {
    return unsupported('chown of an open directory');
  }

  setTimes(_times: Parameters<HostFile['setTimes']>[0]): Awaitable<void> {
    return unsupported('times of an open directory');
  }

  /** There is nothing to flush a directory with; a server flushes it when it likes. */
  async sync(_dataOnly: boolean): Promise<void> {}

  startWriteback(): void {}

  allocate(): never {
    return unsupported('fallocate');
  }

  seek(): never {
    return unsupported('lseek');
  }

  copyRange(): never {
    return unsupported('copy on the host');
  }

  reopen(): never {
    throw new ErrnoError('ESTALE', this.path);
  }

  linkInto(): never {
    return unsupported('unnamed files');
  }
}
