import type { Version } from '../../protocol/livemount';
import type { HostStat } from '../host/hostFs';

/** The version of a file, as the client will name it when it saves over it. */
export function versionOf(stat: HostStat): Version {
  return { ino: stat.ino, size: stat.size, mtime_ns: stat.mtimeNs, ctime_ns: stat.ctimeNs };
}

/** Whether a file is the one the client last saw, unchanged. */
export function isVersion(stat: HostStat, expected: Version): boolean {
  return (
    stat.ino === expected.ino &&
    stat.size === expected.size &&
    stat.mtimeNs === expected.mtime_ns &&
    stat.ctimeNs === expected.ctime_ns
  );
}

/** What stays comparable when a file was renamed: most filesystems give it a new ctime then. */
export type Content = Pick<HostStat, 'ino' | 'size' | 'mtimeNs'>;

/** Whether two looks at a file, with a rename between them, saw the same inode with the same content. */
export function sameInodeAndContent(a: Content, b: Content): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/** As sameInodeAndContent, and nobody changed its owner, its mode or its number of links either. */
export function untouched(a: HostStat, b: HostStat): boolean {
  return (
    sameInodeAndContent(a, b) &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.nlink === b.nlink
  );
}
