import { Fattr, S_IFDIR, S_IFMT, S_IFREG, type SetattrIn } from '../../protocol/fuse';
import { timeNs } from '../../protocol/attributes';
import type { Handlers, ClientState } from '../connection/handler';
import type { HostFile, HostStat, OperationContext, SetTimes } from '../host/hostFs';
import type { Inode } from '../host/inodeTable';
import { attrOf, onInode, statInode } from './attributes';

const KEEP_ID = 0xffffffff;
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o010;

/**
 * The mode without set-user-id, and without set-group-id where it means execution (group-executable): what a write,
 * truncate or chown by an unprivileged caller leaves. (should_remove_suid, HANDLE_KILLPRIV_V2)
 */
function withoutSuidgid(mode: number): number {
  const kept = mode & ~S_ISUID;
  return mode & S_IXGRP ? kept & ~S_ISGID : kept;
}

/** Clears the set-id bits of an open file, where it has any that a write clears. */
export async function killSuidgid(file: HostFile): Promise<void> {
  const { mode } = await file.stat();
  const kept = withoutSuidgid(mode);
  if ((mode & S_IFMT) === S_IFREG && kept !== mode) await file.chmod(kept & 0o7777);
}

function timesOf(change: SetattrIn): SetTimes | undefined {
  const { valid } = change;
  if ((valid & (Fattr.ATIME | Fattr.MTIME)) === 0) return undefined;
  return {
    ...(valid & Fattr.ATIME && {
      atimeNs: valid & Fattr.ATIME_NOW ? 'now' : timeNs(change.atime, change.atimensec),
    }),
    ...(valid & Fattr.MTIME && {
      mtimeNs: valid & Fattr.MTIME_NOW ? 'now' : timeNs(change.mtime, change.mtimensec),
    }),
  };
}

/** One step of SETATTR, on the open file the request names, else on the inode wherever it can be reached. */
function apply(
  session: ClientState,
  inode: Inode,
  file: HostFile | undefined,
  byName: Parameters<typeof onInode<void>>[2],
  byHandle: Parameters<typeof onInode<void>>[3],
) {
  return file === undefined ? onInode(session, inode, byName, byHandle) : byHandle(file);
}

async function setattr(
  session: ClientState,
  inode: Inode,
  change: SetattrIn,
  context: OperationContext,
): Promise<HostStat> {
  const { host } = session;
  const { valid } = change;
  const file = valid & Fattr.FH ? session.handles.get(change.fh).file : undefined;
  // Owner before mode: chown(2) clears set-id bits, and the mode asked for is the one that must remain.
  if (valid & (Fattr.UID | Fattr.GID)) {
    const uid = valid & Fattr.UID ? change.uid : KEEP_ID;
    const gid = valid & Fattr.GID ? change.gid : KEEP_ID;
    await apply(
      session,
      inode,
      file,
      (at) => host.chown(at, uid, gid, context),
      (open) => open.chown(uid, gid),
    );
  }
  if (valid & Fattr.MODE) {
    const mode = change.mode & 0o7777;
    await apply(
      session,
      inode,
      file,
      (at) => host.chmod(at, mode, context),
      (open) => open.chmod(mode),
    );
  } else if (valid & Fattr.KILL_SUIDGID && inode.type !== S_IFDIR) {
    const { mode } = await statInode(session, inode, context);
    const kept = withoutSuidgid(mode);
    if (kept !== mode) {
      const bits = kept & 0o7777;
      await apply(
        session,
        inode,
        file,
        (at) => host.chmod(at, bits, context),
        (open) => open.chmod(bits),
      );
    }
  }
  if (valid & Fattr.SIZE) {
    const { size } = change;
    await apply(
      session,
      inode,
      file,
      (at) => host.truncate(at, size, context),
      (open) => open.truncate(size),
    );
    session.dirty.add(inode.identity.sb, inode.nodeid);
  }
  const times = timesOf(change);
  if (times !== undefined) {
    await apply(
      session,
      inode,
      file,
      (at) => host.setTimes(at, times, context),
      (open) => open.setTimes(times),
    );
  }
  return file === undefined ? statInode(session, inode, context) : file.stat(context);
}

export const setattrHandlers: Handlers = {
  async SETATTR(session, request, context) {
    const inode = session.inodes.get(request.header.nodeid);
    const stat = await setattr(session, inode, request.in, context);
    return { attr_valid: session.validity, attr_valid_nsec: 0, attr: attrOf(session, stat) };
  },
};
