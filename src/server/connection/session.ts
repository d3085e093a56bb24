import type { Unique } from '../../protocol/brand';
import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import { decodeMarks } from '../../protocol/marks';
import { InitFlag } from '../../protocol/fuse';
import { Feature, FEATURE_KERNEL, UPDATE_RESET } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import type { Cursors } from '../../protocol/resume';
import type { OpName } from '../../protocol/opcodes';
import type { FrameChannel } from './channel';
import { runCompound } from '../ops/compound';
import { DirtyList } from '../host/dirtyList';
import { HandleTable } from '../host/handleTable';
import { InodeNumbers } from '../host/inodeNumbers';
import { LockTable } from '../host/lockTable';
import { follow } from '../ops/follow';
import { followingMoves } from '../ops/moved';
import { Dispatcher } from './dispatcher';
import type { Agreement, Handler, Handlers, ClientState } from './handler';
import type { Awaitable, HostFile, HostFs, HostStat, OperationContext } from '../host/hostFs';
import { type Inode, InodeTable } from '../host/inodeTable';
import type { ProcessService } from '../processes/processService';
import type { SessionProcesses } from '../processes/sessionProcesses';
import { ServedTree } from '../host/servedTree';
import { Notifications } from './notifications';
import { asDone, publishedBy } from './publish';
import { ReadBuffer } from '../ops/readBuffer';
import type { Interruption } from './requests';
import { flush } from '../save/flush';
import { listTrees } from '../ops/listTrees';
import { walk } from '../ops/walk';
import type { WatchService, WatchSession } from '../watch/contract';

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
export class FuseSession implements ClientState, Disposable {
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
  private readonly numbers: InodeNumbers;
  private readonly dispatcher: Dispatcher;
  private readonly notifications: Notifications;
  private readonly handlers: Handlers;
  private readonly served: ServedTree;

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
    this.numbers = new InodeNumbers(this.announcesSubmounts ? undefined : this.inodes.root.identity.sb);
    const performer = {
      perform: (request: Request, interruption: Interruption) => this.perform(request, interruption),
      performSilently: (request: Request) => this.performSilently(request),
    };
    this.dispatcher = new Dispatcher(agreement, performer, environment.log);
    this.notifications = new Notifications(agreement.features, this.served);
    if (agreement.features & Feature.FSNOTIFY) this.watch = environment.watches?.open();
    if (agreement.features & Feature.PROCESS)
      this.processes = environment.processes?.open(this.notifications);
  }

  /** The newest channel takes the notifications, with what was missed behind the cursors first. */
  attach(channel: FrameChannel, cursors: Cursors): void {
    this.notifications.channel = channel;
    for (const mount of this.environment.watches?.superblocks() ?? []) this.notifications.mount(mount);
    this.watch?.attach(this.notifications, cursors);
  }

  /** The channel is gone. Requests under way go on; their replies wait in the cache. */
  detach(channel: FrameChannel): void {
    if (this.notifications.channel !== channel) return;
    this.notifications.channel = undefined;
    this.watch?.detach();
  }

  get attached(): boolean {
    return this.notifications.channel !== undefined;
  }

  /** The channel takes more: output of processes waits until then, so that it is never far ahead of the link. */
  writable(channel: FrameChannel): void {
    if (this.notifications.channel === channel) this.processes?.writable();
  }

  /** Nobody came back in time: what could be adopted by another session is not either. */
  endProcesses(): void {
    if (this.processes !== undefined) this.environment.processes?.endAll(this.processes);
  }

  drained(channel: FrameChannel): void {
    if (this.notifications.channel === channel && this.watch !== undefined)
      this.environment.watches?.drained(this.watch);
  }

  /** Takes one request frame from any of the session's channels; see Dispatcher. */
  receive(channel: FrameChannel, frame: Buffer): boolean {
    return this.dispatcher.receive(channel, frame);
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

  private performSilently(request: Request): void {
    const handler = this.handlers[request.op] as Handler<OpName> | undefined;
    void handler?.(this, request, {});
  }

  inodeNumber(stat: Pick<HostStat, 'sb' | 'ino'>): bigint {
    return this.numbers.of(stat);
  }

  stage(directory: Inode, flags: number, context: OperationContext): ReturnType<Stage> {
    return this.environment.stage(this, directory, flags, context);
  }

  progress(request: Request, done: number, total: number): void {
    this.notifications.progress(request.header.unique as Unique, done, total);
  }

  notify(code: number, body: Buffer): void {
    this.notifications.notify(code, body);
  }

  get isBusy(): boolean {
    return this.notifications.isBusy;
  }

  /** The client is gone for good: everything it held is given back. */
  dispose(): void {
    this.dispatcher.abortAll();
    this.watch?.dispose();
    this.processes?.dispose();
    this.notifications.channel = undefined;
    void this.locks.closeAll();
    void this.handles.closeAll();
  }
}
