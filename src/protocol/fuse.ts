/** The kernel's own structs (linux/fuse.h, protocol 7.45). Layout only; their meaning stands in the ops and in server/ops. */
import type { Fh, Generation, NodeId, Unique } from './brand';
import { branded, i32, i64, reserved, struct, u16, u32, u64, type Value } from './struct';

export const FUSE_MAJOR = 7;
/** The newest minor we speak. A reply never names a minor above the other side's. */
export const FUSE_MINOR = 45;

const nodeid = branded<NodeId>(u64);
const fh = branded<Fh>(u64);
const unique = branded<Unique>(u64);
const generation = branded<Generation>(u64);

export const InHeader = struct('fuse_in_header', {
  len: u32,
  opcode: u32,
  unique,
  nodeid,
  uid: u32,
  gid: u32,
  pid: u32,
  /** Length of the extensions behind the body, in 8-byte units (7.38). */
  total_extlen: u16,
  _padding: reserved(2),
});
export type InHeader = Value<typeof InHeader>;

export const OutHeader = struct('fuse_out_header', { len: u32, error: i32, unique });
export type OutHeader = Value<typeof OutHeader>;

export const Attr = struct('fuse_attr', {
  ino: u64,
  size: u64,
  blocks: u64,
  /** Seconds since the epoch, signed (pre-1970 files exist). */
  atime: i64,
  mtime: i64,
  ctime: i64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: u32,
  nlink: u32,
  uid: u32,
  gid: u32,
  /** The kernel's 32-bit encoding: minor low 8 | major << 8 | minor high << 20. */
  rdev: u32,
  blksize: u32,
  flags: u32,
});
export type Attr = Value<typeof Attr>;

/** fuse_attr.flags */
export const ATTR_SUBMOUNT = 1 << 0;
export const ATTR_DAX = 1 << 1;

export const EntryOut = struct('fuse_entry_out', {
  nodeid,
  generation,
  entry_valid: u64,
  attr_valid: u64,
  entry_valid_nsec: u32,
  attr_valid_nsec: u32,
  attr: Attr,
});
export type EntryOut = Value<typeof EntryOut>;

/** A name that stands for nothing (nodeid 0): negative, or no lookup was done. */
export const NO_ENTRY: EntryOut = EntryOut.decode(Buffer.alloc(EntryOut.size));

export const AttrOut = struct('fuse_attr_out', {
  attr_valid: u64,
  attr_valid_nsec: u32,
  _dummy: u32,
  attr: Attr,
});
export type AttrOut = Value<typeof AttrOut>;

export const OpenOut = struct('fuse_open_out', { fh, open_flags: u32, backing_id: i32 });
export type OpenOut = Value<typeof OpenOut>;

export const CreateOut = struct('fuse_entry_out + fuse_open_out', { entry: EntryOut, open: OpenOut });
export type CreateOut = Value<typeof CreateOut>;

export const ForgetIn = struct('fuse_forget_in', { nlookup: u64 });
export const ForgetOne = struct('fuse_forget_one', { nodeid, nlookup: u64 });
export const BatchForgetIn = struct('fuse_batch_forget_in', { count: u32, _dummy: u32 });
export const GetattrIn = struct('fuse_getattr_in', { getattr_flags: u32, _dummy: u32, fh });
export const GETATTR_FH = 1 << 0;

export const SetattrIn = struct('fuse_setattr_in', {
  valid: u32,
  _padding: u32,
  fh,
  size: u64,
  lock_owner: u64,
  atime: i64,
  mtime: i64,
  ctime: i64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: u32,
  _unused4: u32,
  uid: u32,
  gid: u32,
  _unused5: u32,
});
export type SetattrIn = Value<typeof SetattrIn>;
/** fuse_setattr_in.valid */
export const Fattr = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  LOCKOWNER: 1 << 9,
  CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const;

export const MknodIn = struct('fuse_mknod_in', { mode: u32, rdev: u32, umask: u32, _padding: u32 });
export const MkdirIn = struct('fuse_mkdir_in', { mode: u32, umask: u32 });
export const RenameIn = struct('fuse_rename_in', { newdir: nodeid });
export const Rename2In = struct('fuse_rename2_in', { newdir: nodeid, flags: u32, _padding: u32 });
export const LinkIn = struct('fuse_link_in', { oldnodeid: nodeid });
export const OpenIn = struct('fuse_open_in', { flags: u32, open_flags: u32 });
export const CreateIn = struct('fuse_create_in', { flags: u32, mode: u32, umask: u32, open_flags: u32 });
/** fuse_open_in.open_flags */
export const OPEN_KILL_SUIDGID = 1 << 0;
/** fuse_open_out.open_flags */
export const Fopen = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  NONSEEKABLE: 1 << 2,
  CACHE_DIR: 1 << 3,
  STREAM: 1 << 4,
  NOFLUSH: 1 << 5,
  PARALLEL_DIRECT_WRITES: 1 << 6,
} as const;

