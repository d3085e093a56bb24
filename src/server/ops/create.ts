import { ErrnoError } from '../../protocol/errno';
import { type CreateOut, InitFlag, S_IFDIR } from '../../protocol/fuse';
import { CREATE_STAGED, FEATURE_KERNEL, Feature } from '../../protocol/livemount';
import type { Handlers, ClientState } from '../connection/handler';
import type { HostFile, HostStat } from '../host/hostFs';
import type { Inode } from '../host/inodeTable';
import { claimed, decodeDevice, dirtying, entryOf, onInode } from './attributes';
import { hostOpenFlags } from './file';
import { checkedName } from './lookup';
import { OpenFlag } from './openFlags';

/**
 * The umask to apply. A kernel without DONT_MASK has applied its caller's already; our own client leaves it to the host,
 * where the user's is known, unless it passes on a kernel's requests.
 */
function umaskOf(session: ClientState, umask: number): number {
  const { features } = session.agreement;
  if (features & FEATURE_KERNEL) return umask;
  if (features !== 0) return session.umask;
  return session.agreement.flags & InitFlag.DONT_MASK ? umask : 0;
}

function created(
  session: ClientState,
  parent: Inode,
  inode: Inode,
  flags: number,
  made: { file: HostFile; stat: HostStat },
): CreateOut {
  const handle = session.handles.add(inode.nodeid, made.file, flags);
  return {
    entry: entryOf(session, parent, inode, made.stat),
    open: { fh: handle.fh, open_flags: 0, backing_id: 0 },
  };
}

export const createHandlers: Handlers = {
  MKNOD(session, request, context) {
    const parent = session.inodes.get(request.header.nodeid);
    const name = checkedName(request.names[0]);
    const { mode, rdev, umask } = request.in;
    const at = session.inodes.locate(parent);
    const stat = session.host.mknod(at, name, mode, decodeDevice(rdev), umaskOf(session, umask), context);
    return dirtying(session, parent, claimed(session, parent, name, stat));
  },

  MKDIR(session, request, context) {
    const parent = session.inodes.get(request.header.nodeid);
    const name = checkedName(request.names[0]);
    const { mode, umask } = request.in;
    const at = session.inodes.locate(parent);
    const stat = session.host.mkdir(at, name, mode, umaskOf(session, umask), context);
    return dirtying(session, parent, claimed(session, parent, name, stat));
  },

  SYMLINK(session, request, context) {
    const parent = session.inodes.get(request.header.nodeid);
    const name = checkedName(request.names[0]);
    const target = request.names[1] ?? Buffer.alloc(0);
    const stat = session.host.symlink(session.inodes.locate(parent), name, target, context);
    return dirtying(session, parent, claimed(session, parent, name, stat));
  },

  LINK(session, request, context) {
    const parent = session.inodes.get(request.header.nodeid);
    const inode = session.inodes.get(request.in.oldnodeid);
    const name = checkedName(request.names[0]);
    if (inode.type === S_IFDIR) throw new ErrnoError('EPERM', 'a hard link to a directory');
    const directory = session.inodes.locate(parent);
    const stat = onInode(
      session,
      inode,
      (at) => session.host.link(at, directory, name, context),
      async (file) => {
        await file.linkInto(directory, name);
        return file.stat();
      },
    );
    return dirtying(session, parent, claimed(session, parent, name, stat));
  },

  async CREATE(session, request, context) {
    const parent = session.inodes.get(request.header.nodeid);
    const name = checkedName(request.names[0]);
    const { flags, mode, umask } = request.in;
    const at = session.inodes.locate(parent);
    const made = await session.host.create(
      at,
      name,
      // Exclusive stays: only the host knows whether the name is taken.
      hostOpenFlags(flags) | (flags & OpenFlag.EXCL),
      mode,
      umaskOf(session, umask),
      context,
    );
    const inode = session.inodes.claim(parent, name, made.stat);
    session.dirty.add(inode.identity.sb, inode.nodeid);
    session.dirty.add(parent.identity.sb, parent.nodeid);
    return created(session, parent, inode, flags, made);
  },

  async TMPFILE(session, request, context) {
    const parent = session.inodes.get(request.header.nodeid);
    const { flags, mode, umask, open_flags } = request.in;
    const staged = (open_flags & CREATE_STAGED) !== 0 && (session.agreement.features & Feature.REPLACE) !== 0;
    const made = staged
      ? await session.stage(parent, flags, context)
      : await session.host.openUnnamed(
          session.inodes.locate(parent),
          hostOpenFlags(flags),
          mode & ~umaskOf(session, umask),
          context,
        );
    return created(session, parent, session.inodes.claimUnnamed(made.stat), flags, made);
  },
};
