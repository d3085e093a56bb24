import { ErrnoError } from './errno';
import type { Version } from './livemount';
import { type Attr, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from './fuse';

const types: ReadonlySet<number> = new Set([S_IFSOCK, S_IFLNK, S_IFREG, S_IFBLK, S_IFDIR, S_IFCHR, S_IFIFO]);
const OFFSET_MAX = (1n << 63n) - 1n;

/**
 * Verifies attributes that crossed the wire: a mode with a file type, a size below 2^63 (fuse_valid_size,
 * fuse_invalid_attr of fs/fuse/dir.c), and the type the nodeid always had. Both halves use it; a failure is EIO for
 * the one request.
 */
export function verifyAttr(attr: Attr, knownMode?: number): Attr {
  const type = attr.mode & S_IFMT;
  if (!types.has(type)) throw new ErrnoError('EIO', `mode 0${attr.mode.toString(8)} has no file type`);
  if (attr.size > OFFSET_MAX) throw new ErrnoError('EIO', `size ${attr.size} is no file size`);
  if (knownMode !== undefined && (knownMode & S_IFMT) !== type) {
    throw new ErrnoError('EIO', 'the type of an inode changed under its nodeid');
  }
  return attr;
}

const NS = 1_000_000_000n;

/** Seconds and nanoseconds of the wire as one number of ns since the epoch. */
export function timeNs(sec: bigint, nsec: number): bigint {
  return sec * NS + BigInt(nsec);
}

/** The wire's seconds (floored, so that nsec is never negative) and nanoseconds of a time in ns. */
export function splitNs(ns: bigint): { sec: bigint; nsec: number } {
  const nsec = ((ns % NS) + NS) % NS;
  return { sec: (ns - nsec) / NS, nsec: Number(nsec) };
}

/** Which version of an object attributes are of. */
export function versionOf(attr: Attr): Version {
  return {
    ino: attr.ino,
    size: attr.size,
    mtime_ns: timeNs(attr.mtime, attr.mtimensec),
    ctime_ns: timeNs(attr.ctime, attr.ctimensec),
  };
}

export function sameVersion(a: Version, b: Version): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtime_ns === b.mtime_ns && a.ctime_ns === b.ctime_ns;
}
