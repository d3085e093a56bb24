import type { SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFMT } from '../../protocol/fuse';
import {
  type HostDirent,
  type HostFs,
  type HostStat,
  type Identity,
  type Locator,
  type OperationContext,
  sameIdentity,
} from '../host/hostFs';
import { childPath, isWithin } from '../host/hostPath';
import { OpenFlag } from '../ops/openFlags';
import { isErrno } from '../host/hostErrors';
import type { TimeSlice } from '../timeSlice';

/** How often a directory that others fill while it is emptied is emptied again. */
const EMPTYINGS = 5;
const DT_DIR = S_IFDIR >>> 12;
const DT_UNKNOWN = 0;

export interface RemoveOptions {
  readonly slice: TimeSlice;
  readonly context?: OperationContext;
  /** Superblocks in the tree that are emptied as well. */
  readonly crossed?: ReadonlySet<SuperblockId>;
  /** Nothing is removed if the name stands for another object than this one (ESTALE). */
  readonly only?: Identity;
  /** Told of every entry that is gone, and of how many are known of. */
  readonly removed?: (done: number, known: number) => void;
}

const NONE: ReadonlySet<SuperblockId> = new Set();

/**
 * EBUSY if a mount stands on a path or below it, but for those that may be crossed. Also mounts that others hide, for
 * under the hiding one they are as busy.
 */
export function assertNoMount(host: HostFs, path: Buffer, crossed = NONE): void {
  host.mounts.refresh();
  for (const mount of host.mounts.list()) {
    if (isWithin(mount.mountpoint, path) && !crossed.has(mount.sb)) {
      throw new ErrnoError('EBUSY', `${mount.mountpoint} is mounted there`);
    }
  }
}

/**
 * Removes an entry of a directory with all that is below it. Symbolic links are removed, not followed: every directory
 * is entered as the inode that was looked up. Others may work in the tree meanwhile; what they removed is no error.
 * EBUSY, and nothing removed, if a mount stands in it that may not be crossed. EBUSY as well when those that may be were
 * emptied: their mount points are left, since only an unmount frees them.
 */
export async function removeTree(
  host: HostFs,
  directory: Locator,
  name: Buffer,
  options: RemoveOptions,
): Promise<void> {
  assertNoMount(host, childPath(directory.path, name), options.crossed);
  const top = await host.lookup(directory, name, options.context);
  if (options.only !== undefined && !sameIdentity(top, options.only)) {
    throw new ErrnoError('ESTALE', 'somebody else gave the name to another folder');
  }
  const whole = await new Removal(host, options).entry(directory, name, top);
  if (!whole) throw new ErrnoError('EBUSY', 'what is mounted there was emptied, but the mount points stay');
}

class Removal {
  private done = 0;
  private known = 1;

  constructor(
    private readonly host: HostFs,
    private readonly options: RemoveOptions,
  ) {}

  /** Removes one entry that was just looked at. False: what could be was emptied, but a mount keeps it there. */
  async entry(parent: Locator, name: Buffer, stat: HostStat): Promise<boolean> {
    if ((stat.mode & S_IFMT) !== S_IFDIR) return this.unlink(parent, name);
    if (stat.mountRoot && !this.crossed.has(stat.sb)) {
      throw new ErrnoError('EBUSY', 'something was mounted in the tree');
    }
    const own: Locator = { path: childPath(parent.path, name), expect: stat };
    for (let emptying = 1; ; emptying++) {
      const emptied = await this.empty(own);
      if (stat.mountRoot || !emptied) return false;
      try {
        await this.host.rmdir(parent, name, this.options.context);
        break;
      } catch (error) {
        if (isErrno(error, 'ENOENT')) break;
        if (this.isKept(error)) return false;
        if (emptying === EMPTYINGS || !isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      }
    }
    await this.gone();
    return true;
  }

  private get crossed(): ReadonlySet<SuperblockId> {
    return this.options.crossed ?? NONE;
  }

  /** A mount stands on it: a single file, or a place of another mount of the same filesystem. */
  private isKept(error: unknown): boolean {
    return this.crossed.size > 0 && isErrno(error, 'EBUSY');
  }

  /** False: something in it is kept there by a mount. */
  private async empty(own: Locator): Promise<boolean> {
    let entries: HostDirent[];
    try {
      entries = await this.list(own);
    } catch (error) {
      // Removed, or moved away and maybe replaced, by somebody else: rmdir's error says which.
      if (isErrno(error, 'ENOENT', 'ESTALE')) return true;
      throw error;
    }
    this.known += entries.length;
    let emptied = true;
    for (const entry of entries) {
      await this.options.slice.step();
      try {
        const isGone =
          entry.type === DT_DIR || entry.type === DT_UNKNOWN
            ? await this.entry(own, entry.name, await this.host.lookup(own, entry.name, this.options.context))
            : await this.unlink(own, entry.name);
        emptied &&= isGone;
      } catch (error) {
        if (!isErrno(error, 'ENOENT', 'ESTALE')) throw error;
      }
    }
    return emptied;
  }

  private async list(own: Locator): Promise<HostDirent[]> {
    const flags = OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.NOFOLLOW;
    const open = await this.host.open(own, flags, this.options.context);
    try {
      return await open.list();
    } finally {
      await open.close();
    }
  }

  private async unlink(parent: Locator, name: Buffer): Promise<boolean> {
    try {
      await this.host.unlink(parent, name, this.options.context);
    } catch (error) {
      if (this.isKept(error)) return false;
      throw error;
    }
    await this.gone();
    return true;
  }

  private async gone(): Promise<void> {
    this.options.removed?.(++this.done, this.known);
    await this.options.slice.step();
  }
}
