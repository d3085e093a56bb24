import { BoundedMap } from '../../base/boundedMap';
import type { Version } from '../../protocol/livemount';
import type { HostStat } from '../host/hostFs';
import { isVersion, versionOf } from './version';

/** Files remembered at most; a failed save in place is rare, and tried again soon. */
const FILES_MAX = 64;

/**
 * Files that a failed save wrote in place and restored: they are what they were but for their ctime, which nobody can
 * set. The client still knows the version before, and must not meet a conflict with itself when it tries again.
 */
export class RestoredFiles {
  private readonly files = new BoundedMap<bigint, { readonly before: Version; readonly now: Version }>(
    FILES_MAX,
  );

  note(before: HostStat, now: HostStat): void {
    const earlier = this.files.get(before.ino);
    // Restored twice: the client knows the version before the first time.
    const known =
      earlier !== undefined && isVersion(before, earlier.now) ? earlier.before : versionOf(before);
    this.files.set(before.ino, { before: known, now: versionOf(now) });
  }

  /** Whether a file is, as we left it, what the client last saw. */
  isStill(found: HostStat, expected: Version): boolean {
    const file = this.files.get(found.ino);
    if (file === undefined || !isVersion(found, file.now)) return false;
    const { ino, size, mtime_ns, ctime_ns } = file.before;
    return (
      ino === expected.ino &&
      size === expected.size &&
      mtime_ns === expected.mtime_ns &&
      ctime_ns === expected.ctime_ns
    );
  }
}
