import { ErrnoError } from '../../protocol/errno';
import { COPY_OVERWRITE, REMOVE_RECURSIVE, REMOVE_TRASH, WALK_FOLLOW } from '../../protocol/livemount';
import type { EntryOut } from '../../protocol/fuse';
import { encodeCrossed } from '../../protocol/remove';
import type { InOf, OpName, OutOf } from '../../protocol/opcodes';
import { RENAME_NOREPLACE } from '../../protocol/renameFlags';
import type { Stamp } from '../cache/invalidations';
import { attempt, attempts } from './attempt';
import { CompoundRequest, type CompoundResult, type Part } from '../session/compoundRequest';
import type { ClientCore } from '../state';
import { bytesOf } from '../../protocol/names';
import { baseOf, isWithin, join, parentOf, type RemotePath, ROOT_PATH } from '../../protocol/paths';
import type { PositiveDentry } from '../tree/resolution';
import { DATA_DEADLINE_MS } from '../session/options';
import type { Superblock } from '../superblocks/superblock';
import type { ChangeKind, OperationOptions, RemoveOptions } from '../vfs';

/** A tree may take the host long; its progress keeps the request alive. */
const TREE_DEADLINE_MS = 10 * 60_000;
const TRIES_MAX = 3;

/** A name, and the directory that holds it. */
interface Place {
  readonly parent: PositiveDentry;
  readonly name: string;
  readonly path: RemotePath;
}

/** Makes a directory, not its parents. EEXIST, ENOENT. (mkdir(2)) */
export async function mkdir(core: ClientCore, path: RemotePath): Promise<void> {
  const made = { path, op: 'MKDIR', fixed: { mode: 0o777, umask: 0o022 }, kind: 'create' } as const;
  await atName(core, made, {}, (place, reply, stamp) => {
    core.known.changed(place.parent);
    core.madeDirty(place.parent.inode);
    core.tree.enter(place.parent, place.name, reply, core.known.acknowledged(stamp, place.path) ?? stamp);
  });
}

/**
 * Removes a file, a link, or (recursive) a tree. EBUSY, with their names, for mounts in it that may not be crossed: nothing
 * is removed then. What is mounted and may be crossed is emptied; its mount points stay, which is EBUSY as well.
 */
export async function remove(core: ClientCore, path: RemotePath, options: RemoveOptions): Promise<void> {
  const crossed = options.crossMounts ?? [];
  const mounted = () => [...core.superblocks.all()].filter(({ mountpoint }) => isWithin(mountpoint, path));
  const assertCrossable = () => {
    const others = mounted().filter(({ id }) => !crossed.includes(id));
    if (others.length > 0) throw new ErrnoError('EBUSY', `mounted in ${path}: ${placesOf(others)}`);
  };
  assertCrossable();
  const flags = (options.recursive ? REMOVE_RECURSIVE : 0) | (options.trash ? REMOVE_TRASH : 0);
  const fixed = { flags, mounts: crossed.length };
  const data = encodeCrossed(crossed);
  try {
    const removed = { path, op: 'REMOVE', fixed, data, kind: 'delete' } as const;
    await atName(core, removed, options, (place) => gone(core, place));
  } catch (error) {
    if (!(error instanceof ErrnoError) || error.code !== 'EBUSY') throw error;
    assertCrossable();
    const left = mounted();
    if (crossed.length === 0 || left.length === 0) throw error;
    throw new ErrnoError(
      'EBUSY',
      `emptied, but a mount point stays until it is unmounted: ${placesOf(left)}`,
    );
  }
}

function placesOf(superblocks: readonly Superblock[]): string {
  return [...new Set(superblocks.map(({ mountpoint }) => mountpoint))].join(', ');
}