export const ReadIn = struct('fuse_read_in', {
  fh,
  offset: u64,
  size: u32,
  read_flags: u32,
  lock_owner: u64,
  flags: u32,
  _padding: u32,
});
export const WriteIn = struct('fuse_write_in', {
  fh,
  offset: u64,
  size: u32,
  write_flags: u32,
  lock_owner: u64,
  flags: u32,
  _padding: u32,
});
export const WRITE_KILL_SUIDGID = 1 << 2;
export const WriteOut = struct('fuse_write_out', { size: u32, _padding: u32 });

export const Kstatfs = struct('fuse_kstatfs', {
  blocks: u64,
  bfree: u64,
  bavail: u64,
  files: u64,
  ffree: u64,
  bsize: u32,
  namelen: u32,
  frsize: u32,
  _padding: u32,
  _spare: reserved(24),
});
export type Kstatfs = Value<typeof Kstatfs>;

export const ReleaseIn = struct('fuse_release_in', { fh, flags: u32, release_flags: u32, lock_owner: u64 });
export const FlushIn = struct('fuse_flush_in', { fh, _unused: u32, _padding: u32, lock_owner: u64 });
export const FsyncIn = struct('fuse_fsync_in', { fh, fsync_flags: u32, _padding: u32 });
export const FSYNC_FDATASYNC = 1 << 0;
export const SetxattrIn = struct('fuse_setxattr_in', {
  size: u32,
  flags: u32,
  setxattr_flags: u32,
  _padding: u32,
});
export const GetxattrIn = struct('fuse_getxattr_in', { size: u32, _padding: u32 });
export const GetxattrOut = struct('fuse_getxattr_out', { size: u32, _padding: u32 });
export const FileLock = struct('fuse_file_lock', { start: u64, end: u64, type: u32, pid: u32 });
export type FileLock = Value<typeof FileLock>;
/** fuse_file_lock.type (fcntl(2)). */
export const LockType = { READ: 0, WRITE: 1, NONE: 2 } as const;
/** fuse_file_lock.end of a lock that reaches to whatever the end of the file will be. */
export const LOCK_TO_END = (1n << 63n) - 1n;
/** fuse_lk_in.lk_flags: flock(2), not fcntl(2). */
export const LK_FLOCK = 1 << 0;
export const LkIn = struct('fuse_lk_in', { fh, owner: u64, lk: FileLock, lk_flags: u32, _padding: u32 });
export const LkOut = struct('fuse_lk_out', { lk: FileLock });
export const AccessIn = struct('fuse_access_in', { mask: u32, _padding: u32 });
export const InterruptIn = struct('fuse_interrupt_in', { unique });
export const BmapIn = struct('fuse_bmap_in', { block: u64, blocksize: u32, _padding: u32 });
export const BmapOut = struct('fuse_bmap_out', { block: u64 });
export const IoctlIn = struct('fuse_ioctl_in', {
  fh,
  flags: u32,
  cmd: u32,
  arg: u64,
  in_size: u32,
  out_size: u32,
});
export const PollIn = struct('fuse_poll_in', { fh, kh: u64, flags: u32, events: u32 });
export const PollOut = struct('fuse_poll_out', { revents: u32, _padding: u32 });
export const FallocateIn = struct('fuse_fallocate_in', {
  fh,
  offset: u64,
  length: u64,
  mode: u32,
  _padding: u32,
});
export const LseekIn = struct('fuse_lseek_in', { fh, offset: u64, whence: u32, _padding: u32 });
export const LseekOut = struct('fuse_lseek_out', { offset: u64 });
export const CopyFileRangeIn = struct('fuse_copy_file_range_in', {
  fh_in: fh,
  off_in: u64,
  nodeid_out: nodeid,
  fh_out: fh,
  off_out: u64,
  len: u64,
  flags: u64,
});
export const CopyFileRangeOut = struct('fuse_copy_file_range_out', { bytes_copied: u64 });
export const SyncfsIn = struct('fuse_syncfs_in', { _padding: reserved(8) });
export const StatxIn = struct('fuse_statx_in', {
  getattr_flags: u32,
  _reserved: u32,
  fh,
  sx_flags: u32,
  sx_mask: u32,
});
export const SxTime = struct('fuse_sx_time', { tv_sec: i64, tv_nsec: u32, _reserved: i32 });
export const Statx = struct('fuse_statx', {
  mask: u32,
  blksize: u32,
  attributes: u64,
  nlink: u32,
  uid: u32,
  gid: u32,
  mode: u16,
  _spare0: reserved(2),
  ino: u64,
  size: u64,
  blocks: u64,
  attributes_mask: u64,
  atime: SxTime,
  btime: SxTime,
  ctime: SxTime,
  mtime: SxTime,
  rdev_major: u32,
  rdev_minor: u32,
  dev_major: u32,
  dev_minor: u32,
  _spare2: reserved(112),
});
export const StatxOut = struct('fuse_statx_out', {
  attr_valid: u64,
  attr_valid_nsec: u32,
  flags: u32,
  _spare: reserved(16),
  stat: Statx,
});

