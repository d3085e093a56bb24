import type { SuperblockId } from '../../protocol/brand';
import type { FileLock } from '../../protocol/fuse';
import type { MountRecord } from '../../protocol/mountRecord';

/** A value at once, or later: local filesystems answer synchronously, slow ones from a thread. */
export type Awaitable<T> = T | Promise<T>;

/**
 * Names an object of the host: its absolute path, as bytes, and who must be there. An implementation resolves the path
 * without following a symbolic link in it, and throws ErrnoError ESTALE where somebody else is found.
 */
export interface Locator {
  readonly path: Buffer;
  /** Undefined: whoever is there. */
  readonly expect?: Identity;
}

/** Where an object is on the host now. */
export interface HostPlace {
  readonly sb: SuperblockId;
  readonly path: Buffer;
}

/** What makes an inode itself: never equal for two inodes, also not one after the other (generation). */
export interface Identity {
  readonly sb: SuperblockId;
  readonly ino: bigint;
  /** Birth time in ns where the filesystem keeps one, else 0. */
  readonly generation: bigint;
}

/** Whether both are the same object, and not one that got its number later. */
export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.ino === b.ino && a.sb === b.sb && a.generation === b.generation;
}

/** Attributes of an object, of statx(2). Times in ns since the epoch. */
export interface HostStat extends Identity {
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly blksize: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** Undefined where the filesystem has none. */
  readonly btimeNs?: bigint;
  /** STATX_ATTR_* bits. */
  readonly attributes: bigint;
  /** The object is the root of a mount. */
  readonly mountRoot: boolean;
}

export interface HostDirent {
  readonly name: Buffer;
  readonly ino: bigint;
  /** d_type, 0 if not known. */
  readonly type: number;
}

/** Goes on with a value when it is there: at once where it is, so that local work needs no turn of the event loop. */
export function chain<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Whose rights and ids an operation uses; undefined: the agent's own user. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
}

/** Times to set; undefined leaves one as it is, 'now' is the host's clock. */
export interface SetTimes {
  readonly atimeNs?: bigint | 'now';
  readonly mtimeNs?: bigint | 'now';
}

/** An open file or directory of the host. It keeps its superblock busy, so it lives no longer than the client's handle. */
export interface HostFile {
  readonly sb: SuperblockId;
  stat(context?: OperationContext): Awaitable<HostStat>;
  /** The same object opened once more, whether or not it has a name left. ESTALE where only names lead to it. */
  reopen(flags: number, context?: OperationContext): Awaitable<HostFile>;
  /** Reads into `into` from `offset`; gives the count, less than asked only at the end. (pread(2)) */
  read(into: Buffer, offset: bigint, context?: OperationContext): Awaitable<number>;
  /** Writes all of `from` (ENOSPC after a part: gives the part's length). (pwrite(2)) */
  write(from: Buffer, offset: bigint, context?: OperationContext): Awaitable<number>;
  truncate(size: bigint): Awaitable<void>;
  chmod(mode: number): Awaitable<void>;
  chown(uid: number, gid: number): Awaitable<void>;
  setTimes(times: SetTimes): Awaitable<void>;
  sync(dataOnly: boolean, context?: OperationContext): Promise<void>;
  /** Starts writing the file's dirty pages without waiting. (sync_file_range(2)) */
  startWriteback(): Awaitable<void>;
  allocate(mode: number, offset: bigint, length: bigint): Awaitable<void>;
  /** SEEK_DATA (3) or SEEK_HOLE (4). */
  seek(offset: bigint, whence: number): Awaitable<bigint>;
  copyRange(from: bigint, to: HostFile, at: bigint, length: bigint): Awaitable<bigint>;
  getxattr(name: Buffer): Awaitable<Buffer>;
  listxattr(): Awaitable<Buffer>;
  setxattr(name: Buffer, value: Buffer, flags: number): Awaitable<void>;
  /** All entries but "." and "..", of a directory. */
  list(context?: OperationContext): Awaitable<HostDirent[]>;
  /**
   * The attributes of entries of this directory, in order, for READDIRPLUS; undefined for one that is gone or could
   * not be had in time (a mount that hangs). Does not trigger automounts.
   */
  lookupMany(names: readonly Buffer[], context?: OperationContext): Awaitable<(HostStat | undefined)[]>;
  removexattr(name: Buffer): Awaitable<void>;
  /** Gives an unnamed file (of openUnnamed) a name; EEXIST where the name is taken. (linkat(2), AT_EMPTY_PATH) */
  linkInto(directory: Locator, name: Buffer): Awaitable<void>;
  /**
   * Takes a lock for this open file (not for the process), or gives it back (LockType.NONE), without waiting: EAGAIN where
   * another holder stands against it. Missing where the host has no locks. (fcntl(2) F_OFD_SETLK, flock(2))
   */
  lock?(kind: LockKind, lock: FileLock): Awaitable<void>;
  /** The lock that stands against this one, LockType.NONE if there is none. (F_OFD_GETLK) */
  lockAgainst?(lock: FileLock): Awaitable<FileLock>;
  close(): Awaitable<void>;
}

/** Locks of byte ranges, and locks of whole files: the two do not see each other. */
export type LockKind = 'range' | 'flock';

