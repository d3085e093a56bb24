import type { SuperblockId } from '../../protocol/brand';
import type { HostStat } from './hostFs';

/** Inode numbers of real filesystems stay below 2^48 (overlay's xino aside); the bits above tell mounts apart. */
const MOUNT_NUMBER_SHIFT = 48n;

/** The inode numbers that a client sees: unique over all mounts also for one that knows only a single superblock. */
export class InodeNumbers {
  /** A number for each mount that such a client sees, in the order they were met. */
  private readonly mounts = new Map<SuperblockId, bigint>();

  /** @param ownSuperblock its numbers stay as they are; undefined: the client knows all superblocks, and all do. */
  constructor(private readonly ownSuperblock: SuperblockId | undefined) {}

  of({ sb, ino }: Pick<HostStat, 'sb' | 'ino'>): bigint {
    if (this.ownSuperblock === undefined || sb === this.ownSuperblock) return ino;
    let mount = this.mounts.get(sb);
    if (mount === undefined) {
      mount = BigInt(this.mounts.size + 1);
      this.mounts.set(sb, mount);
    }
    return ino ^ (mount << MOUNT_NUMBER_SHIFT);
  }
}
