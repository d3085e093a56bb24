import { ErrnoError } from '../protocol/errno';
import { FUSE_MAJOR, FUSE_MINOR, InitFlag, type InitIn, type InitOut, initFlags } from '../protocol/fuse';
import type { Dialect } from '../protocol/message';

/**
 * What we agree to with the kernel. Left out on purpose: WRITEBACK_CACHE (others write, too), AUTO_INVAL_DATA (an own
 * write would throw away the pages it left; events say what to throw away), POSIX_ACL (the host decides), what needs the
 * ring or shared memory, EXPORT_SUPPORT (ids do not outlive the mount).
 */
const WANTED =
  InitFlag.ASYNC_READ |
  InitFlag.POSIX_LOCKS |
  InitFlag.FLOCK_LOCKS |
  InitFlag.ATOMIC_O_TRUNC |
  InitFlag.BIG_WRITES |
  InitFlag.DONT_MASK |
  InitFlag.DO_READDIRPLUS |
  InitFlag.READDIRPLUS_AUTO |
  InitFlag.ASYNC_DIO |
  InitFlag.PARALLEL_DIROPS |
  InitFlag.MAX_PAGES |
  InitFlag.CACHE_SYMLINKS |
  InitFlag.EXPLICIT_INVAL_DATA |
  InitFlag.HANDLE_KILLPRIV_V2 |
  InitFlag.SETXATTR_EXT |
  InitFlag.INIT_EXT |
  InitFlag.HAS_EXPIRE_ONLY;

/** Data of one READ or WRITE at most, in pages: the kernel's own limit (fs.fuse.max_pages_limit). */
const MAX_PAGES = 256;
const PAGE = 4096;
/** Readahead and asynchronous requests in flight: the kernel's 12 are too few for a link with delay. */
const MAX_BACKGROUND = 64;

export interface Negotiated {
  readonly reply: InitOut;
  readonly dialect: Dialect;
  readonly flags: bigint;
}

/** Answers the kernel's INIT. EPROTO for one that speaks an older major. */
export function negotiate(init: InitIn): Negotiated {
  if (init.major < FUSE_MAJOR)
    throw new ErrnoError('EPROTO', `the kernel speaks FUSE ${init.major}.${init.minor}`);
  const minor = Math.min(init.minor, FUSE_MINOR);
  const flags = initFlags(init) & WANTED;
  const pages = flags & InitFlag.MAX_PAGES ? MAX_PAGES : 0;
  return {
    dialect: { minor, setxattrExt: (flags & InitFlag.SETXATTR_EXT) !== 0n },
    flags,
    reply: {
      major: FUSE_MAJOR,
      minor,
      max_readahead: init.max_readahead,
      flags: Number(flags & 0xffffffffn),
      flags2: Number(flags >> 32n),
      max_background: MAX_BACKGROUND,
      congestion_threshold: (MAX_BACKGROUND * 3) / 4,
      max_write: (pages === 0 ? 32 : pages) * PAGE,
      time_gran: 1,
      max_pages: pages,
      map_alignment: 0,
      max_stack_depth: 0,
      request_timeout: 0,
      lm_magic: 0,
      lm_version: 0,
      lm_features: 0,
      lm_max_frame: 0,
    },
  };
}