/** Where an operation may be interrupted, and until when it may run. */
export interface OperationContext {
  readonly signal?: AbortSignal;
  readonly credentials?: Credentials;
}

/**
 * The host, as the server core sees it. Every failure is an ErrnoError. What an implementation can't do is ENOSYS or
 * EOPNOTSUPP, as the kernel would answer. Nothing in it follows a symbolic link unless it says so.
 */
export interface HostFs {
  stat(at: Locator, context?: OperationContext): Awaitable<HostStat>;
  /** The object `name` in a directory; does not trigger an automount. */
  lookup(directory: Locator, name: Buffer, context?: OperationContext): Awaitable<HostStat>;
  readlink(at: Locator, context?: OperationContext): Awaitable<Buffer>;
  open(at: Locator, flags: number, context?: OperationContext): Awaitable<HostFile>;
  create(
    directory: Locator,
    name: Buffer,
    flags: number,
    mode: number,
    umask: number,
    context?: OperationContext,
  ): Awaitable<{ file: HostFile; stat: HostStat }>;
  /** An unnamed file in a directory (O_TMPFILE); EOPNOTSUPP where the filesystem has none. */
  openUnnamed(
    directory: Locator,
    flags: number,
    mode: number,
    context?: OperationContext,
  ): Awaitable<{ file: HostFile; stat: HostStat }>;
  mkdir(
    directory: Locator,
    name: Buffer,
    mode: number,
    umask: number,
    context?: OperationContext,
  ): Awaitable<HostStat>;
  mknod(
    directory: Locator,
    name: Buffer,
    mode: number,
    rdev: { major: number; minor: number },
    umask: number,
    context?: OperationContext,
  ): Awaitable<HostStat>;
  symlink(directory: Locator, name: Buffer, target: Buffer, context?: OperationContext): Awaitable<HostStat>;
  link(at: Locator, directory: Locator, name: Buffer, context?: OperationContext): Awaitable<HostStat>;
  unlink(directory: Locator, name: Buffer, context?: OperationContext): Awaitable<void>;
  rmdir(directory: Locator, name: Buffer, context?: OperationContext): Awaitable<void>;
  /** flags: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4. */
  rename(
    from: Locator,
    name: Buffer,
    to: Locator,
    newName: Buffer,
    flags: number,
    context?: OperationContext,
  ): Awaitable<void>;
  chmod(at: Locator, mode: number, context?: OperationContext): Awaitable<void>;
  /** 0xffffffff (-1) leaves an id as it is. */
  chown(at: Locator, uid: number, gid: number, context?: OperationContext): Awaitable<void>;
  truncate(at: Locator, size: bigint, context?: OperationContext): Awaitable<void>;
  setTimes(at: Locator, times: SetTimes, context?: OperationContext): Awaitable<void>;
  access(at: Locator, mask: number, context?: OperationContext): Awaitable<void>;
  statfs(at: Locator, context?: OperationContext): Awaitable<HostStatfs>;
  getxattr(at: Locator, name: Buffer, context?: OperationContext): Awaitable<Buffer>;
  listxattr(at: Locator, context?: OperationContext): Awaitable<Buffer>;
  setxattr(
    at: Locator,
    name: Buffer,
    value: Buffer,
    flags: number,
    context?: OperationContext,
  ): Awaitable<void>;
  removexattr(at: Locator, name: Buffer, context?: OperationContext): Awaitable<void>;

  /** The mounts of the host, and their changes. */
  readonly mounts: HostMounts;
}

export interface HostStatfs {
  readonly blocks: bigint;
  readonly bfree: bigint;
  readonly bavail: bigint;
  readonly files: bigint;
  readonly ffree: bigint;
  readonly bsize: number;
  readonly namelen: number;
  readonly frsize: number;
}

/** A mount without what the watch path adds to it (backend, its pace, reason). */
export type HostMount = Omit<MountRecord, 'action' | 'backend' | 'pollMs' | 'reason' | 'unwatched'> & {
  /** The part of its filesystem that the mount shows (mountinfo's root). */
  readonly root: Buffer;
  /** Local and quick, over a network, a FUSE daemon, the kernel's own (proc, sysfs), or an automount trigger. */
  readonly kind: 'local' | 'network' | 'fuse' | 'pseudo' | 'autofs';
  /** It, or a mount on the way to it, may keep a caller waiting for ever. */
  readonly slow: boolean;
};

/** The mount table as this process sees it. */
export interface HostMounts {
  /** Every mount, hidden ones too (MOUNT_HIDDEN). */
  list(): readonly HostMount[];
  get(sb: SuperblockId): HostMount | undefined;
  /** The superblock that holds a path (its deepest visible mount). */
  covering(path: Buffer): HostMount;
  /** Reads the table now: the host reports a change a moment after it. For what must not be wrong, as deleting. */
  refresh(): void;
  /** Mounts that came, went or changed, in the order that makes sense (a parent comes before its child, and goes after it). */
  onChange(listener: (changes: readonly MountChange[]) => void): { dispose(): void };
}

export interface MountChange {
  readonly kind: 'came' | 'went' | 'changed';
  readonly mount: HostMount;
}
