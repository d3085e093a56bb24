import type { NodeId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import { COPY_OVERWRITE, REMOVE_RECURSIVE, REMOVE_TRASH, WALK_FOLLOW } from '../../protocol/livemount';
import type { EntryOut } from '../../protocol/fuse';
import type { InOf, OpName, OutOf } from '../../protocol/opcodes';
import type { Stamp } from '../cache/invalidations';
import { CompoundRequest } from '../compoundRequest';
import { type ClientCore, isStale } from '../core';
import type { Dentry } from '../dentries';
import { isDirectory } from '../inodes';
import { bytesOf } from '../names';
import { baseOf, isWithin, join, normalize, parentOf } from '../paths';
import type { PositiveDentry } from '../resolution';
import { DATA_DEADLINE_MS } from '../session';
import type { ChangeKind, OperationOptions, RemoveOptions } from '../vfs';

/** A tree may take the host long; its progress keeps the request alive. */
const TREE_DEADLINE_MS = 10 * 60_000;
/** RENAME_NOREPLACE of rename(2). */
const NOREPLACE = 1;
const TRIES_MAX = 3;

/** A name, and the directory that holds it. */
interface Place {
  readonly parent: PositiveDentry;
  readonly name: string;
  readonly path: string;
}

/** Makes a directory, not its parents. EEXIST, ENOENT. (mkdir(2)) */
export async function mkdir(core: ClientCore, path: string): Promise<void> {
  await atName(core, path, 'MKDIR', { mode: 0o777, umask: 0o022 }, {}, 'create', (place, reply, stamp) => {
    core.changed(place.parent);
    core.tree.enter(place.parent, place.name, reply, core.acknowledged(stamp, place.path) ?? stamp);
  });
}

/** Removes a file, a link, or (recursive) a tree. EBUSY, with their names, while mounts stand in it. */
export async function remove(core: ClientCore, path: string, options: RemoveOptions): Promise<void> {
  const whole = normalize(path);
  const mounts = core.superblocks
    .below(parentOf(whole))
    .filter(({ mountpoint }) => isWithin(mountpoint, whole));
  if (mounts.length > 0 && options.crossMounts !== true) {
    throw new ErrnoError(
      'EBUSY',
      `mounted in ${path}: ${mounts.map(({ mountpoint }) => mountpoint).join(', ')}`,
    );
  }
  const flags = (options.recursive ? REMOVE_RECURSIVE : 0) | (options.trash ? REMOVE_TRASH : 0);
  await atName(core, path, 'REMOVE', { flags }, options, 'delete', (place) => gone(core, place));
}

/** Renames within a superblock; EXDEV across. EEXIST without `overwrite`. (rename(2)) */
export async function rename(
  core: ClientCore,
  from: string,
  to: string,
  options: { readonly overwrite: boolean },
): Promise<void> {
  const flags = options.overwrite ? 0 : NOREPLACE;
  await atTwoNames(core, from, to, {}, 'rename', async (source, target) => {
    const newdir = target.parent.inode.nodeid;
    const names = [bytesOf(source.name), bytesOf(target.name)];
    const { nodeid } = source.parent.inode;
    const ask = (strict: boolean) =>
      strict
        ? core.session.request('RENAME2', nodeid, { newdir, flags }, { names })
        : core.session.request('RENAME', nodeid, { newdir }, { names });
    try {
      await ask(flags !== 0);
    } catch (error) {
      // A filesystem without the flag: then what can be done is to look first.
      const unsupported = error instanceof ErrnoError && (error.code === 'EINVAL' || error.code === 'ENOSYS');
      if (flags === 0 || !unsupported) throw error;
      const there = await core.search(to, false);
      if (there.kind === 'found') throw new ErrnoError('EEXIST', to);
      await ask(false);
    }
    gone(core, source);
    gone(core, target);
  });
}

/** Copies a file or a tree on the host. The copy appears whole or not at all. */
export async function copy(
  core: ClientCore,
  from: string,
  to: string,
  options: OperationOptions & { readonly overwrite: boolean },
): Promise<void> {
  const flags = options.overwrite ? COPY_OVERWRITE : 0;
  await atTwoNames(core, from, to, options, 'create', async (source, target, stamp) => {
    const reply = await core.session.request(
      'COPY',
      source.parent.inode.nodeid,
      { newdir: target.parent.inode.nodeid, flags },
      {
        names: [bytesOf(source.name), bytesOf(target.name)],
        deadlineMs: TREE_DEADLINE_MS,
        signal: options.signal,
        progress: options.progress,
      },
    );
    gone(core, target);
    core.tree.enter(target.parent, target.name, reply, core.acknowledged(stamp, target.path) ?? stamp);
  });
}

/** What is known of a name, and of what was below it, is not so any more. */
function gone(core: ClientCore, place: Place): void {
  core.changed(place.parent);
  core.drop(place.path);
}

/** The operations on one name of a directory. */
type NameOp = 'MKDIR' | 'REMOVE';

/** Carries out an operation on the last name of a path in one round trip, whether or not its directory is known. */
async function atName<K extends NameOp & OpName>(
  core: ClientCore,
  path: string,
  op: K,
  fixed: InOf<K>,
  options: OperationOptions,
  kind: ChangeKind,
  done: (place: Place, reply: OutOf<K> & EntryOut, stamp: Stamp) => void,
): Promise<void> {
  const whole = normalize(path);
  if (whole === '/') throw new ErrnoError(op === 'MKDIR' ? 'EEXIST' : 'EBUSY', path);
  const name = baseOf(whole);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const finished = await core.stamped(async (stamp) => {
      const above = core.resolve(parentOf(whole), true, performance.now());
      if (above.kind === 'absent') throw new ErrnoError('ENOENT', path);
      if (above.kind === 'error') throw new ErrnoError(above.errno, path);
      const start = above.kind === 'found' ? above.dentry : above.from;
      const { nodeid } = start.inode;
      const request = new CompoundRequest();
      const walk =
        above.kind === 'missing'
          ? request.add('WALK', nodeid, { flags: WALK_FOLLOW }, { names: [bytesOf(above.rest.join('/'))] })
          : undefined;
      const names = [bytesOf(name)];
      const part = request.add(op, nodeid, fixed, { names, ...(walk && { from: { nodeid: walk } }) });
      const { signal, progress } = options;
      const deadlineMs = op === 'REMOVE' ? TREE_DEADLINE_MS : DATA_DEADLINE_MS;
      const expected = join(above.kind === 'found' ? above.path : parentOf(whole), name);
      core.echoes.expect(kind, expected);
      try {
        const result = await core.compound(whole, request, { signal, progress, deadlineMs });
        const end = walk === undefined ? nodeid : core.walked(result.get(walk), start, path, stamp).nodeid;
        const reply = result.get(part) as OutOf<K> & EntryOut;
        const parent = core.tree.dentryOf(end);
        if (parent?.inode === undefined) return true; // done, in a directory we know by no name
        done({ parent: parent as PositiveDentry, name, path: join(parent.path, name) }, reply, stamp);
        return true;
      } catch (error) {
        core.echoes.withdraw(kind, expected);
        if (!core.isOutdated(error, start)) throw error;
        core.dropName(start);
        return false;
      }
    });
    if (finished) return;
  }
  throw new ErrnoError('ESTALE', path);
}