/** Renames within a superblock; EXDEV across. EEXIST without `overwrite`. (rename(2)) */
export async function rename(
  core: ClientCore,
  from: RemotePath,
  to: RemotePath,
  options: { readonly overwrite: boolean },
): Promise<void> {
  const flags = options.overwrite ? 0 : RENAME_NOREPLACE;
  const done = (source: Place | undefined, target: Place | undefined) => {
    if (source !== undefined && target !== undefined) core.ownChanges.renamed(source.path, target.path);
    if (source !== undefined) gone(core, source);
    if (target !== undefined) gone(core, target);
  };
  const strict = () =>
    atTwoNames(core, { from, to, op: 'RENAME2', fixed: { flags }, kind: 'rename' }, {}, done);
  const plain = () => atTwoNames(core, { from, to, op: 'RENAME', fixed: {}, kind: 'rename' }, {}, done);
  if (flags === 0) return plain();
  try {
    return await strict();
  } catch (error) {
    // A filesystem without the flag: then what can be done is to look first.
    const unsupported = error instanceof ErrnoError && (error.code === 'EINVAL' || error.code === 'ENOSYS');
    if (!unsupported) throw error;
    const there = await core.paths.search(to, false);
    if (there.kind === 'found') throw new ErrnoError('EEXIST', to);
    return plain();
  }
}

/** Copies a file or a tree on the host. The copy appears whole or not at all. */
export async function copy(
  core: ClientCore,
  from: RemotePath,
  to: RemotePath,
  options: OperationOptions & { readonly overwrite: boolean },
): Promise<void> {
  const fixed = { flags: options.overwrite ? COPY_OVERWRITE : 0 };
  const done = (_source: Place | undefined, target: Place | undefined, reply: EntryOut, stamp: Stamp) => {
    if (target === undefined) core.forgets.add(reply.nodeid, 1n);
    else {
      gone(core, target);
      core.tree.enter(
        target.parent,
        target.name,
        reply,
        core.known.acknowledged(stamp, target.path) ?? stamp,
      );
    }
  };
  await atTwoNames(core, { from, to, op: 'COPY', fixed, kind: 'create' }, options, done);
}

/** What is known of a name, and of what was below it, is not so any more. */
function gone(core: ClientCore, place: Place): void {
  core.known.changed(place.parent);
  core.madeDirty(place.parent.inode);
  core.known.drop(place.path);
}

/** What is done to the last name of a path. */
interface OneName<K extends OpName> {
  readonly path: RemotePath;
  readonly op: K;
  readonly fixed: InOf<K>;
  readonly data?: Buffer;
  readonly kind: ChangeKind;
}

/** Carries out an operation on the last name of a path in one round trip, whether or not its directory is known. */
async function atName<K extends 'MKDIR' | 'REMOVE'>(
  core: ClientCore,
  { path, op, fixed, data, kind }: OneName<K>,
  { signal, progress }: OperationOptions,
  done: (place: Place, reply: OutOf<K> & EntryOut, stamp: Stamp) => void,
): Promise<void> {
  const deadlineMs = op === 'REMOVE' ? TREE_DEADLINE_MS : DATA_DEADLINE_MS;
  const once = () =>
    attempt(core, async (stamp, from) => {
      const request = new CompoundRequest();
      const at = destination(core, path, request, op === 'MKDIR' ? 'EEXIST' : 'EBUSY');
      from(at.start);
      const { walk } = at;
      const part = request.add(op, at.start.inode.nodeid, fixed, {
        names: [bytesOf(at.name)],
        ...(data && { data }),
        ...(walk && { from: { nodeid: walk } }),
      });
      const withdraw = core.ownChanges.expect(kind, at.expected, kind === 'create' ? at.expected : undefined);
      try {
        const result = await core.compound(path, request, { signal, progress, deadlineMs });
        const place = arrived(core, at, result, path, stamp);
        const reply = result.get(part) as OutOf<K> & EntryOut;
        // Else it is done, in a directory we know by no name.
        if (place !== undefined) done(place, reply, stamp);
        return true;
      } catch (error) {
        withdraw();
        throw error;
      }
    });
  await attempts(TRIES_MAX, once, () => new ErrnoError('ESTALE', path));
}

