import type { RemotePath } from '../../protocol/paths';
import { versionOf } from '../../protocol/attributes';
import { ErrnoError } from '../../protocol/errno';
import { ATTR_SUBMOUNT, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../protocol/fuse';
import { MOUNT_READONLY } from '../../protocol/livemount';
import type { ClientCore } from '../state';
import type { Found } from '../tree/lookup';
import { textOf } from '../../protocol/names';
import type { FileKind, OperationOptions, Stat } from '../vfs';

/** What an inode is, to an editor. */
export function kindOf(mode: number): FileKind {
  const type = mode & S_IFMT;
  return type === S_IFREG ? 'file' : type === S_IFDIR ? 'directory' : 'other';
}

export function statOf(core: ClientCore, found: Found): Stat {
  const { attr, path, link } = found;
  const superblock = core.superblocks.covering(path);
  const version = versionOf(attr);
  return {
    kind: kindOf(attr.mode),
    isSymlink: link !== undefined || (attr.mode & S_IFMT) === S_IFLNK,
    mode: attr.mode,
    uid: attr.uid,
    gid: attr.gid,
    nlink: attr.nlink,
    size: attr.size,
    mtimeNs: version.mtime_ns,
    ctimeNs: version.ctime_ns,
    readonly: (superblock.record.flags & MOUNT_READONLY) !== 0 || core.agentUser.mayNotWrite(attr),
    version,
    sb: superblock.id,
    isMountpoint: (attr.flags & ATTR_SUBMOUNT) !== 0 || (superblock.isReal && superblock.mountpoint === path),
  };
}

/** What a path is once links are followed; a link that leads nowhere is told as itself. (stat(2)) */
export async function stat(
  core: ClientCore,
  path: RemotePath,
  options: OperationOptions = {},
): Promise<Stat> {
  const sought = await core.paths.search(path, true, options.signal);
  if (sought.kind === 'found') return statOf(core, sought);
  if (sought.link === undefined) throw new ErrnoError(sought.errno, path);
  return statOf(core, sought.link);
}

/** A path's own attributes. (lstat(2)) */
export async function lstat(
  core: ClientCore,
  path: RemotePath,
  options: OperationOptions = {},
): Promise<Stat> {
  return statOf(core, await core.paths.find(path, false, options.signal));
}

/** A link's target, EINVAL for what is none. (readlink(2)) */
export async function readlink(core: ClientCore, path: RemotePath): Promise<string> {
  const { inode, attr } = await core.paths.find(path, false);
  if ((attr.mode & S_IFMT) !== S_IFLNK) throw new ErrnoError('EINVAL', `${path} is no symbolic link`);
  inode.target ??= textOf(await core.session.request('READLINK', inode.nodeid, undefined));
  return inode.target;
}
