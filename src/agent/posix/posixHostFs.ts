import { ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../protocol/fuse';
import type {
  Awaitable,
  HostFile,
  HostFs,
  HostStat,
  HostStatfs,
  Locator,
  OperationContext,
  SetTimes,
} from '../../server/host/hostFs';
import { encodeDevice } from '../../server/ops/attributes';
import {
  accessFd,
  chmodFd,
  chownFd,
  close,
  linkFd,
  mkdirat,
  mknodat,
  openat,
  procPath,
  readlinkFd,
  renameat2,
  reopen,
  symlinkat,
  truncate,
  unlinkat,
  utimensFd,
} from '../libc/files';
import { AT_FDCWD, AT_REMOVEDIR, O } from '../libc/flags';
import { cString } from '../libc/libc';
import type { Op } from '../libc/op';
import { fstatfs } from '../libc/statx';
import { getxattrFd, listxattrFd, removexattrFd, setxattrFd } from '../libc/xattr';
import { CallerIds, type Making } from './caller';
import { Lanes } from './lanes';
import type { Mount, MountTable } from './mountTable';
import { openFlagsOf } from './openFlags';
import { PosixFile } from './posixFile';
import { PosixHost } from './posixHost';

const HERE = cString(Buffer.from('.'));
interface Opened {
  readonly file: HostFile;
  readonly stat: HostStat;
}

const ENXIO_TYPES = 'not a file or directory: its own kernel opens it';

/**
 * A Linux host. Every operation finds its object by path anew and verifies who is there, so that between operations
 * nothing is held open: no descriptor keeps a mount busy, and no rename goes unnoticed.
 */
export class PosixHostFs implements HostFs {
  private readonly host: PosixHost;
  private readonly caller = new CallerIds();

  /** The process's own umask must be 0: each creation brings the one to use. */
  constructor(
    readonly mounts: MountTable,
    lanes = new Lanes(mounts),
  ) {
    this.host = new PosixHost(mounts, lanes);
  }

  stat(at: Locator, context?: OperationContext): Awaitable<HostStat> {
    return this.on(at, context, (fd, stat) => this.known(fd, stat));
  }

  lookup(directory: Locator, name: Buffer, context?: OperationContext): Awaitable<HostStat> {
    const { host } = this;
    const target = cString(name);
    const isAutomount = host.mountOf(directory).kind === 'autofs';
    const enter = () => this.triggerAutomount(directory.path);
    const op = host.inDirectory(directory, function* (dirfd) {
      if (isAutomount) yield* enter();
      return yield* host.identify.at(dirfd, target);
    });
    return host.lanes.run(host.mountOfEntry(directory, name), op, context);
  }

  readlink(at: Locator, context?: OperationContext): Awaitable<Buffer> {
    return this.on(at, context, (fd) => readlinkFd(fd));
  }

  open(at: Locator, flags: number, context?: OperationContext): Awaitable<HostFile> {
    const mount = this.host.mountOf(at);
    const wanted = openFlagsOf(flags);
    const op = this.host.at(at, (fd, stat) => this.opened(fd, stat, wanted, at.path));
    return this.host.lanes.run(mount, op, context, closeUnwanted);
  }

  create(
    directory: Locator,
    name: Buffer,
    flags: number,
    mode: number,
    umask: number,
    context?: OperationContext,
  ): Awaitable<Opened> {
    const { host, caller } = this;
    const target = cString(name);
    const wanted = openFlagsOf(flags);
    const create = (dirfd: number, making: Making, mount: Mount) =>
      this.createOrOpen(dirfd, target, wanted, function* (exclusive) {
        const fd = yield* caller.make(making, () =>
          openat(dirfd, target, exclusive | O.NOFOLLOW, caller.mode(making, mode & 0o7777)),
        );
        return yield* closedOnError(fd, function* () {
          yield* caller.own(making, fd);
          const stat = yield* host.identify.ofFd(fd);
          return { file: new PosixFile(host, mount, fd, undefined), stat };
        });
      });
    return this.making(directory, umask, context, create, ({ file }) => closeUnwanted(file));
  }

  openUnnamed(
    directory: Locator,
    flags: number,
    mode: number,
    context?: OperationContext,
  ): Awaitable<Opened> {
    const { host, caller } = this;
    const wanted = openFlagsOf(flags) | O.TMPFILE | O.DIRECTORY;
    const create = function* (dirfd: number, making: Making, mount: Mount): Op<Opened> {
      const fd = yield* caller.make(making, () => openat(dirfd, HERE, wanted, mode & 0o7777));
      return yield* closedOnError(fd, function* () {
        yield* caller.own(making, fd);
        const stat = yield* host.identify.ofFd(fd);
        return { file: new PosixFile(host, mount, fd, undefined), stat };
      });
    };
    return this.making(directory, 0, context, create, ({ file }) => closeUnwanted(file));
  }

  mkdir(
    directory: Locator,
    name: Buffer,
    mode: number,
    umask: number,
    context?: OperationContext,
  ): Awaitable<HostStat> {
    return this.made(directory, name, umask, context, (dirfd, target, making) =>
      mkdirat(dirfd, target, this.caller.mode(making, mode & 0o7777)),
    );
  }

  mknod(
    directory: Locator,
    name: Buffer,
    mode: number,
    rdev: { major: number; minor: number },
    umask: number,
    context?: OperationContext,
  ): Awaitable<HostStat> {
    const device = encodeDevice(rdev.major, rdev.minor);
    return this.made(directory, name, umask, context, (dirfd, target, making) =>
      mknodat(dirfd, target, this.caller.mode(making, mode), device),
    );
  }

  symlink(directory: Locator, name: Buffer, to: Buffer, context?: OperationContext): Awaitable<HostStat> {
    const content = cString(to);
    return this.made(directory, name, 0, context, (dirfd, target) => symlinkat(content, dirfd, target));
  }

  link(at: Locator, directory: Locator, name: Buffer, context?: OperationContext): Awaitable<HostStat> {
    const { host } = this;
    const target = cString(name);
    return this.on(at, context, (fd) =>
      host.inDirectory(directory, function* (dirfd) {
        yield* linkFd(fd, dirfd, target);
        return yield* host.identify.ofFd(fd);
      }),
    );
  }

  unlink(directory: Locator, name: Buffer, context?: OperationContext): Awaitable<void> {
    const target = cString(name);
    return this.on(directory, context, (dirfd) => unlinkat(dirfd, target, 0));
  }

  rmdir(directory: Locator, name: Buffer, context?: OperationContext): Awaitable<void> {
    const target = cString(name);
    return this.on(directory, context, (dirfd) => unlinkat(dirfd, target, AT_REMOVEDIR));
  }

  rename(
    from: Locator,
    name: Buffer,
    to: Locator,
    newName: Buffer,
    flags: number,
    context?: OperationContext,
  ): Awaitable<void> {
    const { host } = this;
    const source = cString(name);
    const target = cString(newName);
    return this.on(from, context, (fd) =>
      host.inDirectory(to, (toFd) => renameat2(fd, source, toFd, target, flags)),
    );
  }

  chmod(at: Locator, mode: number, context?: OperationContext): Awaitable<void> {
    return this.on(at, context, (fd) => chmodFd(fd, mode));
  }

  chown(at: Locator, uid: number, gid: number, context?: OperationContext): Awaitable<void> {
    return this.on(at, context, (fd) => chownFd(fd, uid, gid));
  }

  truncate(at: Locator, size: bigint, context?: OperationContext): Awaitable<void> {
    return this.on(at, context, (fd) => truncate(procPath(fd), size));
  }

  setTimes(at: Locator, times: SetTimes, context?: OperationContext): Awaitable<void> {
    return this.on(at, context, (fd) => utimensFd(fd, times.atimeNs, times.mtimeNs));
  }

  access(at: Locator, mask: number, context?: OperationContext): Awaitable<void> {
    return this.on(at, context, (fd) => accessFd(fd, mask));
  }

  statfs(at: Locator, context?: OperationContext): Awaitable<HostStatfs> {
    return this.on(at, context, function* (fd) {
      const found = yield* fstatfs(fd);
      return {
        ...found,
        bsize: Number(found.bsize),
        namelen: Number(found.namelen),
        frsize: Number(found.frsize),
      };
    });
  }

  getxattr(at: Locator, name: Buffer, context?: OperationContext): Awaitable<Buffer> {
    return this.on(at, context, (fd) => getxattrFd(fd, name));
  }

  listxattr(at: Locator, context?: OperationContext): Awaitable<Buffer> {
    return this.on(at, context, (fd) => listxattrFd(fd));
  }

  setxattr(
    at: Locator,
    name: Buffer,
    value: Buffer,
    flags: number,
    context?: OperationContext,
  ): Awaitable<void> {
    return this.on(at, context, (fd) => setxattrFd(fd, name, value, flags));
  }

  removexattr(at: Locator, name: Buffer, context?: OperationContext): Awaitable<void> {
    return this.on(at, context, (fd) => removexattrFd(fd, name));
  }

  private on<T>(
    at: Locator,
    context: OperationContext | undefined,
    work: (fd: number, stat: HostStat | undefined) => Op<T>,
  ): Awaitable<T> {
    return this.host.lanes.run(this.host.mountOf(at), this.host.at(at, work), context);
  }

  private *known(fd: number, stat: HostStat | undefined): Op<HostStat> {
    return stat ?? (yield* this.host.identify.ofFd(fd));
  }

  /** Opens for good what an O_PATH descriptor stands for. ELOOP for a link, ENXIO for a device, FIFO or socket. */
  private *opened(fd: number, found: HostStat | undefined, flags: number, path: Buffer): Op<HostFile> {
    const stat = yield* this.known(fd, found);
    const type = stat.mode & S_IFMT;
    if (type === S_IFLNK) throw new ErrnoError('ELOOP');
    if (type !== S_IFREG && type !== S_IFDIR) throw new ErrnoError('ENXIO', ENXIO_TYPES);
    const mount = this.host.mounts.get(stat.sb);
    if (mount === undefined) throw new ErrnoError('ESTALE', 'its mount is gone');
    if (mount.kind === 'autofs') yield* this.triggerAutomount(path);
    const file = yield* reopen(fd, flags);
    return new PosixFile(this.host, mount, file, type === S_IFDIR ? path : undefined);
  }

  /** Enters an automount point, which makes its daemon mount: whoever was there is covered then, and stale. */
  private *triggerAutomount(path: Buffer): Op<void> {
    const before = this.mounts.covering(path);
    const fd = yield* openat(AT_FDCWD, cString(path), O.DIRECTORY | O.NOFOLLOW);
    try {
      const { sb } = yield* this.host.identify.ofFd(fd);
      if (sb !== before.sb) throw new ErrnoError('ESTALE', 'something was mounted here');
    } finally {
      yield* close(fd);
    }
  }

  /** Creates; where the name is taken and O_EXCL was not asked, opens what is there. */
  private *createOrOpen(
    dirfd: number,
    target: Buffer,
    wanted: number,
    create: (flags: number) => Op<Opened>,
  ): Op<Opened> {
    try {
      return yield* create(wanted | O.CREAT | O.EXCL);
    } catch (error) {
      const taken = error instanceof ErrnoError && error.code === 'EEXIST';
      if (!taken || wanted & O.EXCL) throw error;
    }
    const fd = yield* openat(dirfd, target, O.PATH | O.NOFOLLOW);
    try {
      const stat = yield* this.host.identify.ofFd(fd);
      const file = yield* this.opened(fd, stat, wanted, EMPTY_PATH);
      return { file, stat };
    } finally {
      yield* close(fd);
    }
  }

  private making<T>(
    directory: Locator,
    umask: number,
    context: OperationContext | undefined,
    work: (dirfd: number, making: Making, mount: Mount) => Op<T>,
    discard?: (value: T) => void,
  ): Awaitable<T> {
    const mount = this.host.mountOf(directory);
    const making = { credentials: context?.credentials, umask, onMainThread: !mount.slow };
    const op = this.host.inDirectory(directory, (dirfd) => work(dirfd, making, mount));
    return this.host.lanes.run(mount, op, context, discard);
  }

  /** Makes something that is not opened, and gives its attributes. */
  private made(
    directory: Locator,
    name: Buffer,
    umask: number,
    context: OperationContext | undefined,
    work: (dirfd: number, target: Buffer, making: Making) => Op<void>,
  ): Awaitable<HostStat> {
    const { host, caller } = this;
    const target = cString(name);
    return this.making(directory, umask, context, function* (dirfd, making) {
      yield* caller.make(making, () => work(dirfd, target, making));
      const fd = yield* openat(dirfd, target, O.PATH | O.NOFOLLOW);
      try {
        yield* caller.own(making, fd);
        return yield* host.identify.ofFd(fd);
      } finally {
        yield* close(fd);
      }
    });
  }
}

const EMPTY_PATH = Buffer.alloc(0);

/** The client gave up before the file was open: a descriptor would keep the mount busy. */
function closeUnwanted(file: HostFile): void {
  Promise.resolve(file.close()).catch(() => undefined);
}

/** Closes a descriptor that nobody will get because something behind its opening failed. */
function* closedOnError<T>(fd: number, work: () => Op<T>): Op<T> {
  try {
    return yield* work();
  } catch (error) {
    yield* close(fd);
    throw error;
  }
}
