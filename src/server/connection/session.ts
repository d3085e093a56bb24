import type { SuperblockId, Unique } from '../../protocol/brand';
import type { Disposable } from '../../base/dispose';
import { Errno, ErrnoError, errnoName, errnoOf } from '../../protocol/errno';
import { encodeNotifyFrame, encodeReplyFrame, encodeReplyHeader, FrameError } from '../../protocol/frame';
import { encodeEvents, type FsEvent } from '../../protocol/events';
import { encodeFsError, type FsErrorRecord } from '../../protocol/fsError';
import { decodeMarks } from '../../protocol/marks';
import { encodeMount, type MountRecord } from '../../protocol/mountRecord';
import { InitFlag, type InHeader, UNIQUE_RESEND } from '../../protocol/fuse';
import { FEATURE_KERNEL, BATCH_REPLAY, Feature, ProgressOut, UPDATE_RESET } from '../../protocol/livemount';
import { decodeHeader, decodeRequest, encodeReplyBody, type Request } from '../../protocol/message';
import type { Cursors } from '../../protocol/resume';
import { Notify, type OpName, opByCode, ops } from '../../protocol/opcodes';
import type { FrameChannel } from './channel';
import { runCompound } from '../ops/compound';
import { DirtyList } from '../host/dirtyList';
import { HandleTable } from '../host/handleTable';
import { LockTable } from '../host/lockTable';
import { follow } from '../ops/follow';
import { followingMoves } from '../ops/moved';
import type { Agreement, Handler, Handlers, ClientState } from './handler';
import type { Awaitable, HostFile, HostFs, HostStat, OperationContext } from '../host/hostFs';
import { type Inode, InodeTable } from '../host/inodeTable';
import type { ProcessService } from '../processes/processService';
import type { Outlet, SessionProcesses } from '../processes/sessionProcesses';
import { ServedTree } from '../host/servedTree';
import { asDone, publishedBy } from './publish';
import { ReadBuffer } from '../ops/readBuffer';
import { ReplyCache } from './replyCache';
import { type InFlight, Interruption, RequestTable } from './requests';
import { flush } from '../save/flush';
import { listTrees } from '../ops/listTrees';
import { walk } from '../ops/walk';
import type { WatchService, WatchSession, WatchSink } from '../watch/contract';

export interface SessionEnvironment {
  readonly host: HostFs;
  readonly root: Buffer;
  /** Files a client may have open at a time; undefined: as many as the host lets it. */
  readonly handlesMax?: number;
  readonly handlers: Handlers;
  readonly watches: WatchService | undefined;
  /** The agent may act for others: new files of a plain FUSE client (a kernel, which vouches for them) are its caller's. */
  readonly asCaller: boolean;
  /** What the modes of new files lose where the client leaves that to the host. */
  readonly umask: number;
  /** Seconds a plain FUSE client may believe names and attributes. Our own client has leases instead. */
  readonly validity: bigint;
  /** Makes the file that a save is written to before REPLACE commits it. */
  readonly stage: Stage;
  /** Starts processes; undefined: this server starts none. */
  readonly processes?: ProcessService | undefined;
  readonly log: (message: string) => void;
}

export type Stage = (
  session: ClientState,
  directory: Inode,
  flags: number,
  context: OperationContext,
) => Awaitable<{ file: HostFile; stat: HostStat }>;

/**
 * One client: what it has looked up, opened, marked and made dirty, and the requests it waits for. Frames come from
 * any of its channels; it goes on without one until it is disposed.
 */
export class FuseSession implements ClientState, WatchSink, Disposable {
  readonly inodes: InodeTable;
  readonly handles: HandleTable;
  readonly locks = new LockTable();
  readonly readBuffer = new ReadBuffer();
  readonly dirty: DirtyList;
  readonly host: HostFs;
  readonly asCaller: boolean;
  readonly watch: WatchSession | undefined;
  readonly processes: SessionProcesses | undefined;
  readonly umask: number;
  readonly validity: bigint;
  readonly announcesSubmounts: boolean;
  /** A number for each mount that a client of one superblock sees, in the order they were met. */
  private readonly mountNumbers = new Map<SuperblockId, bigint>();
  private readonly requests = new RequestTable();
  private readonly replies = new ReplyCache();
  private readonly handlers: Handlers;
  private readonly served: ServedTree;
  /** The channel that notifications go to; further channels only carry requests. */
  private channel: FrameChannel | undefined;

