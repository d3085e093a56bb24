import { ErrnoError } from '../../protocol/errno';
import { FSYNC_FDATASYNC, OPEN_KILL_SUIDGID, WRITE_KILL_SUIDGID } from '../../protocol/fuse';
import { FEATURE_KERNEL } from '../../protocol/livemount';
import type { InOf } from '../../protocol/opcodes';
import type { Handlers, ClientState } from '../connection/handler';
import { chain, type Locator } from '../host/hostFs';
import { onInode } from './attributes';
import { OpenFlag } from './openFlags';
import { killSuidgid } from './setattr';

/**
 * The flags to open with on the host. Creation is an operation of its own, direct I/O would want the client's
 * alignment, and nothing may become our controlling terminal or follow a link.
 */
export function hostOpenFlags(flags: number): number {
  const { CREAT, EXCL, NOCTTY, DIRECT, NOFOLLOW } = OpenFlag;
  return (flags & ~(CREAT | EXCL | NOCTTY | DIRECT)) | NOFOLLOW;
}

/** COPY_FILE_RANGE can only say 32 bits of what it copied. */
const COPY_MAX_32 = 0x7ffff000n;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

async function copyRange(
  session: ClientState,
  range: InOf<'COPY_FILE_RANGE'>,
  most: bigint,
): Promise<bigint> {
  const source = session.handles.get(range.fh_in);
  const target = session.handles.get(range.fh_out);
  const length = range.len < most ? range.len : most;
  const copied = await source.file.copyRange(range.off_in, target.file, range.off_out, length);
  session.dirty.add(target.file.sb, target.nodeid);
  return copied;
}

/** Our own client means the file that has the name now; a kernel (also behind our client) the file itself. */
function meansNames({ agreement: { features } }: ClientState): boolean {
  return features !== 0 && !(features & FEATURE_KERNEL);
}

export const fileHandlers: Handlers = {
  async OPEN(session, request, context) {
    const inode = session.inodes.get(request.header.nodeid);
    const { flags, open_flags } = request.in;
    const wanted = hostOpenFlags(flags);
    const byName = (at: Locator) => session.host.open(at, wanted, context);
    const file = await onInode(session, inode, byName, (open) => {
      // A kernel has the file itself in its hands (/proc/PID/fd). Our own client meant a name, and has to look again.
      if (meansNames(session)) throw new ErrnoError('ESTALE', 'it has no name any more');
      return open.reopen(wanted, context);
    });
    if (flags & OpenFlag.TRUNC) {
      session.dirty.add(inode.identity.sb, inode.nodeid);
      if (open_flags & OPEN_KILL_SUIDGID) await killSuidgid(file);
    }
    const handle = session.handles.add(inode.nodeid, file, flags);
    return { fh: handle.fh, open_flags: 0, backing_id: 0 };
  },

  READ(session, request, context) {
    const { fh, offset, size } = request.in;
    if (size > session.agreement.maxWrite) throw new ErrnoError('EINVAL', `READ of ${size} bytes`);
    const { file } = session.handles.get(fh);
    const into = session.readBuffer.take(size);
    return chain(file.read(into, offset, context), (count) => session.readBuffer.filled(into, count));
  },

  WRITE(session, request, context) {
    const { fh, offset, size, write_flags } = request.in;
    if (size !== request.data.length) {
      throw new ErrnoError('EINVAL', `WRITE says ${size} bytes and has ${request.data.length}`);
    }
    const { file, nodeid } = session.handles.get(fh);
    return chain(file.write(request.data, offset, context), (written) => {
      session.dirty.add(file.sb, nodeid);
      const reply = { size: written };
      return write_flags & WRITE_KILL_SUIDGID ? killSuidgid(file).then(() => reply) : reply;
    });
  },

  async RELEASE(session, request) {
    await session.handles.remove(request.in.fh).file.close();
    return undefined;
  },

  /** Every close(2) of the client; the host's errors came with the WRITEs, so a kernel need not ask again. */
  FLUSH(session, request) {
    session.handles.get(request.in.fh);
    if (session.agreement.features === 0) throw new ErrnoError('ENOSYS', 'FLUSH');
    return undefined;
  },

  async FSYNC(session, request, context) {
    const { file, nodeid } = session.handles.get(request.in.fh);
    await file.sync((request.in.fsync_flags & FSYNC_FDATASYNC) !== 0, context);
    session.dirty.remove(file.sb, nodeid);
    return undefined;
  },

  async FALLOCATE(session, request) {
    const { fh, mode, offset, length } = request.in;
    const { file, nodeid } = session.handles.get(fh);
    await file.allocate(mode, offset, length);
    session.dirty.add(file.sb, nodeid);
    return undefined;
  },

  async LSEEK(session, request) {
    const { fh, offset, whence } = request.in;
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE)
      throw new ErrnoError('EINVAL', `LSEEK whence ${whence}`);
    return { offset: await session.handles.get(fh).file.seek(offset, whence) };
  },

  async COPY_FILE_RANGE(session, request) {
    return { size: Number(await copyRange(session, request.in, COPY_MAX_32)) };
  },

  async COPY_FILE_RANGE_64(session, request) {
    return { bytes_copied: await copyRange(session, request.in, request.in.len) };
  },
};
