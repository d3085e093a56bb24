/** What the server core asks of the watch path; implemented by server/watch over the backends of agent/watch. */
import type { SuperblockId } from '../../protocol/brand';
import type { FsEvent } from '../../protocol/events';
import type { FsErrorRecord } from '../../protocol/fsError';
import type { MarkUpdate } from '../../protocol/marks';
import type { MountRecord } from '../../protocol/mountRecord';
import type { Disposable } from '../../base/dispose';
import type { SbstatOut } from '../../protocol/livemount';
import type { Cursors } from '../../protocol/resume';

/** A change that a session made through the agent; reported to the other sessions that watch it. */
export interface Published {
  readonly kind: 'create' | 'modify' | 'attrib' | 'delete' | 'rename';
  readonly sb: SuperblockId;
  /** Absolute on the host. */
  readonly path: Buffer;
  /** The rename's new name. */
  readonly path2?: Buffer;
  readonly isDir: boolean;
}

/** One session's end of the watch path. Disposing it takes all its marks away. */
export interface WatchSession extends Disposable {
  /**
   * Changes (or, with `reset`, replaces) the session's marks on one superblock. Resolves when the host's watches are
   * set to the new aggregate, with the seq of the last event before that. EINVAL: a mask without an event;
   * ENODEV: no such superblock.
   */
  update(sb: SuperblockId, generation: bigint, marks: readonly MarkUpdate[], reset: boolean): Promise<bigint>;
  /** Tells the other sessions of a change made by this one. */
  publish(change: Published): void;
  /**
   * Starts sending to `sink`. After a resume the events behind the client's cursors are sent again first, with an
   * overflow for a superblock whose journal does not reach back so far.
   */
  attach(sink: WatchSink, cursors: Cursors): void;
  /** The channel is gone: events gather in the journal. */
  detach(): void;
}

/** Where events go. `events` returns false when the channel is full: the session stops and waits for `drained`. */
export interface WatchSink {
  events(sb: SuperblockId, events: readonly FsEvent[], replay: boolean): boolean;
  mount(record: MountRecord): void;
  fsError(record: FsErrorRecord): void;
}

export interface WatchService extends Disposable {
  open(): WatchSession;
  /** The channel of this session takes more again. */
  drained(session: WatchSession): void;
  /** All superblocks as records with their backend and its reason (MountAction.PRESENT). */
  superblocks(): readonly MountRecord[];
  stat(sb: SuperblockId): Omit<SbstatOut, 'dirty' | '_padding'>;
  /** The seq of the newest event. */
  readonly seq: bigint;
}
