import type { Fh, NodeId } from '../../protocol/brand';
import { ErrnoError, Errno } from '../../protocol/errno';
import { ForgetOne, GETATTR_FH } from '../../protocol/fuse';
import { splitNs } from '../../protocol/attributes';
import type { Handlers, ClientState } from '../connection/handler';
import { type Awaitable, chain, type HostStat, type OperationContext } from '../host/hostFs';
import type { Inode } from '../host/inodeTable';
import { attrOf, byName, claimed, entryOf, onInode, statInode } from './attributes';

/** NAME_MAX of every filesystem we serve. */
const NAME_MAX = 255;

const DOT = 0x2e;
const DOTDOT = Buffer.from('..');

/**
 * A name that an entry of a directory can have: "." and ".." are no such names, and would lead out of the served tree.
 * EINVAL, ENAMETOOLONG.
 */
export function checkedName(name: Buffer | undefined): Buffer {
  const checked = checkedNameOrDots(name);
  if (checked[0] === DOT && (checked.length === 1 || checked.equals(DOTDOT))) {
    throw new ErrnoError('EINVAL', 'a name that stands for a directory itself');
  }
  return checked;
}

function checkedNameOrDots(name: Buffer | undefined): Buffer {
  if (name === undefined || name.length === 0) throw new ErrnoError('EINVAL', 'an empty name');
  if (name.length > NAME_MAX) throw new ErrnoError('ENAMETOOLONG', `a name of ${name.length} bytes`);
  if (name.includes(0x2f) || name.includes(0))
    throw new ErrnoError('EINVAL', 'a name with a slash or a zero');
  return name;
}

/** LOOKUP of "." and ".." (FUSE_EXPORT_SUPPORT). */
function lookupDot(session: ClientState, inode: Inode): Awaitable<ReturnType<typeof entryOf>> {
  return chain(statInode(session, inode), (stat) => {
    inode.nlookup += 1n;
    return entryOf(session, inode, inode, stat);
  });
}

/** Of the open file if the request names a handle, else of the inode. */
function statOf(
  session: ClientState,
  nodeid: NodeId,
  { getattr_flags, fh }: { readonly getattr_flags: number; readonly fh: Fh },
  context: OperationContext,
): Awaitable<HostStat> {
  const inode = session.inodes.get(nodeid);
  return getattr_flags & GETATTR_FH
    ? session.handles.get(fh).file.stat(context)
    : statInode(session, inode, context);
}

export const lookupHandlers: Handlers = {
  LOOKUP(session, request, context) {
    const parent = session.inodes.get(request.header.nodeid);
    const name = checkedNameOrDots(request.names[0]);
    const text = name.length <= 2 ? name.toString('latin1') : '';
    if (text === '.') return lookupDot(session, parent);
    if (text === '..') {
      const above = session.inodes.parentOf(parent.nodeid);
      return lookupDot(session, above === undefined ? parent : session.inodes.get(above));
    }
    const missing = (error: unknown): never => {
      // Whoever had the name has it no more: its open handles go on, its nodeid is no longer found by it.
      if (error instanceof ErrnoError && error.errno === Errno.ENOENT) session.inodes.unlink(parent, name);
      throw error;
    };
    try {
      const found = claimed(
        session,
        parent,
        name,
        session.host.lookup(session.inodes.locate(parent), name, context),
      );
      return found instanceof Promise ? found.catch(missing) : found;
    } catch (error) {
      return missing(error);
    }
  },

  FORGET(session, request) {
    session.inodes.forget(request.header.nodeid, request.in.nlookup);
  },

  BATCH_FORGET(session, request) {
    const { count } = request.in;
    if (count * ForgetOne.size > request.data.length) {
      throw new ErrnoError('EINVAL', `BATCH_FORGET says ${count} and has ${request.data.length} bytes`);
    }
    for (let i = 0; i < count; i++) {
      const { nodeid, nlookup } = ForgetOne.read(request.data, i * ForgetOne.size);
      session.inodes.forget(nodeid, nlookup);
    }
  },

  GETATTR(session, request, context) {
    return chain(statOf(session, request.header.nodeid, request.in, context), (found) => ({
      attr_valid: session.validity,
      attr_valid_nsec: 0,
      attr: attrOf(session, found),
    }));
  },

  STATX(session, request, context) {
    return chain(statOf(session, request.header.nodeid, request.in, context), (found) => ({
      attr_valid: session.validity,
      attr_valid_nsec: 0,
      flags: 0,
      stat: statxOf(session, found),
    }));
  },

  ACCESS(session, request, context) {
    const inode = session.inodes.get(request.header.nodeid);
    const allowed = onInode(
      session,
      inode,
      (at) => session.host.access(at, request.in.mask, context),
      () => undefined,
    );
    return chain(allowed, () => undefined);
  },

  READLINK(session, request, context) {
    const inode = session.inodes.get(request.header.nodeid);
    return byName(session, inode, (at) => session.host.readlink(at, context));
  },

  STATFS(session, request, context) {
    const inode = session.inodes.get(request.header.nodeid);
    return byName(session, inode, (at) => session.host.statfs(at, context));
  },

  DESTROY() {
    return undefined;
  },
};

/** STATX_BASIC_STATS and STATX_BTIME (linux/stat.h). */
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;

function statxOf(session: ClientState, stat: HostStat) {
  const time = (ns: bigint) => {
    const { sec, nsec } = splitNs(ns);
    return { tv_sec: sec, tv_nsec: nsec };
  };
  return {
    mask: STATX_BASIC_STATS | (stat.btimeNs === undefined ? 0 : STATX_BTIME),
    blksize: stat.blksize,
    attributes: stat.attributes,
    nlink: stat.nlink,
    uid: stat.uid,
    gid: stat.gid,
    mode: stat.mode,
    ino: session.inodeNumber(stat),
    size: stat.size,
    blocks: stat.blocks,
    attributes_mask: 0n,
    atime: time(stat.atimeNs),
    btime: time(stat.btimeNs ?? 0n),
    ctime: time(stat.ctimeNs),
    mtime: time(stat.mtimeNs),
    rdev_major: stat.rdevMajor,
    rdev_minor: stat.rdevMinor,
    dev_major: stat.devMajor,
    dev_minor: stat.devMinor,
  };
}
