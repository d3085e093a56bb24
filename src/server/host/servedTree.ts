import type { SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { HostMount, HostMounts } from './hostFs';
import { childPath, isWithin } from './hostPath';

const DOTS = /(?:^|\/)\.{1,2}(?:\/|$)/;

/**
 * The part of the host that a client may know of: what is below the root it is served. Names that are looked up can't
 * lead out of it; this is for what is asked for by superblock and path, as watches are.
 */
export class ServedTree {
  /** The client is served the whole host. */
  readonly isWhole: boolean;

  constructor(
    private readonly root: Buffer,
    private readonly mounts: HostMounts,
  ) {
    this.isWhole = root.length === 1;
  }

  /** Whether a mount holds the root, or stands below it. */
  shows(mount: Pick<HostMount, 'sb' | 'mountpoint'>): boolean {
    if (this.isWhole || isWithin(mount.mountpoint, this.root)) return true;
    return this.mounts.covering(this.root).sb === mount.sb;
  }

  /** ENODEV for a superblock that is not shown, as for one that is not there. */
  assertShows(sb: SuperblockId): HostMount {
    const mount = this.mounts.get(sb);
    if (mount === undefined || !this.shows(mount))
      throw new ErrnoError('ENODEV', `superblock ${sb} is not known`);
    return mount;
  }

  /** EACCES for a path of a superblock (without a leading slash) that is not in the tree. */
  assertHolds(sb: SuperblockId, path: Buffer): void {
    if (this.isWhole) return;
    const { mountpoint } = this.assertShows(sb);
    const absolute = path.length === 0 ? mountpoint : childPath(mountpoint, path);
    if (isWithin(absolute, this.root) && !DOTS.test(path.toString('latin1'))) return;
    throw new ErrnoError('EACCES', 'the path is not below the served root');
  }
}
