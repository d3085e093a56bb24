import type { NodeId, SuperblockId } from '../../protocol/brand';
import type { InodeTable } from './inodeTable';

/** Inodes on the list at most, per superblock: beyond it the oldest, long written by the kernel, are flushed for room. */
export const DIRTY_MAX = 16_384;

/** One inode of the list. */
export interface Dirty {
  readonly nodeid: NodeId;
  /** Grows with every write: a flush that began before the last one has not made the inode clean. */
  writes: number;
  /** All that is below it was made by this session (COPY). */
  isTree: boolean;
}

interface DirtySuperblock {
  /** In the order they first became dirty. */
  readonly nodes: Map<NodeId, Dirty>;
  /** The first error of a flush that nobody has been given yet. */
  error: unknown;
  /** The oldest are being flushed. */
  makingRoom: boolean;
}

/**
 * The inodes a session made dirty, per superblock: on the list from a write or truncate until they are clean. SYNCFS
 * flushes these and nothing else (syncfs(2) would write everybody's dirty data). The list counts as a lookup of each of
 * its inodes: one that the client has closed and forgotten still has its name, renames included, and no file
 * descriptor keeps its mount busy.
 */
export class DirtyList {
  private readonly bySuperblock = new Map<SuperblockId, DirtySuperblock>();

  /**
   * `flush` puts inodes of the list on disk and reports the outcome to the list; it never rejects. `tracks` is false for a
   * client that has no use for a list: a kernel never sends SYNCFS to a plain FUSE server, and writes without end.
   */
  constructor(
    private readonly inodes: InodeTable,
    readonly tracks: boolean,
    private readonly flush: (sb: SuperblockId, nodes: readonly Readonly<Dirty>[]) => Promise<void>,
  ) {}

  /** A write or truncate reached the node, or (for a directory) a name in it changed; `isTree`: all below it was made. */
  add(sb: SuperblockId, nodeid: NodeId, isTree = false): void {
    if (!this.tracks) return;
    let superblock = this.bySuperblock.get(sb);
    if (superblock === undefined) {
      superblock = { nodes: new Map(), error: undefined, makingRoom: false };
      this.bySuperblock.set(sb, superblock);
    }
    const known = superblock.nodes.get(nodeid);
    if (known !== undefined) {
      known.writes++;
      known.isTree ||= isTree;
      return;
    }
    if (!this.inodes.retain(nodeid)) return;
    superblock.nodes.set(nodeid, { nodeid, writes: 1, isTree });
    if (superblock.nodes.size > DIRTY_MAX) this.makeRoom(sb, superblock);
  }

  private makeRoom(sb: SuperblockId, superblock: DirtySuperblock): void {
    if (superblock.makingRoom) return;
    superblock.makingRoom = true;
    const oldest = this.of(sb).slice(0, DIRTY_MAX / 4);
    void this.flush(sb, oldest).then(() => {
      superblock.makingRoom = false;
    });
  }

  /** The node is on disk, or gone. */
  remove(sb: SuperblockId, nodeid: NodeId): void {
    const superblock = this.bySuperblock.get(sb);
    if (superblock?.nodes.delete(nodeid)) this.inodes.forget(nodeid, 1n);
    if (superblock?.nodes.size === 0 && superblock.error === undefined) this.bySuperblock.delete(sb);
  }

  /** A flush of the node that began with so many writes succeeded: it is clean, unless it was written again since. */
  flushed(sb: SuperblockId, nodeid: NodeId, writes: number): void {
    if (this.bySuperblock.get(sb)?.nodes.get(nodeid)?.writes === writes) this.remove(sb, nodeid);
  }

  /** Keeps the first error for whoever asks next: the kernel reports a failed write-back only once. */
  failed(sb: SuperblockId, error: unknown): void {
    const superblock = this.bySuperblock.get(sb);
    if (superblock === undefined) this.bySuperblock.set(sb, { nodes: new Map(), error, makingRoom: false });
    else superblock.error ??= error;
  }

  /** The error kept, once. */
  takeError(sb: SuperblockId): unknown {
    const superblock = this.bySuperblock.get(sb);
    const error = superblock?.error;
    if (superblock !== undefined) superblock.error = undefined;
    if (superblock?.nodes.size === 0) this.bySuperblock.delete(sb);
    return error;
  }

  /** Oldest first, as they are now. */
  of(sb: SuperblockId): readonly Readonly<Dirty>[] {
    return [...(this.bySuperblock.get(sb)?.nodes.values() ?? [])].map((dirty) => ({ ...dirty }));
  }

  count(sb: SuperblockId): number {
    return this.bySuperblock.get(sb)?.nodes.size ?? 0;
  }

  /** The superblock is gone, and with it whatever could be flushed. */
  drop(sb: SuperblockId): void {
    const superblock = this.bySuperblock.get(sb);
    this.bySuperblock.delete(sb);
    for (const nodeid of superblock?.nodes.keys() ?? []) this.inodes.forget(nodeid, 1n);
  }
}
