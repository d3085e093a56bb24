import type { OpName, OutOf } from '../../protocol/opcodes';
import type { Dialect, Request } from '../../protocol/message';
import type { Awaitable, HostFile, HostFs, HostStat, OperationContext } from '../host/hostFs';
import type { Inode, InodeTable } from '../host/inodeTable';
import type { LockTable } from '../host/lockTable';
import type { HandleTable } from '../host/handleTable';
import type { DirtyList } from '../host/dirtyList';
import type { ReadBuffer } from '../ops/readBuffer';
import type { SessionProcesses } from '../processes/sessionProcesses';

/** What INIT agreed on with one client. */
export interface Agreement {
  readonly dialect: Dialect;
  /** InitFlag bits in force. */
  readonly flags: bigint;
  /** Feature bits in force; 0 for a plain FUSE client (the kernel). */
  readonly features: number;
  readonly maxWrite: number;
  readonly maxFrame: number;
}

/** The state of one client that operations work on. It outlives the channel where the client can resume. */
export interface ClientState {
  readonly agreement: Agreement;
  readonly host: HostFs;
  readonly inodes: InodeTable;
  readonly handles: HandleTable;
  readonly locks: LockTable;
  readonly readBuffer: ReadBuffer;
  /** The inodes this session made dirty, per superblock. */
  readonly dirty: DirtyList;
  /** What it runs on the host; undefined where nothing can be run. */
  readonly processes?: SessionProcesses | undefined;
  /** New files belong to the request's uid and gid (the agent is root and the client is a kernel that vouches for them). */
  readonly asCaller: boolean;
  /** What the modes of new files lose: the umask of the user whom our own client works as. */
  readonly umask: number;
  /** Seconds the client may believe names and attributes without asking again. */
  readonly validity: bigint;
  /** The client makes a superblock of its own where the mount changes (FUSE_SUBMOUNTS, or our own client). */
  readonly announcesSubmounts: boolean;
  /** The st_ino the client sees: unique over all mounts for one that knows only a single superblock. */
  inodeNumber(stat: Pick<HostStat, 'sb' | 'ino'>): bigint;
  /** An unnamed file (or its substitute) for a save in a directory, to be committed by REPLACE. */
  stage(
    directory: Inode,
    flags: number,
    context: OperationContext,
  ): Awaitable<{ file: HostFile; stat: HostStat }>;
  /** A long operation reports how far it is. */
  progress(request: Request, done: number, total: number): void;
  /** Sends a notification; it is lost while there is no channel. */
  notify(code: number, body: Buffer): void;
  /** The channel has so much to send that who streams should wait: other answers go behind it. */
  readonly isBusy: boolean;
}

/**
 * Carries out one operation. The value is the reply's body; an ErrnoError its error. What can be answered at once is
 * returned at once, so that a reply needs no turn of the event loop.
 */
export type Handler<K extends OpName> = (
  session: ClientState,
  request: Request<K>,
  context: OperationContext,
) => Awaitable<OutOf<K>>;

export type Handlers = { readonly [K in OpName]?: Handler<K> };
