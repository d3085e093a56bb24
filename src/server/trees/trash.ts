import { type ErrnoName, ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFMT } from '../../protocol/fuse';
import type { HostFs, HostStat, Locator, OperationContext } from '../host/hostFs';
import { childPath, isWithin, splitPath } from '../host/hostPath';
import { RENAME_NOREPLACE } from '../../protocol/renameFlags';
import { OpenFlag } from '../ops/openFlags';
import { writeAll } from '../host/copyContent';
import { isErrno, isUnsupported } from '../host/hostErrors';
import { assertNoMount } from './removeTree';
import { trashInfo } from './trashInfo';

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;
const S_ISVTX = 0o1000;
const WRITE_OTHERS = 0o022;
const FILES = Buffer.from('files');
const INFO = Buffer.from('info');
const SUFFIX = Buffer.from('.trashinfo');
const NAME_MAX = 255;
/** Things of one name in a trash at most: `NAME`, `NAME.2`, ... */
const NAMESAKES = 10_000;

export interface TrashOptions {
  /** $XDG_DATA_HOME/Trash, or ~/.local/share/Trash; undefined for a user without a home. */
  readonly homeTrash: Buffer | undefined;
  /** Whose trash it is; undefined where that is not known: there is no trash then. */
  readonly uid: number | undefined;
  readonly now: () => Date;
}

/** A trash folder, and what the paths in its .trashinfo files are relative to (undefined: they are absolute). */
interface Trash {
  readonly folder: Buffer;
  readonly topdir: Buffer | undefined;
}

/**
 * Moves an entry to the trash of its superblock: the user's home trash if that is on the same one, else the one at its
 * top. Nothing is ever copied. EOPNOTSUPP where there is no trash; EBUSY if a mount stands in the tree.
 * (freedesktop.org Trash specification 1.0)
 */
export async function moveToTrash(
  host: HostFs,
  options: TrashOptions,
  directory: Locator,
  name: Buffer,
  context: OperationContext,
): Promise<void> {
  const path = childPath(directory.path, name);
  assertNoMount(host, path);
  const stat = await host.lookup(directory, name, context);
  if (stat.mountRoot) throw new ErrnoError('EBUSY', 'a mount stands there');
  for (const trash of await trashesFor(host, options, stat)) {
    if (isWithin(path, trash.folder) || isWithin(trash.folder, path)) continue;
    if (await moveInto(host, trash, directory, name, options.now())) return;
  }
  throw new ErrnoError('EOPNOTSUPP', 'there is no trash on this filesystem');
}

/** The trashes on an object's superblock, best first; each exists and is fit for use. */
async function trashesFor(host: HostFs, options: TrashOptions, stat: HostStat): Promise<Trash[]> {
  const found: Trash[] = [];
  const { homeTrash, uid } = options;
  if (uid === undefined) return found;
  if (homeTrash !== undefined && host.mounts.covering(homeTrash).sb === stat.sb) {
    if (await isPrivateFolder(host, homeTrash, uid, true))
      found.push({ folder: homeTrash, topdir: undefined });
  }
  const topdir = host.mounts.get(stat.sb)?.mountpoint;
  if (topdir === undefined) return found;
  const shared = childPath(topdir, Buffer.from('.Trash'));
  if (await isSharedTrash(host, shared)) {
    const folder = childPath(shared, Buffer.from(String(uid)));
    if (await isPrivateFolder(host, folder, uid, false)) found.push({ folder, topdir });
  }
  const own = childPath(topdir, Buffer.from(`.Trash-${uid}`));
  if (await isPrivateFolder(host, own, uid, false)) found.push({ folder: own, topdir });
  return found;
}

/** $topdir/.Trash counts only as a real directory with the sticky bit. */
async function isSharedTrash(host: HostFs, folder: Buffer): Promise<boolean> {
  const stat = await lookup(host, folder);
  return stat !== undefined && (stat.mode & S_IFMT) === S_IFDIR && (stat.mode & S_ISVTX) !== 0;
}

/** Whether there is a folder of ours, made now if need be (with what leads to it, where asked), and not a link. */
async function isPrivateFolder(
  host: HostFs,
  folder: Buffer,
  uid: number,
  withParents: boolean,
): Promise<boolean> {
  if (!(await makeFolder(host, folder, withParents))) return false;
  if (!(await isOurs(host, folder, uid))) return false;
  for (const part of [FILES, INFO]) {
    const inside = childPath(folder, part);
    if (!(await makeFolder(host, inside, false)) || !(await isOurs(host, inside, uid))) return false;
  }
  return true;
}

