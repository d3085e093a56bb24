import type { ClientCore } from '../client/state';
import { Slots } from '../client/session/slots';
import type { Disposable } from '../base/dispose';
import type { Fh, Mask, NodeId } from '../protocol/brand';
import { ErrnoError, Errno } from '../protocol/errno';
import type { RemotePath } from '../protocol/paths';
import { FrameError } from '../protocol/frame';
import { type Attr, InitOut, type Kstatfs, S_IFDIR, S_IFREG, UNIQUE_INTERRUPT } from '../protocol/fuse';
import {
  decodeHeader,
  decodeRequest,
  type Dialect,
  encodeReplyBody,
  NEWEST,
  type Request,
} from '../protocol/message';
import { changesHost, opByCode, type OpName, ops } from '../protocol/opcodes';
import { OpenFlag } from '../protocol/openFlags';
import { Ahead } from './ahead';
import { Call } from './call';
import { ContentAhead } from './contentAhead';
import { Echo } from './echo/echo';
import { Handles, type OpenDirectory, type OpenFile } from './handles';
import { versionOf } from '../protocol/attributes';
import { HostAccess, pathBelow } from './hostAccess';
import { type Ids, SAME_IDS } from './ids';
import { FuseDevice } from './kernel/device';
import { negotiate } from './negotiate';
import { type Fact, type Node, Nodes } from './nodes';
import { LOCK_WAITS_MAX } from './ops/locks';
import { mountHandlers } from './ops';
import { sameContent } from './ops/files';
import { WriteBehind } from './writeBehind';
import type { MountHandler } from './ops/types';

export interface MountOptions {
  /** The root's path on the host, without links, and who is there. */
  readonly root: { readonly path: RemotePath; readonly attr: Attr; readonly sb: Node['sb'] };
  /** The open /dev/fuse, not blocking. */
  readonly device: number;
  /** Where it is mounted. */
  readonly directory: string;
  /** Seconds a program waits for a link that is down; undefined: as long as it likes. */
  readonly timeoutS?: number | undefined;
  readonly ids?: Ids | undefined;
  /** How long what is written waits for more, in ms. */
  readonly gatherMs?: number | undefined;
  /** Nobody may change anything through it. */
  readonly readOnly?: boolean;
  /** Somebody here watches a directory of the host. */
  readonly watch: (path: RemotePath, mask: Mask) => Disposable;
  readonly log: (line: string) => void;
}

/** Inode numbers that no host gives. */
const TOMBSTONES = 1n << 62n;
/** While the link is down, requests that wait for too long are looked for so often, in ms. */
const TIMEOUT_CHECK_MS = 250;

/** One mount of this machine's kernel: requests in, answers out. */
export class Mount implements Disposable {
  readonly nodes: Nodes;
  readonly host: HostAccess;
  readonly handles = new Handles();
  readonly ids: Ids;
  readonly echo: Echo;
  readonly ahead: Ahead;
  readonly contentAhead: ContentAhead;
  readonly writeBehind: WriteBehind;
  /** How full the host's filesystems were, and when. */
  readonly space = new Map<Node['sb'], { readonly space: Kstatfs; readonly at: number }>();
  readonly lockWaits = new Slots(LOCK_WAITS_MAX);
  readonly device: FuseDevice;
  private dialect: Dialect = NEWEST;
  private readonly calls = new Map<bigint, Call>();
  private readonly unsureNames = new WeakMap<Node, Set<string>>();
  private readonly timeouts: NodeJS.Timeout | undefined;
  private agreed: (() => void) | undefined;
  private over = false;
  private tombstones = 0n;
  /** Resolves when the kernel has agreed to talk. */
  readonly ready: Promise<void>;
  /** Resolves when the mount is gone, with what went wrong if it did not go by itself. */
  readonly ended: Promise<string | undefined>;
  private settleEnded: (reason: string | undefined) => void = () => undefined;

