import type { OperationOptions, Stat, Vfs } from '../client/vfs';
import { Errno, ErrnoError, errnoOf } from '../protocol/errno';

/** What moving needs of a tree. */
export type MovableTree = Pick<Vfs, 'lstat' | 'readDirectory' | 'copy' | 'remove' | 'mountsBelow'>;

/** What a tree looks like from outside: enough to tell that a copy is complete and its source unchanged. */
interface Listing {
  /** By path below the root ('' is the root itself). */
  readonly nodes: ReadonlyMap<string, Stat>;
}

/**
 * Moves across mounts, where rename(2) says EXDEV: copies on the host, verifies, and only then removes the source.
 * Cancelled or failed at any step, the source is whole; a copy that can't be verified is removed again.
 * Throws EBUSY for a source that was written to meanwhile, or that holds mounts.
 */
export async function moveAcross(
  vfs: MovableTree,
  from: string,
  to: string,
  options: Required<OperationOptions> & { readonly overwrite: boolean },
): Promise<void> {
  const { signal, progress, overwrite } = options;
  const mounts = vfs.mountsBelow(from);
  if (mounts.length > 0) {
    const names = mounts.map((mount) => mount.mountpoint).join(', ');
    throw new ErrnoError('EBUSY', `${from} holds mounts and can’t be moved to another one: ${names}`);
  }
  const before = await list(vfs, from, signal);
  await vfs.copy(from, to, { signal, overwrite, progress: (done, total) => progress(done, total) });
  try {
    const [source, copy] = await Promise.all([list(vfs, from, signal), list(vfs, to, signal)]);
    const problem =
      firstDifference(before, source, sameButForCtime) ?? firstDifference(source, copy, sameShape);
    if (problem !== undefined) {
      const what = problem === '' ? 'the folder itself' : problem;
      throw new ErrnoError('EBUSY', `${from} changed while it was copied (${what}); it was left in place`);
    }
    signal.throwIfAborted();
  } catch (error) {
    // What an overwritten target held is gone in any case; what stands there now is a copy of a source that is whole.
    if (!overwrite) await vfs.remove(to, { recursive: true });
    throw error;
  }
  await vfs.remove(from, { recursive: true });
}

/** As it is on the host now: the event of a change may still be on its way, and where none come nobody would tell. */
async function list(vfs: MovableTree, root: string, signal: AbortSignal): Promise<Listing> {
  const nodes = new Map<string, Stat>();
  const visit = async (below: string): Promise<void> => {
    signal.throwIfAborted();
    const path = `${root}${below}`;
    const stat = await vfs.lstat(path, { signal, fresh: below === '' });
    nodes.set(below, stat);
    if (stat.kind !== 'directory' || stat.isSymlink) return;
    for (const entry of await vfs.readDirectory(path, { signal })) await visit(`${below}/${entry.name}`);
  };
  await visit('');
  return { nodes };
}

/** The path of the first node in which two listings differ. */
function firstDifference(
  one: Listing,
  other: Listing,
  same: (a: Stat, b: Stat) => boolean,
): string | undefined {
  for (const [path, stat] of one.nodes) {
    const counterpart = other.nodes.get(path);
    if (counterpart === undefined || !same(stat, counterpart)) return path;
  }
  for (const path of other.nodes.keys()) if (!one.nodes.has(path)) return path;
  return undefined;
}

function sameButForCtime(a: Stat, b: Stat): boolean {
  return a.version.ino === b.version.ino && a.mtimeNs === b.mtimeNs && a.size === b.size;
}

function sameShape(a: Stat, b: Stat): boolean {
  if (a.kind !== b.kind || a.isSymlink !== b.isSymlink) return false;
  // A directory's size is its filesystem's own business.
  return a.kind === 'directory' || a.size === b.size;
}

export function isCrossMount(error: unknown): boolean {
  return errnoOf(error) === Errno.EXDEV;
}
