import type { SuperblockId } from '../../protocol/brand';
import { relativeTo, type RemotePath, upwards } from '../../protocol/paths';
import type { Subject } from '../cache/policy';
import type { SuperblockTable } from '../superblocks/superblockTable';
import type { SuperblockMarks } from './superblockMarks';

/** An object that a watch in force vouches for, since a moment. */
interface Leased {
  readonly path: RemotePath;
  readonly since: number;
}

/** What the watches in force vouch for, over all superblocks. */
export class Leases {
  /** The leased objects below each path, the oldest lease first. */
  private chains: Map<RemotePath, Leased[]> | undefined;

  constructor(
    private readonly superblocks: Pick<SuperblockTable, 'covering'>,
    private readonly marks: ReadonlyMap<SuperblockId, SuperblockMarks>,
    /** Whether a path is known to stand for something. */
    private readonly exists: (path: RemotePath) => boolean,
  ) {}

  /** Some lease began or ended. */
  changed(): void {
    this.chains = undefined;
  }

  /**
   * Since when a watch vouches for what is known of a path. Directories above a watched object that is there are
   * vouched for too, as entries: should one go, the object goes with it, and the agent tells that.
   */
  since(path: RemotePath, subject: Subject): number | undefined {
    const since = this.of(path, subject);
    if (since !== undefined || subject !== 'entry') return since;
    return this.chain()
      .get(path)
      ?.find((object) => this.exists(object.path))?.since;
  }

  /** Since when the watch of the path itself, or of a tree that holds it, vouches for it. */
  of(path: RemotePath, subject: Subject): number | undefined {
    const superblock = this.superblocks.covering(path);
    return this.marks.get(superblock.id)?.leaseSince(relativeTo(path, superblock.mountpoint), subject);
  }

  private chain(): Map<RemotePath, Leased[]> {
    if (this.chains !== undefined) return this.chains;
    const leased = [...this.marks.values()].flatMap((marks) => [...marks.leased()]);
    const chains = new Map<RemotePath, Leased[]>();
    for (const object of leased.sort((a, b) => a.since - b.since)) {
      for (const above of upwards(object.path)) {
        const objects = chains.get(above);
        if (objects === undefined) chains.set(above, [object]);
        else objects.push(object);
      }
    }
    this.chains = chains;
    return chains;
  }
}