/** A folder of ours, no link, in which nobody else may write: at the top of a shared disk anybody may have put it there. */
async function isOurs(host: HostFs, folder: Buffer, uid: number): Promise<boolean> {
  const stat = await lookup(host, folder);
  if (stat === undefined || (stat.mode & S_IFMT) !== S_IFDIR) return false;
  return stat.uid === uid && (stat.mode & WRITE_OTHERS) === 0;
}

async function makeFolder(host: HostFs, folder: Buffer, withParents: boolean): Promise<boolean> {
  const { directory, name } = splitPath(folder);
  try {
    await host.mkdir({ path: directory }, name, PRIVATE_FOLDER, 0);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return true;
    const hasParent = directory.length > 1;
    if (isErrno(error, 'ENOENT') && withParents && hasParent && (await makeFolder(host, directory, true))) {
      return makeFolder(host, folder, false);
    }
    if (error instanceof ErrnoError) return false;
    throw error;
  }
}

async function lookup(host: HostFs, path: Buffer): Promise<HostStat | undefined> {
  const { directory, name } = splitPath(path);
  try {
    return await host.lookup({ path: directory }, name);
  } catch (error) {
    if (error instanceof ErrnoError) return undefined;
    throw error;
  }
}

/** What rename(2) says where a trash of the same superblock is still not reachable (a btrfs subvolume, a quota project). */
const APART: readonly ErrnoName[] = ['EXDEV', 'ENOENT', 'EROFS', 'ENOSPC', 'EDQUOT'];

/** False if this trash can't take it. The .trashinfo is made first: that it exists is what takes the name. */
async function moveInto(
  host: HostFs,
  trash: Trash,
  directory: Locator,
  name: Buffer,
  now: Date,
): Promise<boolean> {
  const info = { path: childPath(trash.folder, INFO) };
  const files = { path: childPath(trash.folder, FILES) };
  const path = childPath(directory.path, name);
  const text = trashInfo(trash.topdir === undefined ? path : relativeTo(path, trash.topdir), now);
  for (let namesake = 1; namesake <= NAMESAKES; namesake++) {
    const as = namesakeOf(name, namesake);
    const infoName = Buffer.concat([as, SUFFIX]);
    try {
      await writeInfo(host, info, infoName, text);
    } catch (error) {
      if (isErrno(error, 'EEXIST')) continue;
      if (isErrno(error, ...APART)) return false;
      throw error;
    }
    try {
      await renameToFree(host, directory, name, files, as);
      return true;
    } catch (error) {
      await host.unlink(info, infoName);
      // A file of that name without a .trashinfo: somebody's litter.
      if (isErrno(error, 'EEXIST', 'ENOTEMPTY')) continue;
      if (isErrno(error, 'EXDEV')) return false;
      throw error;
    }
  }
  return false;
}

async function writeInfo(host: HostFs, info: Locator, name: Buffer, text: Buffer): Promise<void> {
  const { file } = await host.create(info, name, OpenFlag.WRONLY | OpenFlag.EXCL, PRIVATE_FILE, 0);
  try {
    await writeAll(file, text, 0n);
  } catch (error) {
    await host.unlink(info, name);
    throw error;
  } finally {
    await file.close();
  }
}

async function renameToFree(
  host: HostFs,
  directory: Locator,
  name: Buffer,
  files: Locator,
  as: Buffer,
): Promise<void> {
  try {
    await host.rename(directory, name, files, as, RENAME_NOREPLACE);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    // Without the flag the .trashinfo that we made keeps the name free, but for litter that has none.
    if ((await lookup(host, childPath(files.path, as))) !== undefined) throw new ErrnoError('EEXIST');
    await host.rename(directory, name, files, as, 0);
  }
}

/** `NAME`, `NAME.2`, `NAME.3`, ... cut so that the .trashinfo's name is not too long. */
function namesakeOf(name: Buffer, namesake: number): Buffer {
  const number = Buffer.from(namesake === 1 ? '' : `.${namesake}`);
  const room = NAME_MAX - SUFFIX.length - number.length;
  return Buffer.concat([name.subarray(0, room), number]);
}

function relativeTo(path: Buffer, topdir: Buffer): Buffer {
  return path.subarray(topdir.length === 1 ? 1 : topdir.length + 1);
}