  constructor(
    readonly agreement: Agreement,
    private readonly environment: SessionEnvironment,
  ) {
    this.host = environment.host;
    this.asCaller = environment.asCaller && agreement.features === 0;
    this.inodes = new InodeTable(environment.root, environment.host);
    this.handles = new HandleTable(environment.handlesMax);
    this.served = new ServedTree(environment.root, environment.host.mounts);
    this.dirty = new DirtyList(this.inodes, agreement.features !== 0, (sb, nodes) => flush(this, sb, nodes));
    this.handlers = environment.handlers;
    this.umask = environment.umask;
    this.validity = agreement.features === 0 ? environment.validity : 0n;
    this.announcesSubmounts = agreement.features !== 0 || (agreement.flags & InitFlag.SUBMOUNTS) !== 0n;
    if (agreement.features & Feature.FSNOTIFY) this.watch = environment.watches?.open();
    if (agreement.features & Feature.PROCESS) this.processes = environment.processes?.open(this.outlet());
  }

  /** The newest channel takes the notifications, with what was missed behind the cursors first. */
  attach(channel: FrameChannel, cursors: Cursors): void {
    this.channel = channel;
    for (const mount of this.environment.watches?.superblocks() ?? []) this.mount(mount);
    this.watch?.attach(this, cursors);
  }

  /** The channel is gone. Requests under way go on; their replies wait in the cache. */
  detach(channel: FrameChannel): void {
    if (this.channel !== channel) return;
    this.channel = undefined;
    this.watch?.detach();
  }

  get attached(): boolean {
    return this.channel !== undefined;
  }

  /** The channel takes more: output of processes waits until then, so that it is never far ahead of the link. */
  writable(channel: FrameChannel): void {
    if (this.channel === channel) this.processes?.writable();
  }

  /** Nobody came back in time: what could be adopted by another session is not either. */
  endProcesses(): void {
    if (this.processes !== undefined) this.environment.processes?.endAll(this.processes);
  }

  drained(channel: FrameChannel): void {
    if (this.channel === channel && this.watch !== undefined) this.environment.watches?.drained(this.watch);
  }

  /**
   * Takes one request frame; gives whether nobody holds its memory any more. Throws FrameError for bytes that are no
   * request: the channel ends.
   */
  receive(channel: FrameChannel, frame: Buffer): boolean {
    const header = decodeHeader(frame);
    const unique = header.unique & ~UNIQUE_RESEND;
    if (header.unique & UNIQUE_RESEND && this.answerAgain(channel, header.unique, unique)) return false;
    let request: Request;
    try {
      request = decodeRequest(frame, header, this.agreement.dialect);
      if (this.requests.get(unique) !== undefined && ops[request.op].out !== 'none') {
        throw new FrameError(`unique ${unique} is used for two requests at once`);
      }
    } catch (error) {
      if (error instanceof FrameError) throw error;
      const op = opByCode(header.opcode);
      if (op === undefined || ops[op].out !== 'none')
        channel.send(encodeReplyFrame(header.unique, -errnoOf(error)));
      return false;
    }
    const answered = this.start(channel, request, header, frame.length);
    // Of what others carry, names stay in tables; what a WRITE carried is on the host.
    return answered && request.op === 'WRITE';
  }

  /** Answers a request that was sent again: from the cache, or when what is under way is done. */
  private answerAgain(channel: FrameChannel, resent: bigint, unique: bigint): boolean {
    const reply = this.replies.get(unique);
    if (reply !== undefined) {
      const again = Buffer.from(reply);
      again.writeBigUInt64LE(resent, 8);
      channel.send(again);
      return true;
    }
    const running = this.requests.get(unique);
    if (running === undefined) return false;
    running.replyTo = channel;
    running.replyUnique = resent;
    return true;
  }

