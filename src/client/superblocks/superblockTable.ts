import type { SuperblockId } from '../../protocol/brand';
import type { MountRecord } from '../../protocol/fsnotify';
import { MountAction } from '../../protocol/livemount';
import { isBelow, parentOf, upwards } from '../paths';
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
};

/** Directories whose superblock is remembered at most; beyond, all are found anew. */
const DIRECTORIES_MAX = 4096;

/** The mounts of the host, as the agent tells them. */
export class SuperblockTable {
  private readonly byId = new Map<SuperblockId, Superblock>();
  /** The visible mount at a path. */
  private readonly byMountpoint = new Map<string, Superblock>();
  /** What holds a directory's entries, as found since the mounts last changed: it is asked of every entry. */
  private readonly byDirectory = new Map<string, Superblock>();

  private readonly unknown: Superblock;

  constructor(private readonly suspected: (superblock: Superblock) => void) {
    this.unknown = new Superblock(UNKNOWN, suspected);
  }

  get size(): number {
    return this.byId.size;
  }

  all(): Iterable<Superblock> {
    return this.byId.values();
  }

  get(sb: SuperblockId): Superblock | undefined {
    return this.byId.get(sb);
  }

  /** The superblock that holds a path: its deepest visible mount. Before the agent told any: one that watches nothing. */
  covering(path: string): Superblock {
    const mounted = this.byMountpoint.get(path);
    if (mounted !== undefined) return mounted;
    const directory = parentOf(path);
    let superblock = this.byDirectory.get(directory);
    if (superblock === undefined) {
      superblock = this.holding(directory);
      if (this.byDirectory.size >= DIRECTORIES_MAX) this.byDirectory.clear();
      this.byDirectory.set(directory, superblock);
    }
    return superblock;
  }

  private holding(directory: string): Superblock {
    for (const at of upwards(directory)) {
      const superblock = this.byMountpoint.get(at);
      if (superblock !== undefined) return superblock;
    }
    return this.unknown;
  }

  /** The visible mount whose root is at the path. */
  mountedAt(path: string): Superblock | undefined {
    return this.byMountpoint.get(path);
  }

  /** The visible mounts strictly below a path. */
  below(path: string): Superblock[] {
    const found: Superblock[] = [];
    for (const [mountpoint, superblock] of this.byMountpoint) {
      if (isBelow(mountpoint, path)) found.push(superblock);
    }
    return found;
  }

  /** Takes in a MOUNT notification; undefined for one that tells nothing new. */
  apply(record: MountRecord): MountTableChange | undefined {
    this.byDirectory.clear();
    const known = this.byId.get(record.sb);
    if (record.action === MountAction.WENT) {
      if (known === undefined) return undefined;
      this.byId.delete(record.sb);
      this.expose(known.mountpoint);
      return { kind: 'went', superblock: known };
    }
    if (known !== undefined) {
      const before = known.mountpoint;
      known.record = record;
      this.expose(before);
      if (known.mountpoint !== before) this.expose(known.mountpoint);
      return { kind: 'changed', superblock: known };
    }
    const superblock = new Superblock(record, this.suspected);
    this.byId.set(record.sb, superblock);
    if (!superblock.hidden) this.byMountpoint.set(superblock.mountpoint, superblock);
    return { kind: 'came', superblock };
  }

  /** A new run of the agent: it tells all its mounts anew. */
  clear(): Superblock[] {
    const all = [...this.byId.values()];
    this.byId.clear();
    this.byMountpoint.clear();
    this.byDirectory.clear();
    return all;
  }

  /** What stands at a mountpoint now: the mount that came last among those not hidden. */
  private expose(mountpoint: string): void {
    this.byMountpoint.delete(mountpoint);
    for (const superblock of this.byId.values()) {
      if (!superblock.hidden && superblock.mountpoint === mountpoint)
        this.byMountpoint.set(mountpoint, superblock);
    }
  }
}