/** What is done to two names; `newdir` is the directory of the second. */
interface TwoNames<K extends OpName> {
  readonly from: RemotePath;
  readonly to: RemotePath;
  readonly op: K;
  readonly fixed: Omit<InOf<K>, 'newdir'>;
  readonly kind: ChangeKind;
}

/** Carries out an operation on two names in one round trip, whether or not their directories are known. */
async function atTwoNames<K extends 'RENAME' | 'RENAME2' | 'COPY'>(
  core: ClientCore,
  { from, to, op, fixed, kind }: TwoNames<K>,
  { signal, progress }: OperationOptions,
  done: (source: Place | undefined, target: Place | undefined, reply: EntryOut, stamp: Stamp) => void,
): Promise<void> {
  const deadlineMs = op === 'COPY' ? TREE_DEADLINE_MS : DATA_DEADLINE_MS;
  const once = () =>
    attempt(core, async (stamp, startsFrom) => {
      const request = new CompoundRequest();
      const source = destination(core, from, request, 'EBUSY');
      const target = destination(core, to, request, 'EBUSY');
      for (const { start } of [source, target]) startsFrom(start);
      const newdir = target.start.inode.nodeid;
      const part = request.add(op, source.start.inode.nodeid, { ...fixed, newdir } as InOf<K>, {
        names: [bytesOf(source.name), bytesOf(target.name)],
        from: { ...(source.walk && { nodeid: source.walk }), ...(target.walk && { newdir: target.walk }) },
      });
      const expected = kind === 'rename' ? source.expected : target.expected;
      const withdraw = core.ownChanges.expect(kind, expected, target.expected);
      try {
        const result = await core.compound(from, request, { signal, progress, deadlineMs });
        const places = [
          arrived(core, source, result, from, stamp),
          arrived(core, target, result, to, stamp),
        ] as const;
        done(...places, result.get(part) as EntryOut, stamp);
        return true;
      } catch (error) {
        withdraw();
        throw error;
      }
    });
  await attempts(TRIES_MAX, once, () => new ErrnoError('ESTALE', from));
}

/** Where a path's last name is to be: what is known of the way there, and the walk for the rest of it. */
interface Destination {
  readonly start: PositiveDentry;
  readonly walk: Part<'WALK'> | undefined;
  readonly name: string;
  /** The path under which an event will tell of it, as far as is known before. */
  readonly expected: RemotePath;
}

/** Looks the directory of a path up in the cache, and adds a walk to the request where that is not enough. */
function destination(
  core: ClientCore,
  path: RemotePath,
  request: CompoundRequest,
  ofRoot: 'EEXIST' | 'EBUSY',
): Destination {
  if (path === ROOT_PATH) throw new ErrnoError(ofRoot, path);
  const name = baseOf(path);
  const above = core.paths.resolve(parentOf(path), true, core.clock.now());
  if (above.kind === 'absent') throw new ErrnoError('ENOENT', path);
  if (above.kind === 'error') throw new ErrnoError(above.errno, path);
  if (above.kind === 'found') {
    return { start: above.dentry, walk: undefined, name, expected: join(above.path, name) };
  }
  const start = above.from;
  const names = [bytesOf(above.rest.join('/'))];
  const walk = request.add('WALK', start.inode.nodeid, { flags: WALK_FOLLOW }, { names });
  return { start, walk, name, expected: path };
}

/** Takes in the walk to a destination; undefined for a directory that we know by no name. */
function arrived(
  core: ClientCore,
  { start, walk, name }: Destination,
  result: CompoundResult,
  path: RemotePath,
  stamp: Stamp,
): Place | undefined {
  const end =
    walk === undefined ? start.inode.nodeid : core.paths.walked(result.get(walk), start, path, stamp).nodeid;
  const parent = core.tree.dentryOf(end);
  if (parent?.inode === undefined) return undefined;
  return { parent: parent as PositiveDentry, name, path: join(parent.path, name) };
}