  constructor(
    readonly core: ClientCore,
    readonly options: MountOptions,
  ) {
    const { root, device, timeoutS } = options;
    this.ids = options.ids ?? SAME_IDS;
    this.nodes = new Nodes(root.path, { ino: root.attr.ino, sb: root.sb }, (remote, lookups, epoch) => {
      if (epoch === core.epoch) core.forgets.add(remote, lookups);
    });
    this.host = new HostAccess(core, this.nodes, (node) => this.echo.dropAttributes(node));
    this.echo = new Echo(this);
    this.ahead = new Ahead(this);
    this.contentAhead = new ContentAhead(this);
    this.writeBehind = new WriteBehind(this, options.gatherMs);
    core.events.observer = (superblock, event, change) => this.echo.intake.take(superblock, event, change);
    this.ended = new Promise((resolve) => {
      this.settleEnded = resolve;
    });
    this.ready = new Promise((resolve) => {
      this.agreed = resolve;
    });
    this.device = new FuseDevice(device, {
      request: (frame) => this.receive(frame),
      ended: (errno) =>
        this.end(errno === undefined ? undefined : `reading ${options.directory} failed with errno ${errno}`),
      refused: (errno, frame) => this.refused(errno, frame),
    });
    if (timeoutS !== undefined) {
      this.timeouts = setInterval(() => this.checkTimeouts(timeoutS * 1000), TIMEOUT_CHECK_MS);
      this.timeouts.unref();
    }
  }

  /** The mount stands, as the superblock with this device number (of fdinfo): local watches of it are looked for from now on. */
  start(device: number): void {
    this.echo.start(device);
  }

  /** ESTALE for an id that is not known. */
  node(id: NodeId): Node {
    const node = this.nodes.get(id);
    if (node === undefined) throw new ErrnoError('ESTALE', `node ${id}`);
    return node;
  }

  file(fh: Fh): OpenFile {
    const file = this.handles.file(fh);
    if (file === undefined) throw new ErrnoError('EBADF', `handle ${fh}`);
    return file;
  }

  directory(fh: Fh): OpenDirectory {
    const directory = this.handles.directory(fh);
    if (directory === undefined) throw new ErrnoError('EBADF', `handle ${fh}`);
    return directory;
  }

  /** Where a name of a directory is on the host, in text form. */
  pathIn(parent: Node, key: string): RemotePath | undefined {
    const above = this.nodes.pathOf(parent);
    return above === undefined ? undefined : pathBelow(above, key);
  }

  /** Runs a change through this mount; what the host tells of the node meanwhile waits for it. */
  changing<T>(node: Node, work: () => Promise<T>): Promise<T> {
    const done = work();
    node.changing.add(done);
    const over = () => void node.changing.delete(done);
    done.then(over, over);
    return done;
  }

  /** A change through this mount left a node in this state. */
  changed(node: Node, attr: Attr): void {
    const version = versionOf(attr);
    this.nodes.wroteOwn(node, version);
    const fact = this.host.settled(this.nodes.pathOf(node));
    node.attr = { ...fact, value: attr };
    node.seen = attr;
    this.space.delete(node.sb);
    // The kernel has what was written.
    if (node.pages !== undefined) node.pages = version;
  }

  /** What was read ahead of a file is old. */
  nothingAhead(node: Node): void {
    for (const open of node.open) open.ahead = undefined;
    this.contentAhead.drop(node);
  }

  /** The file is about to lose a name: who has it open must not need one any more. */
  async pin(node: Node | undefined, call: Call): Promise<void> {
    for (const open of node?.open ?? []) {
      if (open.remote === undefined && !open.isEcho)
        await this.host.handleOf(open, call).catch(() => undefined);
    }
  }

  /** A reply tells of a node's attributes. Another content than the kernel's pages belong to makes it drop these. */
  learned(node: Node, attr: Attr, fact: Fact, wasChanging: boolean): void {
    this.host.learn(node, attr, fact);
    const version = versionOf(attr);
    const { pages } = node;
    if (pages === undefined || wasChanging || node.changing.size > 0 || sameContent(pages, version)) return;
    if (node.own.some((own) => sameContent(own.version, version))) return;
    node.pages = version;
    this.echo.dropPages(node);
  }

  /** Asks for the attributes of a node that a change of ours may have changed. */
  async refresh(node: Node): Promise<void> {
    const { attr } = await this.host.ask(node, 'GETATTR', { getattr_flags: 0, fh: 0n as Fh }, undefined);
    this.changed(node, attr);
  }

  /** A program gave a name to a node, or took it away. */
  ownName(parent: Node, key: string, node: Node | undefined): void {
    this.unsureNames.get(parent)?.delete(key);
    this.echo.ownName(parent, key, node);
  }

  /** Stands for something that nobody ever looked up, and that is gone. */
  tombstone(parent: Node, isDirectory: boolean): Node {
    const ino = TOMBSTONES + this.tombstones++;
    return this.nodes.add(isDirectory ? S_IFDIR : S_IFREG, ino, parent.sb, ino);
  }

  /** A listing tells a name, and not what it stands for. */
  unsure(node: Node, key: string): void {
    const names = this.unsureNames.get(node) ?? new Set<string>();
    this.unsureNames.set(node, names.add(key));
  }

