import type { Clock } from '../../base/clock';
import type { SuperblockId } from '../../protocol/brand';
import { isStale } from '../../protocol/errno';
import { type RemotePath, ROOT_PATH } from '../../protocol/paths';
import type { ContentCache } from '../cache/content';
import type { Invalidations, Stamp } from '../cache/invalidations';
import type { Dentry } from './dentries';
import type { Forgets } from './forgets';
import type { PositiveDentry } from './resolution';
import { Tree } from './tree';

/** What a tree is made of. */
export interface TreeParts {
  readonly forgets: Forgets;
  readonly invalidations: Invalidations;
  readonly contents: ContentCache;
  /** The superblock that holds a path. */
  readonly sbOf: (path: RemotePath) => SuperblockId;
  readonly clock: Clock;
}

/**
 * The tree of now, and the ways in which what it says ceases to be so. A tree lives as long as the agent knows its nodes;
 * then another one takes its place, and operations under way find out by their errors (ESTALE) or by `epoch`.
 */
export class KnownTree {
  /** Grows when the agent knows no nodeid and no handle of ours any more. */
  epoch = 0;
  private current: Tree;

  constructor(private readonly parts: TreeParts) {
    this.current = this.empty();
  }

  get tree(): Tree {
    return this.current;
  }

  /** The root's name; every path starts there. */
  get root(): PositiveDentry {
    return this.current.dentries.root as PositiveDentry;
  }

  /** The agent knows no nodeid of ours any more: everything starts from the root. */
  forget(): void {
    const { forgets, invalidations } = this.parts;
    this.epoch++;
    forgets.clear();
    for (const dentry of [...this.root.children.values()]) this.current.dentries.drop(dentry);
    forgets.clear();
    this.current = this.empty();
    invalidations.invalidate(ROOT_PATH, true);
  }

  /** Forgets what is known of a path, without links, and of all below it. */
  drop(path: RemotePath): void {
    this.parts.invalidations.invalidate(path, true);
    const dentry = this.current.dentries.at(path);
    if (dentry !== undefined) this.current.dentries.drop(dentry);
  }

  /** Forgets a name, and the right to it. */
  dropName(dentry: PositiveDentry): void {
    this.parts.invalidations.invalidate(dentry.path, true);
    this.current.dentries.drop(dentry);
  }

  /** A directory got or lost a name: its listing and its own attributes are old. */
  changed(directory: Dentry): void {
    directory.listing = undefined;
    this.renamedWithin(directory);
  }

  /** A name of a directory stands for another inode: its own attributes are old, its listing is not. */
  renamedWithin(directory: Dentry): void {
    if (directory.inode !== undefined) directory.inode.attr = undefined;
    this.parts.invalidations.invalidate(directory.path, false);
  }

  /** What is known of the attributes at a path is old. */
  attributesChanged(path: RemotePath): void {
    this.parts.invalidations.invalidate(path, false);
    const inode = this.current.dentries.at(path)?.inode;
    if (inode !== undefined) inode.attr = undefined;
  }

  /**
   * An own change of a path was acknowledged: gives the stamp to take its reply in under, behind which older replies
   * stand back. Undefined: a directory above it changed meanwhile, so the reply says nothing of the path any more.
   */
  acknowledged(stamp: Stamp, path: RemotePath): Stamp | undefined {
    const { invalidations, clock } = this.parts;
    const elsewhere = invalidations.crossedAbove(stamp, path);
    invalidations.invalidate(path, true);
    return elsewhere ? undefined : invalidations.settled(clock.now());
  }

  /**
   * The host does not know the nodeid that was used, so the path is to be looked up again: it changed, or the agent
   * is another one. Of the root only the latter can be.
   */
  isOutdated(error: unknown, dentry: Dentry): boolean {
    return isStale(error) && dentry !== this.root;
  }

  private empty(): Tree {
    const { forgets, invalidations, sbOf, contents } = this.parts;
    return new Tree(forgets, invalidations, sbOf, contents);
  }
}