/** fuse_init_in with our three words in its unused space; the kernel sends zeros there. */
export const InitIn = struct('fuse_init_in', {
  major: u32,
  minor: u32,
  max_readahead: u32,
  flags: u32,
  flags2: u32,
  lm_magic: u32,
  lm_version: u32,
  lm_features: u32,
  _unused: reserved(32),
});
export type InitIn = Value<typeof InitIn>;
/** What a client before 7.36 sends. */
export const INIT_IN_COMPAT_SIZE = 16;

export const InitOut = struct('fuse_init_out', {
  major: u32,
  minor: u32,
  max_readahead: u32,
  flags: u32,
  max_background: u16,
  congestion_threshold: u16,
  max_write: u32,
  time_gran: u32,
  max_pages: u16,
  map_alignment: u16,
  flags2: u32,
  max_stack_depth: u32,
  request_timeout: u16,
  _pad: reserved(2),
  lm_magic: u32,
  lm_version: u32,
  lm_features: u32,
  lm_max_frame: u32,
  _unused: reserved(4),
});
export type InitOut = Value<typeof InitOut>;

export const Dirent = struct('fuse_dirent', { ino: u64, off: u64, namelen: u32, type: u32 });

// Notifications of the kernel protocol (fuse_out_header.unique 0, code in error).
export const NotifyInvalInodeOut = struct('fuse_notify_inval_inode_out', { ino: nodeid, off: i64, len: i64 });
export const NotifyInvalEntryOut = struct('fuse_notify_inval_entry_out', {
  parent: nodeid,
  namelen: u32,
  flags: u32,
});
export const NotifyDeleteOut = struct('fuse_notify_delete_out', {
  parent: nodeid,
  child: nodeid,
  namelen: u32,
  _padding: u32,
});

/** INIT flags; bits 32 and up travel in flags2 and count only with INIT_EXT. */
export const InitFlag = {
  ASYNC_READ: 1n << 0n,
  POSIX_LOCKS: 1n << 1n,
  FILE_OPS: 1n << 2n,
  ATOMIC_O_TRUNC: 1n << 3n,
  EXPORT_SUPPORT: 1n << 4n,
  BIG_WRITES: 1n << 5n,
  DONT_MASK: 1n << 6n,
  SPLICE_WRITE: 1n << 7n,
  SPLICE_MOVE: 1n << 8n,
  SPLICE_READ: 1n << 9n,
  FLOCK_LOCKS: 1n << 10n,
  HAS_IOCTL_DIR: 1n << 11n,
  AUTO_INVAL_DATA: 1n << 12n,
  DO_READDIRPLUS: 1n << 13n,
  READDIRPLUS_AUTO: 1n << 14n,
  ASYNC_DIO: 1n << 15n,
  WRITEBACK_CACHE: 1n << 16n,
  NO_OPEN_SUPPORT: 1n << 17n,
  PARALLEL_DIROPS: 1n << 18n,
  HANDLE_KILLPRIV: 1n << 19n,
  POSIX_ACL: 1n << 20n,
  ABORT_ERROR: 1n << 21n,
  MAX_PAGES: 1n << 22n,
  CACHE_SYMLINKS: 1n << 23n,
  NO_OPENDIR_SUPPORT: 1n << 24n,
  EXPLICIT_INVAL_DATA: 1n << 25n,
  MAP_ALIGNMENT: 1n << 26n,
  SUBMOUNTS: 1n << 27n,
  HANDLE_KILLPRIV_V2: 1n << 28n,
  SETXATTR_EXT: 1n << 29n,
  INIT_EXT: 1n << 30n,
  SECURITY_CTX: 1n << 32n,
  HAS_INODE_DAX: 1n << 33n,
  CREATE_SUPP_GROUP: 1n << 34n,
  HAS_EXPIRE_ONLY: 1n << 35n,
  DIRECT_IO_ALLOW_MMAP: 1n << 36n,
  PASSTHROUGH: 1n << 37n,
  NO_EXPORT_SUPPORT: 1n << 38n,
  HAS_RESEND: 1n << 39n,
  ALLOW_IDMAP: 1n << 40n,
  OVER_IO_URING: 1n << 41n,
  REQUEST_TIMEOUT: 1n << 42n,
} as const;

/** The INIT flags of a frame: flags, and flags2 where INIT_EXT says that it counts. */
export function initFlags(init: { flags: number; flags2: number }): bigint {
  const low = BigInt(init.flags >>> 0);
  return low & InitFlag.INIT_EXT ? low | (BigInt(init.flags2 >>> 0) << 32n) : low;
}

/** unique, bit 0: this is the INTERRUPT of the request without it. */
export const UNIQUE_INTERRUPT = 1n;
/** unique, bit 63: sent again after a reconnect (FUSE_UNIQUE_RESEND, 7.40). Echoed in the reply. */
export const UNIQUE_RESEND = 1n << 63n;

/** File type bits of a mode, and the d_type of a directory entry (mode >> 12). */
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
