import { splitNs } from '../../protocol/attributes';
import { ATTR_SUBMOUNT, type Attr, type EntryOut, S_IFDIR, S_IFMT } from '../../protocol/fuse';
import { ErrnoError } from '../../protocol/errno';
import type { ClientState } from '../connection/handler';
import {
  type Awaitable,
  chain,
  type HostFile,
  type HostStat,
  type Locator,
  type OperationContext,
} from '../host/hostFs';
import { isGone } from '../host/hostErrors';
import { ENTRY_GENERATION, type Inode } from '../host/inodeTable';

/** How long a plain FUSE client may believe an answer: virtiofs' "none", "auto" (one second), "always" (a day). */
export const VALIDITY_S = { none: 0n, auto: 1n, always: 86_400n } as const;
export type Validity = keyof typeof VALIDITY_S;

/** The kernel's 32-bit device number (new_encode_dev): minor low 8 bits, major, minor high. */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function decodeDevice(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}

/** The wire's attributes of what the host said. */
export function attrOf(session: ClientState, stat: HostStat): Attr {
  const atime = splitNs(stat.atimeNs);
  const mtime = splitNs(stat.mtimeNs);
  const ctime = splitNs(stat.ctimeNs);
  return {
    ino: session.inodeNumber(stat),
    size: stat.size,
    blocks: stat.blocks,
    atime: atime.sec,
    mtime: mtime.sec,
    ctime: ctime.sec,
    atimensec: atime.nsec,
    mtimensec: mtime.nsec,
    ctimensec: ctime.nsec,
    mode: stat.mode,
    nlink: stat.nlink,
    uid: stat.uid,
    gid: stat.gid,
    rdev: encodeDevice(stat.rdevMajor, stat.rdevMinor),
    blksize: stat.blksize,
    flags: 0,
  };
}

/** The entry of an inode just claimed in `parent`; FUSE_ATTR_SUBMOUNT where the mount changes. */
export function entryOf(session: ClientState, parent: Inode, inode: Inode, stat: HostStat): EntryOut {
  const attr = attrOf(session, stat);
  const crosses = stat.sb !== parent.identity.sb && (stat.mode & S_IFMT) === S_IFDIR;
  if (crosses && session.announcesSubmounts) attr.flags |= ATTR_SUBMOUNT;
  return {
    nodeid: inode.nodeid,
    generation: ENTRY_GENERATION,
    entry_valid: session.validity,
    attr_valid: session.validity,
    entry_valid_nsec: 0,
    attr_valid_nsec: 0,
    attr,
  };
}

/** Works on an inode by one of its names: a hard link that was removed behind our back is struck off, the next is tried. */
export function byName<T>(
  session: ClientState,
  inode: Inode,
  work: (at: Locator) => Awaitable<T>,
): Awaitable<T> {
  const retry = (error: unknown): Awaitable<T> => {
    if (isGone(error) && session.inodes.disprove(inode)) return byName(session, inode, work);
    throw error;
  };
  try {
    const result = work(session.inodes.locate(inode));
    return result instanceof Promise ? result.catch(retry) : result;
  } catch (error) {
    return retry(error);
  }
}

/**
 * Works on an inode: by name, or through an open handle where it has no name any more, or somebody else has its name.
 * ESTALE where neither finds it.
 */
export function onInode<T>(
  session: ClientState,
  inode: Inode,
  named: (at: Locator) => Awaitable<T>,
  byHandle: (file: HostFile) => Awaitable<T>,
): Awaitable<T> {
  const retry = (error: unknown): Awaitable<T> => {
    if (!isGone(error)) throw error;
    const [handle] = session.handles.of(inode.nodeid);
    if (handle === undefined) throw new ErrnoError('ESTALE', error.message);
    return byHandle(handle.file);
  };
  try {
    const result = byName(session, inode, named);
    return result instanceof Promise ? result.catch(retry) : result;
  } catch (error) {
    return retry(error);
  }
}

/** Attributes of an inode, wherever it can be reached. */
export function statInode(
  session: ClientState,
  inode: Inode,
  context?: OperationContext,
): Awaitable<HostStat> {
  return onInode(
    session,
    inode,
    (at) => session.host.stat(at, context),
    (file) => file.stat(context),
  );
}

/** Claims what a lookup or a creation found, and gives its entry. */
export function claimed(
  session: ClientState,
  parent: Inode,
  name: Buffer,
  found: Awaitable<HostStat>,
): Awaitable<EntryOut> {
  return chain(found, (stat) => entryOf(session, parent, session.inodes.claim(parent, name, stat), stat));
}

/** A name in the directory changed: it is on the dirty list when that is done. */
export function dirtying<T>(session: ClientState, directory: Inode, done: Awaitable<T>): Awaitable<T> {
  return chain(done, (value) => {
    session.dirty.add(directory.identity.sb, directory.nodeid);
    return value;
  });
}
