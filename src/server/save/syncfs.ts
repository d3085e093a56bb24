import { ErrnoError } from '../../protocol/errno';
import type { Handler } from '../connection/handler';
import { flush } from './flush';

/**
 * SYNCFS: puts what this session made dirty on the superblock of the header's node on disk, and nothing of anybody
 * else. An error that a flush met since the last SYNCFS is answered once. (FUSE_SYNCFS; syncfs(2), but for one client)
 */
export const syncfs: Handler<'SYNCFS'> = async (session, request, { signal }) => {
  if (!session.dirty.tracks)
    throw new ErrnoError('ENOSYS', 'no list is kept of what this client makes dirty');
  const { sb } = session.inodes.get(request.header.nodeid).identity;
  await flush(session, sb, session.dirty.of(sb), signal);
  const error = session.dirty.takeError(sb);
  if (error !== undefined) throw error;
  if (signal?.aborted) throw new ErrnoError('EINTR', 'the client gave up');
  return undefined;
};
