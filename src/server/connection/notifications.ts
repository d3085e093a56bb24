import type { SuperblockId, Unique } from '../../protocol/brand';
import { encodeEvents, type FsEvent } from '../../protocol/events';
import { encodeNotifyFrame, encodeNotifyHeader } from '../../protocol/frame';
import { encodeFsError, type FsErrorRecord } from '../../protocol/fsError';
import { BATCH_REPLAY, Feature, ProgressOut } from '../../protocol/livemount';
import { encodeMount, type MountRecord } from '../../protocol/mountRecord';
import { Notify } from '../../protocol/opcodes';
import type { ServedTree } from '../host/servedTree';
import type { WatchSink } from '../watch/contract';
import type { FrameChannel } from './channel';

/** Unsent bytes up to which a stream goes on: a slow link needs some, and an answer should not wait behind more. */
const STREAMED_BYTES = 256 << 10;

/**
 * What a client gets unasked: events, mounts, errors of filesystems, how far an operation is, output of processes. It
 * goes over the channel that speaks for the session; while there is none it goes nowhere, and whoever sends knows that.
 */
export class Notifications implements WatchSink {
  /** The session's owner sets it; further channels of the session only carry requests. */
  channel: FrameChannel | undefined;

  constructor(
    private readonly features: number,
    private readonly served: ServedTree,
  ) {}

  /** Bytes that the link has not taken yet; undefined without a channel. */
  get unsent(): number | undefined {
    return this.channel?.unsent;
  }

  get isBusy(): boolean {
    return (this.unsent ?? 0) > STREAMED_BYTES;
  }

  /** `data` stands behind the body, and is not copied. */
  notify(code: number, body: Buffer, data?: Buffer): void {
    if (data === undefined) this.channel?.send(encodeNotifyFrame(code, body));
    else this.channel?.send(encodeNotifyHeader(code, body.length + data.length), body, data);
  }

  progress(unique: Unique, done: number, total: number): void {
    if (!(this.features & Feature.TREE)) return;
    this.notify(Notify.PROGRESS, ProgressOut.encode({ unique, done: BigInt(done), total: BigInt(total) }));
  }

  events(sb: SuperblockId, events: readonly FsEvent[], replay: boolean): boolean {
    if (this.channel === undefined) return false;
    this.notify(Notify.FSNOTIFY, encodeEvents({ sb, flags: replay ? BATCH_REPLAY : 0, events }));
    return !this.channel.full;
  }

  mount(record: MountRecord): void {
    if (!this.served.shows(record)) return;
    if (this.features & Feature.FSNOTIFY) this.notify(Notify.MOUNT, encodeMount(record));
  }

  fsError(record: FsErrorRecord): void {
    if (!this.served.isWhole) return;
    this.notify(Notify.FS_ERROR, encodeFsError(record));
  }
}
