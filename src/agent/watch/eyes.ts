import { Errno, ErrnoError } from '../../protocol/errno';
import type { Seen, WatchFs } from '../../server/watch/backend';
import type { BytePath } from '../../server/watch/bytePath';
import { foldIno } from '../../server/watch/entries';
import { AT_FDCWD, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, O } from '../libc/flags';
import { cString, Libc } from '../libc/libc';
import { STATX_BASIC_STATS } from '../libc/statx';

const STATX_SIZE = 256;
const LIST_BUFFER = 64 << 10;
const NS = 1_000_000_000n;

/** Nobody is there, or not under this path any more. */
function isAbsence(errno: number): boolean {
  return errno === Errno.ENOENT || errno === Errno.ENOTDIR || errno === Errno.ESTALE || errno === Errno.ELOOP;
}

/** Looks at local filesystems: at once, with one buffer for each kind of call. */
export class LocalEyes implements WatchFs {
  private readonly statx;
  private readonly openat;
  private readonly getdents;
  private readonly close;
  private readonly attributes = Buffer.alloc(STATX_SIZE);
  private readonly dirents = Buffer.alloc(LIST_BUFFER);

  constructor() {
    const libc = Libc.shared();
    this.statx = libc.bind('statx', ['int', 'void *', 'int', 'uint', 'void *']);
    this.openat = libc.bind('openat', ['int', 'void *', 'int', 'int']);
    this.getdents = libc.bind('getdents64', ['int', 'void *', 'size_t']);
    this.close = libc.bind('close', ['int']);
  }

  stat(path: BytePath): Seen | undefined {
    const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    const result = Number(
      this.statx.sync([
        AT_FDCWD,
        cString(Buffer.from(path, 'latin1')),
        flags,
        STATX_BASIC_STATS,
        this.attributes,
      ]),
    );
    if (result < 0) {
      if (isAbsence(-result)) return undefined;
      throw new ErrnoError(-result, `statx ${path}`);
    }
    return decodeSeen(this.attributes);
  }

  list(path: BytePath, each: (name: BytePath, ino: number, type: number) => void): boolean {
    const flags = O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
    const fd = Number(this.openat.sync([AT_FDCWD, cString(Buffer.from(path, 'latin1')), flags, 0]));
    if (fd < 0) {
      if (isAbsence(-fd)) return false;
      throw new ErrnoError(-fd, `open ${path}`);
    }
    try {
      for (;;) {
        const length = Number(this.getdents.sync([fd, this.dirents, LIST_BUFFER]));
        if (length === 0) return true;
        if (length < 0) {
          if (isAbsence(-length)) return false;
          throw new ErrnoError(-length, `getdents64 ${path}`);
        }
        decodeDirents(this.dirents, length, each);
      }
    } finally {
      this.close.sync([fd]);
    }
  }
}

/** struct statx (linux/stat.h), as far as a look needs it. */
export function decodeSeen(from: Buffer): Seen {
  return {
    ino: foldIno(from.readUInt32LE(32), from.readUInt32LE(36)),
    mode: from.readUInt16LE(28),
    version: {
      ino: from.readBigUInt64LE(32),
      size: from.readBigUInt64LE(40),
      ctime_ns: from.readBigInt64LE(96) * NS + BigInt(from.readUInt32LE(104)),
      mtime_ns: from.readBigInt64LE(112) * NS + BigInt(from.readUInt32LE(120)),
    },
  };
}

/** struct linux_dirent64: ino u64, off i64, reclen u16, type u8, name with a NUL. "." and ".." are left out. */
export function decodeDirents(
  from: Buffer,
  length: number,
  each: (name: BytePath, ino: number, type: number) => void,
): void {
  for (let at = 0; at < length; at += from.readUInt16LE(at + 16)) {
    const start = at + 19;
    const name = from.toString('latin1', start, from.indexOf(0, start)) as BytePath;
    if (name === '.' || name === '..') continue;
    each(name, foldIno(from.readUInt32LE(at), from.readUInt32LE(at + 4)), from[at + 18] ?? 0);
  }
}
