import type { SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { FileLock } from '../../protocol/fuse';
import type {
  Awaitable,
  HostDirent,
  HostFile,
  HostStat,
  LockKind,
  Locator,
  OperationContext,
  SetTimes,
} from '../../server/host/hostFs';
import { readDirectory } from '../libc/dirents';
import {
  chmodFd,
  chownFd,
  close,
  copyFileRange,
  fallocate,
  fsync,
  ftruncate,
  linkFd,
  lseek,
  pread,
  pwrite,
  reopen,
  startWriteback,
  utimensFd,
} from '../libc/files';
import { cString } from '../libc/libc';
import { flock, lockRange, rangeLockAgainst } from '../libc/locks';
import type { Op } from '../libc/op';
import { getxattrFd, listxattrFd, removexattrFd, setxattrFd } from '../libc/xattr';
import type { Mount } from './mountTable';
import { openFlagsOf } from './openFlags';
import type { PosixHost } from './posixHost';

/** How long a listing waits for the attributes of a mount point that may hang. */
const LOOKUP_PATIENCE_MS = 50;

/** An open file or directory. */
export class PosixFile implements HostFile {
  /** Calls under way on threads: the descriptor is closed behind the last one. */
  private users = 0;
  private closing: (() => void) | undefined;
  private closed = false;

  constructor(
    private readonly host: PosixHost,
    private readonly mount: Mount,
    private readonly fd: number,
    /** Where a directory was opened, to know which of its entries are mount points. */
    private readonly path: Buffer | undefined,
  ) {}

  get sb(): SuperblockId {
    return this.mount.sb;
  }

  stat(context?: OperationContext): Awaitable<HostStat> {
    return this.run(this.host.identify.ofFd(this.descriptor), context);
  }

  reopen(flags: number, context?: OperationContext): Awaitable<HostFile> {
    const { descriptor, host, mount, path } = this;
    const open = function* (): Op<HostFile> {
      return new PosixFile(host, mount, yield* reopen(descriptor, openFlagsOf(flags)), path);
    };
    return this.run(open(), context);
  }

  read(into: Buffer, offset: bigint, context?: OperationContext): Awaitable<number> {
    return this.run(pread(this.descriptor, into, offset), context);
  }

  write(from: Buffer, offset: bigint, context?: OperationContext): Awaitable<number> {
    return this.run(pwrite(this.descriptor, from, offset), context);
  }

  truncate(size: bigint): Awaitable<void> {
    return this.run(ftruncate(this.descriptor, size));
  }

  chmod(mode: number): Awaitable<void> {
    return this.run(chmodFd(this.descriptor, mode));
  }

  chown(uid: number, gid: number): Awaitable<void> {
    return this.run(chownFd(this.descriptor, uid, gid));
  }

  setTimes(times: SetTimes): Awaitable<void> {
    return this.run(utimensFd(this.descriptor, times.atimeNs, times.mtimeNs));
  }

  async sync(dataOnly: boolean, context?: OperationContext): Promise<void> {
    await this.runOnThread(fsync(this.descriptor, dataOnly), context);
  }

  startWriteback(): Awaitable<void> {
    return this.runOnThread(startWriteback(this.descriptor));
  }

  allocate(mode: number, offset: bigint, length: bigint): Awaitable<void> {
    return this.runOnThread(fallocate(this.descriptor, mode, offset, length));
  }

  seek(offset: bigint, whence: number): Awaitable<bigint> {
    return this.run(lseek(this.descriptor, offset, whence));
  }

  copyRange(from: bigint, to: HostFile, at: bigint, length: bigint): Awaitable<bigint> {
    if (!(to instanceof PosixFile)) throw new ErrnoError('EXDEV');
    const target = to.descriptor;
    return to.using(this.runOnThread(copyFileRange(this.descriptor, from, target, at, length)));
  }

  getxattr(name: Buffer): Awaitable<Buffer> {
    return this.run(getxattrFd(this.descriptor, name));
  }

  listxattr(): Awaitable<Buffer> {
    return this.run(listxattrFd(this.descriptor));
  }

  setxattr(name: Buffer, value: Buffer, flags: number): Awaitable<void> {
    return this.run(setxattrFd(this.descriptor, name, value, flags));
  }

  removexattr(name: Buffer): Awaitable<void> {
    return this.run(removexattrFd(this.descriptor, name));
  }

  list(context?: OperationContext): Awaitable<HostDirent[]> {
    return this.run(readDirectory(this.descriptor), context);
  }

  lookupMany(names: readonly Buffer[], context?: OperationContext): Awaitable<(HostStat | undefined)[]> {
    const fd = this.descriptor;
    const slow = this.slowEntries(names);
    if (slow.length === 0) return this.run(this.lookupAll(fd, names), context);
    return this.lookupBeside(fd, names, slow, context);
  }

  linkInto(directory: Locator, name: Buffer): Awaitable<void> {
    const fd = this.descriptor;
    const { host } = this;
    const target = cString(name);
    return this.run(host.inDirectory(directory, (dirfd) => linkFd(fd, dirfd, target)));
  }

  lock(kind: LockKind, lock: FileLock): Awaitable<void> {
    return this.run(kind === 'flock' ? flock(this.descriptor, lock) : lockRange(this.descriptor, lock));
  }

  lockAgainst(lock: FileLock): Awaitable<FileLock> {
    return this.run(rangeLockAgainst(this.descriptor, lock));
  }

  close(): Awaitable<void> {
    if (this.closed) return undefined;
    this.closed = true;
    const release = () =>
      this.mount.slow
        ? this.host.lanes.of(this.mount).run(close(this.fd), { must: true })
        : this.host.lanes.run(this.mount, close(this.fd));
    if (this.users === 0) return release();
    return new Promise((resolve) => {
      this.closing = () => resolve(release());
    });
  }

  private get descriptor(): number {
    if (this.closed) throw new ErrnoError('EBADF', 'the file is closed');
    return this.fd;
  }

  private run<T>(op: Op<T>, context?: OperationContext): Awaitable<T> {
    const result = this.host.lanes.run(this.mount, op, context);
    return result instanceof Promise ? this.using(result) : result;
  }

  /** For what may take long also on a local filesystem. */
  private runOnThread<T>(op: Op<T>, context?: OperationContext): Promise<T> {
    return this.using(this.host.lanes.of(this.mount).run(op, { signal: context?.signal }));
  }

  /** Keeps the descriptor open until a call on a thread is done with it. */
  private using<T>(result: Promise<T>): Promise<T> {
    this.users++;
    return result.finally(() => {
      if (--this.users === 0) this.closing?.();
    });
  }

  private slowEntries(names: readonly Buffer[]): Mount[] {
    const { path, host } = this;
    if (path === undefined) return [];
    host.mounts.settle();
    if (!host.mounts.hasSlowMounts) return [];
    return names.flatMap((name) => host.mounts.slowAt(path, name) ?? []);
  }

  private *lookupAll(fd: number, names: readonly Buffer[]): Op<(HostStat | undefined)[]> {
    const found: (HostStat | undefined)[] = [];
    for (const name of names) found.push(yield* this.lookupOne(fd, name));
    return found;
  }

  private *lookupOne(fd: number, name: Buffer): Op<HostStat | undefined> {
    try {
      return yield* this.host.identify.at(fd, cString(name));
    } catch (error) {
      if (error instanceof ErrnoError) return undefined;
      throw error;
    }
  }

  /** Some entries are mounts that may hang: those are asked beside the others, and not waited for long. */
  private async lookupBeside(
    fd: number,
    names: readonly Buffer[],
    slow: readonly Mount[],
    context: OperationContext | undefined,
  ): Promise<(HostStat | undefined)[]> {
    const { host, path } = this;
    const places = new Map(slow.map((mount) => [mount.mountpoint.toString('latin1'), mount]));
    const prefix = path === undefined || path.length === 1 ? '/' : `${path.toString('latin1')}/`;
    const results = names.map((name) => {
      const mount = places.get(prefix + name.toString('latin1'));
      if (mount === undefined) return this.run(this.lookupOne(fd, name), context);
      const looking = host.lanes.of(mount).run(this.lookupOne(fd, name), { patienceMs: LOOKUP_PATIENCE_MS });
      return this.using(looking).catch(() => undefined);
    });
    return Promise.all(results);
  }
}