  /** Begins a request; gives whether it is answered already. */
  private start(channel: FrameChannel, request: Request, header: InHeader, bytes: number): boolean {
    if (ops[request.op].out === 'none') {
      this.withoutReply(request);
      return true;
    }
    const unique = header.unique & ~UNIQUE_RESEND;
    const running: InFlight = {
      unique,
      interruption: new Interruption(),
      bytes,
      replyTo: channel,
      replyUnique: header.unique,
    };
    this.requests.add(running);
    try {
      const result = this.perform(request, running.interruption);
      if (result instanceof Promise) {
        result.then(
          (value) => this.succeed(running, request, value),
          (error) => this.fail(running, request, error),
        );
        return false;
      }
      this.succeed(running, request, result);
    } catch (error) {
      this.fail(running, request, error);
    }
    return true;
  }

  /** Carries out one request, also as a part of a COMPOUND; gives the reply's value. */
  private perform(request: Request, interruption: Interruption): unknown {
    switch (request.op) {
      case 'COMPOUND':
        this.need(Feature.COMPOUND);
        return runCompound(this, request as Request<'COMPOUND'>, (part) => this.perform(part, interruption));
      case 'WALK':
        this.need(Feature.WALK);
        return walk(this, request as Request<'WALK'>, this.handlers, interruption);
      case 'FOLLOW':
        this.need(Feature.WALK);
        return follow(this, request as Request<'FOLLOW'>, this.handlers, interruption);
      case 'LIST_TREES':
        this.need(FEATURE_KERNEL);
        return listTrees(this, request as Request<'LIST_TREES'>, this.handlers, interruption);
      case 'FSNOTIFY_UPDATE':
        this.need(Feature.FSNOTIFY);
        return this.updateMarks(request as Request<'FSNOTIFY_UPDATE'>);
      case 'SBSTAT':
        return this.superblockStat(request as Request<'SBSTAT'>);
    }
    const handler = this.handlers[request.op] as Handler<OpName> | undefined;
    if (handler === undefined) throw new ErrnoError('ENOSYS', request.op);
    const context = this.contextOf(request, interruption);
    const before = this.watch && publishedBy(this, request);
    const isOurClient = this.agreement.features !== 0;
    // Our own client means a path, and looks where it leads now.
    const result = isOurClient
      ? handler(this, request, context)
      : followingMoves(this, request, context, () => handler(this, request, context));
    if (before === undefined) return result;
    const publish = (value: unknown) => {
      for (const change of before) this.watch?.publish(asDone(change, request, value));
      return value;
    };
    return result instanceof Promise ? result.then(publish) : publish(result);
  }

  private contextOf(request: Request, interruption: Interruption): OperationContext {
    if (!this.asCaller) return interruption;
    const { uid, gid } = request.header;
    const credentials = { uid, gid, ...(request.groups && { groups: request.groups }) };
    return {
      get signal() {
        return interruption.signal;
      },
      credentials,
    };
  }

  private need(feature: number): void {
    if (!(this.agreement.features & feature)) throw new ErrnoError('ENOSYS');
  }

  private async updateMarks(
    request: Request<'FSNOTIFY_UPDATE'>,
  ): Promise<{ generation: bigint; seq: bigint }> {
    if (this.watch === undefined) throw new ErrnoError('ENOSYS', 'this agent watches nothing');
    const { sb, generation, count, flags } = request.in;
    const marks = decodeMarks(count, request.data);
    for (const { path } of marks) this.served.assertHolds(sb, path);
    const seq = await this.watch.update(sb, generation, marks, (flags & UPDATE_RESET) !== 0);
    return { generation, seq };
  }

  private superblockStat(request: Request<'SBSTAT'>): unknown {
    const { sb } = request.in;
    this.served.assertShows(sb);
    if (this.environment.watches === undefined) throw new ErrnoError('ENOSYS');
    return { ...this.environment.watches.stat(sb), dirty: BigInt(this.dirty.count(sb)) };
  }

  /** FORGET, BATCH_FORGET, INTERRUPT: done in the order they come, never behind anything. */
  private withoutReply(request: Request): void {
    try {
      if (request.op === 'INTERRUPT') {
        const { unique } = (request as Request<'INTERRUPT'>).in;
        this.requests.get(unique & ~UNIQUE_RESEND)?.interruption.abort();
        return;
      }
      const handler = this.handlers[request.op] as Handler<OpName> | undefined;
      void handler?.(this, request, {});
    } catch (error) {
      this.environment.log(`${request.op} ${request.header.nodeid}: ${describe(error)}`);
    }
  }

