/** Constants of the host's kernel. Those of open(2) that depend on the CPU stand in one table. */

import { OpenFlag } from '../../protocol/openFlags';

const arm64 = process.arch === 'arm64';

/** open(2) flags of this CPU (asm/fcntl.h): those that travel, of which arm64 has its own numbers for four. */
export const O = {
  ...OpenFlag,
  DIRECT: arm64 ? 0o200000 : 0o40000,
  LARGEFILE: arm64 ? 0o400000 : 0o100000,
  DIRECTORY: arm64 ? 0o40000 : 0o200000,
  NOFOLLOW: arm64 ? 0o100000 : 0o400000,
  /** __O_TMPFILE; it comes with DIRECTORY. */
  TMPFILE: 0o20000000,
} as const;

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;
export const AT_STATX_DONT_SYNC = 0x4000;

/** open_how.resolve (linux/openat2.h). */
export const RESOLVE_NO_SYMLINKS = 0x04;

/** PATH_MAX with its NUL: a longer path is walked in pieces. */
export const PATH_MAX = 4096;

export const POLLIN = 0x1;
export const POLLPRI = 0x2;
export const POLLERR = 0x8;
/** No descriptor is open under this number. */
export const POLLNVAL = 0x20;
