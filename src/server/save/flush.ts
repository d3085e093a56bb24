import type { SuperblockId } from '../../protocol/brand';
import { S_IFLNK } from '../../protocol/fuse';
import type { Dirty } from '../dirtyList';
import type { SessionState } from '../handler';
import type { HostFile, OperationContext } from '../hostFs';
import type { Inode } from '../inodeTable';
import { OpenFlag } from '../ops/openFlags';
import { isErrno, isGone, isUnsupported } from './hostErrors';

/** Files flushed at a time: enough for a disk to put their writes in order, few enough to leave threads to others. */
const AT_ONCE = 4;

/**
 * Puts inodes of the dirty list on disk, in two passes: the first starts all writes, the second waits for them, so that
 * the disk has them all to order at once. The list keeps what failed. Files are open only for their turn. Stops early
 * when the signal says so; what is not done stays dirty.
 */
export async function flush(
  session: SessionState,
  sb: SuperblockId,
  nodes: readonly Readonly<Dirty>[],
  signal?: AbortSignal,
): Promise<void> {
  if (nodes.length > 1) {
    await eachOf(nodes, signal, async (dirty) => {
      try {
        await withFile(session, dirty, (file) => file.startWriteback());
      } catch {
        // Only a start: the second pass meets the same error, and tells of it.
      }
    });
  }
  await eachOf(nodes, signal, async (dirty) => {
    try {
      await withFile(session, dirty, (file) => file.sync(false));
      session.dirty.flushed(sb, dirty.nodeid, dirty.writes);
    } catch (error) {
      if (isUnsupported(error)) {
        session.dirty.flushed(sb, dirty.nodeid, dirty.writes);
        return;
      }
      // The kernel holds the pages for clean now and would not fail again: the error is all that is left of them.
      session.dirty.failed(sb, error);
      session.dirty.remove(sb, dirty.nodeid);
    }
  });
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
  session: SessionState,
  { nodeid }: Dirty,
  work: (file: HostFile) => Promise<void> | void,
): Promise<void> {
  for (const handle of session.handles.of(nodeid)) return work(handle.file);
  let file: HostFile;
  try {
    const inode = session.inodes.get(nodeid);
    if (inode.type === S_IFLNK) return;
    file = await opened(session, inode);
  } catch (error) {
    if (isGone(error) || isErrno(error, 'ENOTDIR')) return;
    throw error;
  }
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

async function opened({ host, inodes }: SessionState, inode: Inode): Promise<HostFile> {
  const at = inodes.locate(inode);
  const context: OperationContext = {};
  const flags = OpenFlag.NOFOLLOW | OpenFlag.NONBLOCK;
  try {
    return await host.open(at, flags | OpenFlag.RDONLY, context);
  } catch (error) {
    // Ours to write and not to read.
    if (!isErrno(error, 'EACCES')) throw error;
    return host.open(at, flags | OpenFlag.WRONLY, context);
  }
}
