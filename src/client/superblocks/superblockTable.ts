import { BoundedMap } from '../../base/boundedMap';
import type { SuperblockId } from '../../protocol/brand';
import type { MountRecord } from '../../protocol/mountRecord';
import { MountAction } from '../../protocol/livemount';
import { isBelow, parentOf, type RemotePath, upwards } from '../../protocol/paths';
import { NO_SUPERBLOCK, Superblock } from './superblock';

/** What a MOUNT notification did to the table. */
export interface MountTableChange {
  readonly kind: 'came' | 'went' | 'changed';
  readonly superblock: Superblock;
}

/** Stands for the whole tree while the agent has told no mount. */
const UNKNOWN: MountRecord = {
  sb: NO_SUPERBLOCK,
  parent: NO_SUPERBLOCK,
  action: MountAction.PRESENT,
  flags: 0,
  major: 0,
  minor: 0,
  mountId: 0,
  backend: 'none',
  pollMs: 0,
  mountpoint: Buffer.from('/'),
  fstype: '',
  source: '',
  options: '',
  reason: 'The agent has not told its mounts.',
  unwatched: [],
};

/** Directories whose superblock is remembered at most. */
const DIRECTORIES_MAX = 4096;

/**
 * Mounts known at most. A kernel allows 100,000 (fs.mount-max), an agent that lies any number; each costs memory, and a
 * look at every change of another.
 */
const MOUNTS_MAX = 4096;
/** PATH_MAX of limits.h: what is mounted deeper can be reached by no path. */
const PATH_MAX = 4096;

/** The mounts of the host, as the agent tells them. */
export class SuperblockTable {
  private readonly byId = new Map<SuperblockId, Superblock>();
  /** The mounts at a path in the order in which they came, hidden ones too. */
  private readonly byMountpoint = new Map<RemotePath, Superblock[]>();
  private leftOutCount = 0;
  /** Of those that the agent names now, until it is through. */
  private recounted: number | undefined;
  /** What holds a directory's entries, as found since the mounts last changed: it is asked of every entry. */
  private readonly byDirectory = new BoundedMap<RemotePath, Superblock>(DIRECTORIES_MAX);

  private readonly unknown: Superblock;

  constructor(private readonly suspected: (superblock: Superblock) => void) {
    this.unknown = new Superblock(UNKNOWN, suspected);
  }

  get size(): number {
    return this.byId.size;
  }

  /** Mounts that the agent told beyond what is kept. While there are any, nobody knows what covers what. */
  get leftOut(): number {
    return Math.max(this.leftOutCount, this.recounted ?? 0);
  }

  /** The agent begins to name all its mounts. What was left out before counts until it is through. */
  recount(): void {
    this.recounted = 0;
  }

  /** The agent has named all its mounts. */
  counted(): void {
    this.leftOutCount = this.recounted ?? this.leftOutCount;
    this.recounted = undefined;
  }

  all(): Iterable<Superblock> {
    return this.byId.values();
  }

  get(sb: SuperblockId): Superblock | undefined {
    return this.byId.get(sb);
  }

  /** The superblock that holds a path: its deepest visible mount. Before the agent told any: one that watches nothing. */
  covering(path: RemotePath): Superblock {
    const mounted = this.mountedAt(path);
    if (mounted !== undefined) return mounted;
    const directory = parentOf(path);
    let superblock = this.byDirectory.get(directory);
    if (superblock === undefined) {
      superblock = this.holding(directory);
      this.byDirectory.set(directory, superblock);
    }
    return superblock;
  }

  private holding(directory: RemotePath): Superblock {
    for (const at of upwards(directory)) {
      const superblock = this.mountedAt(at);
      if (superblock !== undefined) return superblock;
    }
    return this.unknown;
  }

  /** The visible mount whose root is at the path. */
  mountedAt(path: RemotePath): Superblock | undefined {
    return shown(this.byMountpoint.get(path));
  }

  /** The visible mounts strictly below a path. */
  below(path: RemotePath): Superblock[] {
    const found: Superblock[] = [];
    for (const [mountpoint, stack] of this.byMountpoint) {
      const superblock = shown(stack);
      if (superblock !== undefined && isBelow(mountpoint, path)) found.push(superblock);
    }
    return found;
  }

  /** Takes in a MOUNT notification; undefined for one that tells nothing new, or of a mount that is left out. */
  apply(record: MountRecord): MountTableChange | undefined {
    this.byDirectory.clear();
    const known = this.byId.get(record.sb);
    if (record.action === MountAction.WENT) {
      if (known === undefined) {
        this.countLeftOut(-1);
        return undefined;
      }
      this.byId.delete(record.sb);
      this.withdraw(known);
      return { kind: 'went', superblock: known };
    }
    if (known !== undefined) {
      const moved = !known.record.mountpoint.equals(record.mountpoint);
      if (moved) this.withdraw(known);
      known.record = record;
      if (moved) this.expose(known);
      return { kind: 'changed', superblock: known };
    }
    if (this.byId.size >= MOUNTS_MAX || record.mountpoint.length > PATH_MAX) {
      this.countLeftOut(1);
      return undefined;
    }
    const superblock = new Superblock(record, this.suspected);
    this.byId.set(record.sb, superblock);
    this.expose(superblock);
    return { kind: 'came', superblock };
  }

  private countLeftOut(more: number): void {
    if (this.recounted !== undefined) this.recounted = Math.max(0, this.recounted + more);
    else this.leftOutCount = Math.max(0, this.leftOutCount + more);
  }

  private expose(superblock: Superblock): void {
    const stack = this.byMountpoint.get(superblock.mountpoint);
    if (stack === undefined) this.byMountpoint.set(superblock.mountpoint, [superblock]);
    else stack.push(superblock);
  }

  private withdraw({ mountpoint, id }: Superblock): void {
    const left = this.byMountpoint.get(mountpoint)?.filter((other) => other.id !== id) ?? [];
    if (left.length === 0) this.byMountpoint.delete(mountpoint);
    else this.byMountpoint.set(mountpoint, left);
  }
}

/** What shows at a mount point: the mount that came last among those not hidden. */
function shown(stack: readonly Superblock[] | undefined): Superblock | undefined {
  return stack?.findLast((superblock) => !superblock.hidden);
}