  private succeed(running: InFlight, request: Request, value: unknown): void {
    let body: Buffer | undefined;
    try {
      body = encodeReplyBody(request.op, value as never, this.agreement.dialect);
    } catch (error) {
      this.fail(running, request, error);
      return;
    }
    if (body !== undefined && body.length >= UNCOPIED && ops[request.op].repeatable) {
      this.requests.remove(running);
      running.replyTo.send(encodeReplyHeader(running.replyUnique, body.length), body);
      return;
    }
    this.finish(running, request, encodeReplyFrame(running.replyUnique, 0, body));
  }

  private fail(running: InFlight, request: Request, error: unknown): void {
    const errno = error instanceof DOMException && error.name === 'AbortError' ? Errno.EINTR : errnoOf(error);
    if (!(error instanceof ErrnoError)) {
      this.environment.log(
        `${request.op} ${request.header.nodeid}: ${describe(error)}, answered ${errnoName(errno)}`,
      );
    }
    this.finish(running, request, encodeReplyFrame(running.replyUnique, -errno));
  }

  private finish(running: InFlight, request: Request, frame: Buffer): void {
    this.requests.remove(running);
    if (this.agreement.features & Feature.RESUME && !ops[request.op].repeatable) {
      this.replies.put(running.unique, frame);
    }
    running.replyTo.send(frame);
  }

  inodeNumber(stat: Pick<HostStat, 'sb' | 'ino'>): bigint {
    if (this.announcesSubmounts || stat.sb === this.inodes.root.identity.sb) return stat.ino;
    let mount = this.mountNumbers.get(stat.sb);
    if (mount === undefined) {
      mount = BigInt(this.mountNumbers.size + 1);
      this.mountNumbers.set(stat.sb, mount);
    }
    return stat.ino ^ (mount << MOUNT_NUMBER_SHIFT);
  }

  stage(directory: Inode, flags: number, context: OperationContext): ReturnType<Stage> {
    return this.environment.stage(this, directory, flags, context);
  }

  progress(request: Request, done: number, total: number): void {
    if (!(this.agreement.features & Feature.TREE)) return;
    const unique = request.header.unique as Unique;
    this.notify(Notify.PROGRESS, ProgressOut.encode({ unique, done: BigInt(done), total: BigInt(total) }));
  }

  events(sb: SuperblockId, events: readonly FsEvent[], replay: boolean): boolean {
    if (this.channel === undefined) return false;
    this.notify(Notify.FSNOTIFY, encodeEvents({ sb, flags: replay ? BATCH_REPLAY : 0, events }));
    return !this.channel.full;
  }

  mount(record: MountRecord): void {
    if (!this.served.shows(record)) return;
    if (this.agreement.features & Feature.FSNOTIFY) this.notify(Notify.MOUNT, encodeMount(record));
  }

  fsError(record: FsErrorRecord): void {
    if (!this.served.isWhole) return;
    this.notify(Notify.FS_ERROR, encodeFsError(record));
  }

  private outlet(): Outlet {
    const unsent = () => this.channel?.unsent;
    return {
      get unsent() {
        return unsent();
      },
      notify: (code, body) => this.notify(code, body),
    };
  }

  tell(code: number, body: Buffer): void {
    this.notify(code, body);
  }

  get isBusy(): boolean {
    return (this.channel?.unsent ?? 0) > STREAMED_BYTES;
  }

  private notify(code: number, body: Buffer): void {
    this.channel?.send(encodeNotifyFrame(code, body));
  }

  /** The client is gone for good: everything it held is given back. */
  dispose(): void {
    this.requests.abortAll();
    this.watch?.dispose();
    this.processes?.dispose();
    this.channel = undefined;
    void this.locks.closeAll();
    void this.handles.closeAll();
  }
}

/** Unsent bytes up to which a stream goes on: a slow link needs some, and an answer should not wait behind more. */
const STREAMED_BYTES = 256 << 10;
/** Bytes of a reply's body from which two pieces cost less than a copy. */
const UNCOPIED = 32 << 10;

/** Inode numbers of real filesystems stay below 2^48 (overlay's xino aside); the bits above tell mounts apart. */
const MOUNT_NUMBER_SHIFT = 48n;

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
