import type { NodeId, SuperblockId } from '../../protocol/brand';
import type { ClientCore } from '../core';
import { DATA_DEADLINE_MS } from '../session';

/**
 * Writes what this session made dirty to the host's disk: on the path's superblock, or on all where it saved. Not what
 * other programs made dirty. (SYNCFS, the agent's dirty list)
 */
export async function sync(core: ClientCore, path?: string): Promise<void> {
  if (path !== undefined) {
    const { inode } = await core.lookup(path, true);
    await syncfs(core, inode.nodeid);
    core.dirtied.delete(core.superblocks.covering(path).id);
    return;
  }
  const dirty = new Map<SuperblockId, NodeId>(core.dirtied);
  await Promise.all(
    [...dirty].map(async ([sb, nodeid]) => {
      await syncfs(core, nodeid);
      if (core.dirtied.get(sb) === nodeid) core.dirtied.delete(sb);
    }),
  );
}

async function syncfs(core: ClientCore, nodeid: NodeId): Promise<void> {
  await core.session.request('SYNCFS', nodeid, {}, { deadlineMs: DATA_DEADLINE_MS });
}
