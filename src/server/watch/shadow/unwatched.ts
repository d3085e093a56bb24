import { ErrnoError } from '../../../protocol/errno';
import { UNWATCHED_BYTES, UNWATCHED_PATHS } from '../../../protocol/livemount';
import type { Seen } from '../arming/backend';
import { type BytePath, isWithin, parentOf, ROOT_PATH } from '../bytePath';
import type { DirNode } from './tree';

/** What stands for an object that can't be looked at: it is left as it is known. */
export const UNSEEN: Seen = {
  ino: 0,
  mode: 0,
  version: { ino: 0n, size: 0n, mtime_ns: 0n, ctime_ns: 0n },
  stamp: 0,
  isElsewhere: true,
};

/** Turns a look's failure into UNSEEN; anything but an ErrnoError is a bug and goes on. */
export function unseen(error: unknown): Seen {
  if (error instanceof ErrnoError) return UNSEEN;
  throw error;
}

/**
 * The directories of a superblock that nothing can be seen of: closed to the agent's user, deeper than a path may be
 * long, or not to be opened for want of descriptors. Clients learn of them, and keep nothing from there without asking. Each
 * is in here with the moment (ns since the epoch) up to which all that happened in it is known, so that it can be
 * compared when it is to be seen again.
 */
export class UnwatchedDirectories {
  private readonly since = new Map<DirNode, bigint>();
  private changed = false;

  get size(): number {
    return this.since.size;
  }

  has(node: DirNode): boolean {
    return this.since.has(node);
  }

  /** Nothing is to be seen of a directory, and what happened there is known until `sinceNs` at most. */
  add(node: DirNode, sinceNs: bigint): void {
    const known = this.since.get(node);
    if (known === undefined) this.changed = true;
    if (known === undefined || sinceNs < known) this.since.set(node, sinceNs);
  }

  /** Takes a directory out; gives the moment it was put in with. */
  delete(node: DirNode): bigint | undefined {
    const since = this.since.get(node);
    if (this.since.delete(node)) this.changed = true;
    return since;
  }

  [Symbol.iterator](): IterableIterator<DirNode> {
    return this.since.keys();
  }

  /** Whether directories came or went since the last call. */
  takeChanged(): boolean {
    const { changed } = this;
    this.changed = false;
    return changed;
  }

  /** The directories by path, within the bounds of a MOUNT record: many are named by the directory that holds them. */
  paths(): BytePath[] {
    let paths = outermost([...this.since.keys()].filter((node) => node.isAttached).map((node) => node.path));
    while (paths.length > UNWATCHED_PATHS || bytesOf(paths) > UNWATCHED_BYTES) {
      const deepest = Math.max(...paths.map(depthOf));
      paths = outermost(paths.map((path) => (depthOf(path) === deepest ? parentOf(path) : path)));
    }
    return paths;
  }
}

function depthOf(path: BytePath): number {
  return path === ROOT_PATH ? 0 : path.split('/').length;
}

function bytesOf(paths: readonly BytePath[]): number {
  return paths.reduce((sum, path) => sum + path.length + 1, 0);
}

/** Without those that lie in another one. */
function outermost(paths: readonly BytePath[]): BytePath[] {
  const kept: BytePath[] = [];
  for (const path of [...new Set(paths)].sort(bySegments)) {
    const last = kept.at(-1);
    if (last === undefined || !isWithin(path, last)) kept.push(path);
  }
  return kept;
}

/** '/' before every other byte, so that what lies in a directory follows it. */
function bySegments(a: BytePath, b: BytePath): number {
  const [left, right] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
