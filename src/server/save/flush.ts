import type { SuperblockId } from '../../protocol/brand';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../protocol/fuse';
import type { Dirty } from '../host/dirtyList';
import type { ClientState } from '../connection/handler';
import type { Awaitable, HostFile, HostFs, Locator } from '../host/hostFs';
import { childPath } from '../host/hostPath';
import { OpenFlag } from '../ops/openFlags';
import { TimeSlice } from '../timeSlice';
import { isErrno, isGone, isUnsupported } from '../host/hostErrors';

/** Files flushed at a time: enough for a disk to put their writes in order, few enough to leave threads to others. */
const AT_ONCE = 4;

/**
 * Puts inodes of the dirty list on disk, in two passes: the first starts all writes, the second waits for them, so that
 * the disk has them all to order at once. The list keeps what failed. Files are open only for their turn. Stops early
 * when the signal says so; what is not done stays dirty.
 */
export async function flush(
  session: ClientState,
  sb: SuperblockId,
  nodes: readonly Readonly<Dirty>[],
  signal?: AbortSignal,
): Promise<void> {
  if (nodes.length > 1) {
    await eachOf(nodes, signal, async (dirty) => {
      try {
        await withFile(session, dirty, (file) => file.startWriteback());
      } catch {
        // Only a start: the second pass meets the same error, and reports it.
      }
    });
  }
  await eachOf(nodes, signal, async (dirty) => {
    try {
      if (dirty.isTree) await syncTree(session, dirty);
      await withFile(session, dirty, (file) => file.sync(false));
      session.dirty.flushed(sb, dirty.nodeid, dirty.writes);
    } catch (error) {
      if (isUnsupported(error) || isGone(error)) {
        session.dirty.flushed(sb, dirty.nodeid, dirty.writes);
        return;
      }
      // The kernel holds the pages for clean now and would not fail again: the error is all that is left of them.
      session.dirty.failed(sb, error);
      session.dirty.remove(sb, dirty.nodeid);
    }
  });
}

/** Puts what is below a directory on disk; its files and directories are looked up as they are now. */
async function syncTree(session: ClientState, { nodeid }: Dirty): Promise<void> {
  const { host, inodes } = session;
  const inode = inodes.get(nodeid);
  if (inode.type !== S_IFDIR) return;
  const slice = new TimeSlice(undefined);
  const below = async (directory: Locator): Promise<void> => {
    const open = await host.open(directory, OpenFlag.DIRECTORY | OpenFlag.NOFOLLOW);
    try {
      for (const { name } of await open.list()) {
        await slice.step();
        await syncEntry(directory, name);
      }
      await open.sync(false);
    } finally {
      await open.close();
    }
  };
  const syncEntry = async (directory: Locator, name: Buffer): Promise<void> => {
    try {
      const stat = await host.lookup(directory, name);
      const at: Locator = { path: childPath(directory.path, name), expect: stat };
      const type = stat.mode & S_IFMT;
      if (stat.sb !== inode.identity.sb) return;
      if (type === S_IFDIR) await below(at);
      else if (type === S_IFREG) await withOpened(host, at, (file) => file.sync(false));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  };
  await below(inodes.locate(inode));
}

async function eachOf<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) {
      if (signal?.aborted) return;
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** Works on a dirty inode: through a handle the client has open, else opened by its name. Gone: there is nothing to do. */
async function withFile(
  session: ClientState,
  { nodeid }: Dirty,
  work: (file: HostFile) => Awaitable<void>,
): Promise<void> {
  for (const handle of session.handles.of(nodeid)) return work(handle.file);
  try {
    const inode = session.inodes.get(nodeid);
    if (inode.type === S_IFLNK) return;
    await withOpened(session.host, session.inodes.locate(inode), work);
  } catch (error) {
    if (!isGone(error) && !isErrno(error, 'ENOTDIR')) throw error;
  }
}

async function withOpened(
  host: HostFs,
  at: Locator,
  work: (file: HostFile) => Awaitable<void>,
): Promise<void> {
  const file = await opened(host, at);
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

async function opened(host: HostFs, at: Locator): Promise<HostFile> {
  const flags = OpenFlag.NOFOLLOW | OpenFlag.NONBLOCK;
  try {
    return await host.open(at, flags | OpenFlag.RDONLY);
  } catch (error) {
    // Ours to write and not to read.
    if (!isErrno(error, 'EACCES')) throw error;
    return host.open(at, flags | OpenFlag.WRONLY);
  }
}
