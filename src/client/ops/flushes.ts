import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';
import type { NodeId, SuperblockId } from '../../protocol/brand';
import { ErrnoError, isStale } from '../../protocol/errno';
import type { RemotePath } from '../../protocol/paths';
import { DATA_DEADLINE_MS } from '../session/options';
import type { Session } from '../session/session';
import type { SuperblockTable } from '../superblocks/superblockTable';
import type { Lookup } from '../tree/lookup';

/** A pause in saving this long is quiet, in ms. (Durability 'syncfs': written when idle) */
const QUIET_MS = 1000;
/** A failed flush is tried again after this time: the link may be down, or the disk full. In ms. */
const AGAIN_MS = 10_000;

/** What flushing needs. */
export interface FlushParts {
  readonly session: Pick<Session, 'request' | 'state'>;
  readonly superblocks: Pick<SuperblockTable, 'get'>;
  readonly paths: Pick<Lookup, 'find'>;
  readonly clock: Clock;
  /** What is changed is to be flushed once that has paused. */
  readonly isQuiet: () => boolean;
  /** Takes what the disk did not take of what was acknowledged. */
  readonly failed: (error: unknown) => void;
}

/**
 * What this session made dirty on the host, and how it comes to its disk: when somebody asks (`sync`), or by itself once saving
 * has paused. (SYNCFS, the agent's dirty list)
 */
export class Flushes implements Disposable {
  /** Superblocks this session changed since their last SYNCFS, with a node of each. */
  private readonly dirtied = new Map<SuperblockId, NodeId>();
  private quiet: Disposable | undefined;

  constructor(private readonly parts: FlushParts) {}

  /** A node was written to, or names in it were changed. */
  dirty(sb: SuperblockId, nodeid: NodeId): void {
    this.dirtied.set(sb, nodeid);
    if (this.parts.isQuiet()) this.after(QUIET_MS);
  }

  /**
   * Writes what this session made dirty to the host's disk: on the path's superblock, or on all where it saved. Not what
   * other programs made dirty.
   */
  async sync(path?: RemotePath): Promise<void> {
    if (path !== undefined) {
      const { inode } = await this.parts.paths.find(path, true);
      return this.flush(inode.sb, inode.nodeid);
    }
    await Promise.all([...this.dirtied].map(([sb, nodeid]) => this.flush(sb, nodeid)));
  }

  dispose(): void {
    this.quiet?.dispose();
  }

  private async flush(sb: SuperblockId, nodeid: NodeId): Promise<void> {
    // First, for what is written from here on may not be in it.
    this.dirtied.delete(sb);
    try {
      await this.syncfs(nodeid);
    } catch (error) {
      try {
        if (!isStale(error)) throw error;
        await this.flushByMount(sb);
      } catch (failure) {
        if (!this.dirtied.has(sb)) this.dirtied.set(sb, nodeid);
        throw failure;
      }
    }
  }

  /** The node is gone, and with it nothing else that was written there. An unmounted filesystem has been flushed. */
  private async flushByMount(sb: SuperblockId): Promise<void> {
    const superblock = this.parts.superblocks.get(sb);
    if (superblock === undefined) return;
    const { inode } = await this.parts.paths.find(superblock.mountpoint, true);
    if (inode.sb === sb) await this.syncfs(inode.nodeid);
  }

  private async syncfs(nodeid: NodeId): Promise<void> {
    await this.parts.session.request('SYNCFS', nodeid, {}, { deadlineMs: DATA_DEADLINE_MS });
  }

  private after(ms: number): void {
    this.quiet?.dispose();
    this.quiet = this.parts.clock.after(ms, () => {
      this.sync().catch((error: unknown) => {
        if (this.parts.session.state === 'closed') return;
        // The agent answers an error of the disk once, and does not keep what it was about.
        if (!isOfTheLink(error)) this.parts.failed(error);
        this.after(AGAIN_MS);
      });
    });
  }
}

/** The host could not be asked, or has not answered: its dirty list is as it was. */
function isOfTheLink(error: unknown): boolean {
  return error instanceof ErrnoError && (error.code === 'ENOTCONN' || error.code === 'ETIMEDOUT');
}
