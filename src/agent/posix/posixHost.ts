import { ErrnoError } from '../../protocol/errno';
import { type HostStat, type Locator, sameIdentity } from '../../server/host/hostFs';
import { close } from '../libc/files';
import type { Op } from '../libc/op';
import { Identifier } from './identity';
import type { Lanes } from './lanes';
import type { Mount, MountTable } from './mountTable';
import { PathResolver } from './pathResolver';

/** What operations of the POSIX host share: how objects are found, identified, and where work on them runs. */
export class PosixHost {
  readonly resolver = new PathResolver();
  readonly identify: Identifier;

  constructor(
    readonly mounts: MountTable,
    readonly lanes: Lanes,
  ) {
    this.identify = new Identifier(mounts);
  }

  /** The mount an operation on a place waits for. ESTALE where the one it expects is gone. */
  mountOf(at: Locator): Mount {
    this.mounts.settle();
    if (at.expect === undefined || this.mounts.hasSlowMounts) {
      const covering = this.mounts.covering(at.path);
      if (at.expect === undefined || covering.slow) return covering;
    }
    const mount = this.mounts.get(at.expect.sb);
    if (mount === undefined) throw new ErrnoError('ESTALE', 'its mount is gone');
    return mount;
  }

  /** The mount an operation on a name in a directory waits for. */
  mountOfEntry(directory: Locator, name: Buffer): Mount {
    const holder = this.mountOf(directory);
    return this.mounts.slowAt(directory.path, name) ?? holder;
  }

  /** Works on the object at a place through an O_PATH descriptor, once it is known to be the one expected (else ESTALE). */
  *at<T>(place: Locator, work: (fd: number, stat: HostStat | undefined) => Op<T>): Op<T> {
    const fd = yield* this.open(place);
    try {
      let stat: HostStat | undefined;
      if (place.expect !== undefined) {
        stat = yield* this.identify.ofFd(fd);
        if (!sameIdentity(stat, place.expect)) throw new ErrnoError('ESTALE', 'somebody else is there');
      }
      return yield* work(fd, stat);
    } finally {
      yield* close(fd);
    }
  }

  /** The same for a directory that a name is to be looked up, made or removed in. */
  inDirectory<T>(directory: Locator, work: (dirfd: number) => Op<T>): Op<T> {
    return this.at(directory, work);
  }

  private *open(place: Locator): Op<number> {
    try {
      return yield* this.resolver.open(place.path);
    } catch (error) {
      // Where we know who must be there, a missing name or a link in its path means: not there any more.
      const gone = error instanceof ErrnoError && GONE.has(error.code);
      throw gone && place.expect !== undefined ? new ErrnoError('ESTALE', error.message) : error;
    }
  }
}

const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
