import { Errno, ErrnoError } from '../../protocol/errno';
import { AT_FDCWD, O, PATH_MAX, RESOLVE_NO_SYMLINKS } from '../libc/flags';
import { close, openat } from '../libc/files';
import { cString } from '../libc/libc';
import { type Op, quietSyscall } from '../libc/op';

const openat2 = quietSyscall('openat2', 'int', 'void *', 'void *', 'size_t');

/** struct open_how for what every operation begins with. */
const HOW = (() => {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(O.PATH | O.NOFOLLOW | O.CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_NO_SYMLINKS), 16);
  return how;
})();

const SLASH = 0x2f;
/** Pieces of a path that is too long for one call; room for the NUL. */
const PIECE = PATH_MAX - 1;

/**
 * Finds objects by path without following a symbolic link anywhere on the way (ELOOP), so that nobody who swaps a
 * directory for a link leads the agent elsewhere. Opens with O_PATH only: no device wakes up, no automount is
 * triggered by the last name.
 */
export class PathResolver {
  /** `hasOpenat2` false: as on a kernel before 5.6. */
  constructor(private hasOpenat2 = true) {}

  /** A descriptor of the object at an absolute path, or of the symbolic link itself. The caller closes it. */
  *open(path: Buffer): Op<number> {
    if (path.length < PIECE) return yield* this.openPiece(AT_FDCWD, path);
    let directory = AT_FDCWD;
    let rest = path;
    try {
      while (rest.length >= PIECE) {
        const cut = rest.lastIndexOf(SLASH, PIECE - 1);
        if (cut <= 0) throw new ErrnoError('ENAMETOOLONG');
        const next = yield* this.openPiece(directory, rest.subarray(0, cut));
        if (directory !== AT_FDCWD) yield* close(directory);
        directory = next;
        rest = rest.subarray(cut + 1);
      }
      return yield* this.openPiece(directory, rest);
    } finally {
      if (directory !== AT_FDCWD) yield* close(directory);
    }
  }

  private *openPiece(dirfd: number, path: Buffer): Op<number> {
    if (this.hasOpenat2) {
      const fd = Number(yield* openat2(dirfd, cString(path), HOW, HOW.length));
      if (fd >= 0) return fd;
      // EPERM: an old seccomp filter does not know the call.
      if (fd !== -Errno.ENOSYS && fd !== -Errno.EPERM) throw new ErrnoError(-fd, 'openat2');
      this.hasOpenat2 = false;
    }
    return yield* this.openByName(dirfd, path);
  }

  /** Before Linux 5.6: one name after the other, each without following. */
  private *openByName(start: number, path: Buffer): Op<number> {
    let fd = path[0] === SLASH ? yield* openat(AT_FDCWD, ROOT, O.PATH | O.DIRECTORY) : start;
    try {
      for (const name of names(path)) {
        const next = yield* openat(fd, cString(name), O.PATH | O.NOFOLLOW);
        if (fd !== start) yield* close(fd);
        fd = next;
      }
      const found = fd;
      fd = start;
      return found;
    } finally {
      if (fd !== start) yield* close(fd);
    }
  }
}

const ROOT = Buffer.from('/\0');

function* names(path: Buffer): Generator<Buffer, void, void> {
  let from = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== SLASH) continue;
    if (i > from) yield path.subarray(from, i);
    from = i + 1;
  }
}
