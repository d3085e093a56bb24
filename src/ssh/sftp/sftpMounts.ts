import { ErrnoError } from '../../protocol/errno';
import type { SuperblockId } from '../../protocol/brand';
import type { HostMount, HostMounts } from '../../server/host/hostFs';
import { SFTP_SUPERBLOCK } from './attributes';

/** The whole host as one superblock: SFTP does not show where its mounts are. */
export class SftpMounts implements HostMounts {
  private readonly mount: HostMount;

  /** @param source names the host, for people: `user@host`. */
  constructor(source: string) {
    this.mount = {
      sb: SFTP_SUPERBLOCK,
      parent: SFTP_SUPERBLOCK,
      flags: 0,
      major: 0,
      minor: 0,
      mountId: 1,
      mountpoint: Buffer.from('/'),
      root: Buffer.from('/'),
      fstype: 'sftp',
      source,
      options: '',
      // Slow, and not to be asked for the close-to-open consistency of a network filesystem.
      kind: 'fuse',
      slow: true,
    };
  }

  list(): readonly HostMount[] {
    return [this.mount];
  }

  get(sb: SuperblockId): HostMount | undefined {
    return sb === SFTP_SUPERBLOCK ? this.mount : undefined;
  }

  covering(path: Buffer): HostMount {
    if (path[0] !== 0x2f) throw new ErrnoError('EINVAL', 'not an absolute path');
    return this.mount;
  }

  /** There is nothing to read. */
  refresh(): void {}

  onChange(): { dispose(): void } {
    return { dispose: () => {} };
  }
}