/** Carries out an operation on two names whose directories are looked up first, where they are not known. */
async function atTwoNames(
  core: ClientCore,
  from: string,
  to: string,
  options: OperationOptions,
  kind: ChangeKind,
  run: (source: Place, target: Place, stamp: Stamp) => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const [source, target] = await Promise.all([placeOf(core, from, options), placeOf(core, to, options)]);
    const expected = kind === 'rename' ? source.path : target.path;
    core.echoes.expect(kind, expected);
    try {
      await core.superblocks
        .covering(source.path)
        .run(() => core.stamped((stamp) => run(source, target, stamp)), options.signal);
      return;
    } catch (error) {
      core.echoes.withdraw(kind, expected);
      if (!isStale(error) || tries === TRIES_MAX) throw error;
      for (const { parent } of [source, target]) if (parent.parent !== undefined) core.dropName(parent);
    }
  }
}

async function placeOf(core: ClientCore, path: string, options: OperationOptions): Promise<Place> {
  const whole = normalize(path);
  if (whole === '/') throw new ErrnoError('EBUSY', path);
  const name = baseOf(whole);
  const { inode, path: above } = await core.lookup(parentOf(whole), true, options.signal);
  if (!isDirectory(inode)) throw new ErrnoError('ENOTDIR', path);
  const parent = directoryOf(core, inode.nodeid);
  if (parent === undefined) throw new ErrnoError('ESTALE', path);
  return { parent, name, path: join(above, name) };
}

function directoryOf(core: ClientCore, nodeid: NodeId): PositiveDentry | undefined {
  const dentry: Dentry | undefined = core.tree.dentryOf(nodeid);
  return dentry?.inode === undefined ? undefined : (dentry as PositiveDentry);
}
