import { ErrnoError } from '../../protocol/errno';
import { MAX_FRAME } from '../../protocol/frame';
import { FUSE_MAJOR, FUSE_MINOR, InitFlag, type InitIn, type InitOut, initFlags } from '../../protocol/fuse';
import { ALL_FEATURES, FEATURE_KERNEL, LM_MAGIC, LM_VERSION } from '../../protocol/livemount';
import type { Agreement } from './handler';

/**
 * What we agree to where the client offers it. Left out on purpose: WRITEBACK_CACHE (other writers exist), locks (the
 * kernel keeps them by itself), POSIX_ACL (would turn default_permissions' rules over to us), DAX, splice and io_uring
 * (need the ring or the fd), OPEN/OPENDIR support switches (handles carry unlinked files).
 */
const WANTED =
  InitFlag.ASYNC_READ |
  InitFlag.ATOMIC_O_TRUNC |
  InitFlag.EXPORT_SUPPORT |
  InitFlag.BIG_WRITES |
  InitFlag.DO_READDIRPLUS |
  InitFlag.READDIRPLUS_AUTO |
  InitFlag.ASYNC_DIO |
  InitFlag.PARALLEL_DIROPS |
  InitFlag.ABORT_ERROR |
  InitFlag.MAX_PAGES |
  InitFlag.CACHE_SYMLINKS |
  InitFlag.AUTO_INVAL_DATA |
  InitFlag.HANDLE_KILLPRIV_V2 |
  InitFlag.SETXATTR_EXT |
  InitFlag.SUBMOUNTS |
  InitFlag.INIT_EXT |
  InitFlag.CREATE_SUPP_GROUP |
  InitFlag.HAS_EXPIRE_ONLY |
  InitFlag.HAS_RESEND;

/** Data of one WRITE or READ at most: 256 pages, the kernel's default limit (fs.fuse.max_pages_limit). */
const MAX_PAGES = 256;
const PAGE = 4096;
const MAX_WRITE = MAX_PAGES * PAGE;
/** Without MAX_PAGES the kernel sends 32 pages. */
const MAX_WRITE_OLD = 32 * PAGE;
/** Requests a kernel keeps in flight for readahead and write-back; its default of 12 is too few for a link with delay. */
const MAX_BACKGROUND = 64;

export interface Negotiated {
  readonly reply: InitOut;
  /** Undefined: the client's major is newer than ours, it will send another INIT. */
  readonly agreement: Agreement | undefined;
}

/** Answers INIT; `offered` are the features this server has. EPROTO for a major we do not speak. (FUSE_INIT, fs/fuse/inode.c process_init_reply) */
export function negotiate(init: InitIn, offered: number = ALL_FEATURES): Negotiated {
  if (init.major < FUSE_MAJOR) {
    throw new ErrnoError(
      'EPROTO',
      `the client speaks FUSE ${init.major}.${init.minor}, we speak ${FUSE_MAJOR}`,
    );
  }
  const minor = Math.min(init.minor, FUSE_MINOR);
  if (init.major > FUSE_MAJOR) {
    return { reply: initReply(FUSE_MINOR, init.max_readahead, 0n, MAX_WRITE, 0, 0), agreement: undefined };
  }
  const flags = initFlags(init) & WANTED;
  const ours = init.lm_magic === LM_MAGIC && init.lm_version >= LM_VERSION;
  const features = ours ? init.lm_features & (offered | FEATURE_KERNEL) : 0;
  const maxWrite = flags & InitFlag.MAX_PAGES ? MAX_WRITE : MAX_WRITE_OLD;
  const maxFrame = ours ? MAX_FRAME : maxWrite + PAGE;
  return {
    reply: initReply(minor, init.max_readahead, flags, maxWrite, ours ? LM_MAGIC : 0, features),
    agreement: {
      dialect: { minor, setxattrExt: (flags & InitFlag.SETXATTR_EXT) !== 0n },
      flags,
      features,
      maxWrite,
      maxFrame,
    },
  };
}

function initReply(
  minor: number,
  readahead: number,
  flags: bigint,
  maxWrite: number,
  magic: number,
  features: number,
): InitOut {
  return {
    major: FUSE_MAJOR,
    minor,
    max_readahead: readahead,
    flags: Number(flags & 0xffffffffn),
    flags2: Number(flags >> 32n),
    max_background: MAX_BACKGROUND,
    congestion_threshold: (MAX_BACKGROUND * 3) / 4,
    max_write: maxWrite,
    time_gran: 1,
    max_pages: flags & InitFlag.MAX_PAGES ? MAX_PAGES : 0,
    map_alignment: 0,
    max_stack_depth: 0,
    request_timeout: 0,
    lm_magic: magic,
    lm_version: magic === 0 ? 0 : LM_VERSION,
    lm_features: features,
    lm_max_frame: magic === 0 ? 0 : MAX_FRAME,
  };
}
