import type { DirNode } from './tree';

/**
 * Directories where a look and what the shadow knew did not fit, to be compared when the host is quiet: names and inode
 * numbers in any case, and the times of files from the moment (ns since the epoch) on that comes with a directory.
 */
export class UnverifiedDirectories {
  private readonly since = new Map<DirNode, bigint | undefined>();

  get size(): number {
    return this.since.size;
  }

  add(node: DirNode, sinceNs?: bigint): void {
    const known = this.since.get(node);
    const isEarlier = known === undefined || (sinceNs !== undefined && sinceNs < known);
    this.since.set(node, isEarlier ? sinceNs : known);
  }

  delete(node: DirNode): void {
    this.since.delete(node);
  }

  /** Takes all of them out. */
  take(): [DirNode, bigint | undefined][] {
    const all = [...this.since];
    this.since.clear();
    return all;
  }
}