  unsureOf(node: Node): Iterable<string> {
    return this.unsureNames.get(node) ?? [];
  }

  /** While the link is down the mount's own root is shown as it was, so that whoever unmounts it waits for nobody. */
  isLastResort(node: Node): boolean {
    return node === this.nodes.root && this.core.session.state !== 'connected';
  }

  /** The attributes to show where the host is not to be asked. */
  lastResort(call: Call, node: Node): { readonly attr: Attr; readonly ms: number } | undefined {
    if (this.echo.isEcho(call)) return { attr: this.echo.attrOf(node), ms: 0 };
    if (!this.isLastResort(node)) return undefined;
    return { attr: node.attr?.value ?? this.options.root.attr, ms: 0 };
  }

  /** Ends the mount for the kernel: whoever waits gets an error. */
  dispose(): void {
    this.end(undefined);
  }

  private end(reason: string | undefined): void {
    if (this.over) return;
    this.over = true;
    clearInterval(this.timeouts);
    this.core.events.observer = undefined;
    for (const call of this.calls.values()) call.interrupt();
    this.echo.dispose();
    this.device.dispose();
    for (const node of this.nodes.all()) this.nodes.unbind(node);
    this.settleEnded(reason);
  }

  private checkTimeouts(afterMs: number): void {
    if (this.core.session.state === 'connected') return;
    const now = performance.now();
    for (const call of this.calls.values()) if (now - call.since > afterMs) call.timeOut();
  }

  private refused(errno: number, frame: Buffer): void {
    this.options.log(`the kernel refused an answer (errno ${errno}): ${frame.toString('hex', 0, 128)}`);
  }

  private receive(frame: Buffer): void {
    const header = decodeHeader(frame);
    try {
      const request = decodeRequest(frame, header, this.dialect);
      this.perform(request);
    } catch (error) {
      if (error instanceof FrameError) throw error;
      const op = opByCode(header.opcode);
      if (op === undefined || ops[op].out !== 'none') this.device.reply(header.unique, -errnoFor(error));
    }
  }

  private perform(request: Request): void {
    const { header, op } = request;
    if (op === 'INIT') {
      this.init(request as Request<'INIT'>);
      return;
    }
    if (op === 'INTERRUPT') {
      this.calls.get((request as Request<'INTERRUPT'>).in.unique & ~UNIQUE_INTERRUPT)?.interrupt();
      return;
    }
    const handler = mountHandlers[op] as MountHandler<OpName> | undefined;
    if (handler === undefined) throw new ErrnoError('ENOSYS', op);
    const call = new Call(header);
    if (this.options.readOnly && changesMount(request) && !this.echo.isEcho(call)) {
      throw new ErrnoError('EROFS', op);
    }
    if (ops[op].out === 'none') {
      void handler(this, request, call);
      return;
    }
    let result: unknown;
    try {
      result = handler(this, request, call);
    } catch (error) {
      this.fail(call, request, error);
      return;
    }
    if (!(result instanceof Promise)) {
      this.succeed(call, request, result);
      return;
    }
    this.calls.set(header.unique, call);
    const over = () => this.calls.delete(header.unique);
    result.then(
      (value) => {
        over();
        this.succeed(call, request, value);
      },
      (error) => {
        over();
        this.fail(call, request, error);
      },
    );
  }

  private init(request: Request<'INIT'>): void {
    const { reply, dialect } = negotiate(request.in);
    this.dialect = dialect;
    this.device.reply(request.header.unique, 0, InitOut.encode(reply));
    this.agreed?.();
  }

  private succeed(call: Call, request: Request, value: unknown): void {
    try {
      this.device.reply(call.unique, 0, encodeReplyBody(request.op, value as never, this.dialect));
    } catch (error) {
      this.fail(call, request, error);
    }
  }

  private fail(call: Call, request: Request, error: unknown): void {
    if (!(error instanceof ErrnoError)) {
      const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.options.log(`${request.op}: ${words}`);
    }
    this.device.reply(call.unique, -call.errnoOf(error));
  }
}

function errnoFor(error: unknown): number {
  return error instanceof ErrnoError ? error.errno : Errno.EIO;
}

/** What a mount that is for reading only refuses. */
function changesMount(request: Request): boolean {
  if (request.op === 'TMPFILE') return true;
  if (request.op !== 'OPEN') return changesHost(request.op);
  const { flags } = (request as Request<'OPEN'>).in;
  return (flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY || (flags & OpenFlag.TRUNC) !== 0;
}
