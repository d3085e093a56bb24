import type { NodeId, SuperblockId } from '../protocol/brand';

/**
 * The inodes a session made dirty, per superblock: on the list from a write or truncate until they are clean. SYNCFS
 * flushes these and nothing else (syncfs(2) would write everybody's dirty data).
 */
export class DirtyList {
  private readonly bySuperblock = new Map<SuperblockId, Set<NodeId>>();

  /** A write or truncate reached the node. */
  add(sb: SuperblockId, nodeid: NodeId): void {
    let nodes = this.bySuperblock.get(sb);
    if (nodes === undefined) {
      nodes = new Set();
      this.bySuperblock.set(sb, nodes);
    }
    nodes.add(nodeid);
  }

  /** The node is on disk, or gone. */
  remove(sb: SuperblockId, nodeid: NodeId): void {
    const nodes = this.bySuperblock.get(sb);
    nodes?.delete(nodeid);
    if (nodes?.size === 0) this.bySuperblock.delete(sb);
  }

  of(sb: SuperblockId): readonly NodeId[] {
    return [...(this.bySuperblock.get(sb) ?? [])];
  }

  count(sb: SuperblockId): number {
    return this.bySuperblock.get(sb)?.size ?? 0;
  }

  /** The superblock is gone, and with it whatever could be flushed. */
  drop(sb: SuperblockId): void {
    this.bySuperblock.delete(sb);
  }
}
