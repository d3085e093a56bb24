import type { RemotePath } from '../../protocol/paths';
import type { NodeId, SuperblockId } from '../../protocol/brand';
import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import { type ClientCore, isStale } from '../state';
import { DATA_DEADLINE_MS } from '../session/options';

/**
 * Writes what this session made dirty to the host's disk: on the path's superblock, or on all where it saved. Not what
 * other programs made dirty. (SYNCFS, the agent's dirty list)
 */
export async function sync(core: ClientCore, path?: RemotePath): Promise<void> {
  if (path !== undefined) {
    const { inode } = await core.lookup(path, true);
    return flush(core, inode.sb, inode.nodeid);
  }
  await Promise.all([...core.dirtied].map(([sb, nodeid]) => flush(core, sb, nodeid)));
}

async function flush(core: ClientCore, sb: SuperblockId, nodeid: NodeId): Promise<void> {
  // First, for what is written from here on may not be in it.
  core.dirtied.delete(sb);
  try {
    await syncfs(core, nodeid);
  } catch (error) {
    try {
      if (!isStale(error)) throw error;
      await flushByMount(core, sb);
    } catch (failure) {
      if (!core.dirtied.has(sb)) core.dirtied.set(sb, nodeid);
      throw failure;
    }
  }
}

/** The node is gone, and with it nothing else that was written there. An unmounted filesystem has been flushed. */
async function flushByMount(core: ClientCore, sb: SuperblockId): Promise<void> {
  const superblock = core.superblocks.get(sb);
  if (superblock === undefined) return;
  const { inode } = await core.lookup(superblock.mountpoint, true);
  if (inode.sb === sb) await syncfs(core, inode.nodeid);
}

async function syncfs(core: ClientCore, nodeid: NodeId): Promise<void> {
  await core.session.request('SYNCFS', nodeid, {}, { deadlineMs: DATA_DEADLINE_MS });
}

/** A pause in saving this long is quiet, in ms. (Durability 'syncfs': written when idle) */
const QUIET_MS = 1000;
/** A failed flush is tried again after this time: the link may be down, or the disk full. In ms. */
const AGAIN_MS = 10_000;

/** Flushes what was changed once that has paused. */
export class QuietSync implements Disposable {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly core: ClientCore) {}

  /** Something was changed. */
  changed(): void {
    if (this.core.durability === 'syncfs') this.after(QUIET_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private after(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      sync(this.core).catch((error: unknown) => {
        if (this.core.session.state === 'closed') return;
        // The agent answers an error of the disk once, and does not keep what it was about.
        if (!isOfTheLink(error)) this.core.flushFailed(error);
        this.after(AGAIN_MS);
      });
    }, ms);
  }
}

/** The host could not be asked, or has not answered: its dirty list is as it was. */
function isOfTheLink(error: unknown): boolean {
  return error instanceof ErrnoError && (error.code === 'ENOTCONN' || error.code === 'ETIMEDOUT');
}
