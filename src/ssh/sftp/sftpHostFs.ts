import type { Attributes, SFTPWrapper } from 'ssh2';
import { Errno, ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../protocol/fuse';
import type {
  HostFile,
  HostFs,
  HostMounts,
  HostStat,
  HostStatfs,
  Locator,
  SetTimes,
} from '../../server/host/hostFs';
import { RENAME_NOREPLACE } from '../../protocol/renameFlags';
import { OpenFlag } from '../../server/ops/openFlags';
import { hostStatOf, sftpText } from './attributes';
import { joined, Listings } from './listings';
import { PathIdentity } from './pathIdentity';
import { type Done, SftpCalls, SftpFailure } from './sftpCalls';
import { SftpDirectory } from './sftpDirectory';
import { type SftpPlace, SftpFile, timesOf } from './sftpFile';
import { unsupported, WithoutXattrs } from './sftpObject';

/** SSH_FXF_* (draft-ietf-secsh-filexfer-02, 6.3) */
const FXF = { READ: 1, WRITE: 2, CREAT: 8, TRUNC: 16, EXCL: 32 } as const;

/** Leaves an id of chown(2) as it is. */
const UNCHANGED = 0xffffffff;

/** No link of Linux leads by a longer way. */
const PATH_MAX = 4096;

/** access(2) */
const W_OK = 2;

/** How long polling takes the attributes of entries from a listing. */
const LISTING_VALID_MS = 500;

/**
 * A host behind nothing but an SFTP server. Objects are found by path, and what the protocol lacks is made up as
 * carefully as it goes: inode numbers (PathIdentity), one link, times in seconds, one superblock. A change that another
 * made behind our back may go unnoticed where size and second stay the same.
 */
export class SftpHostFs extends WithoutXattrs implements HostFs {
  readonly identity = new PathIdentity();
  readonly listings: Listings;
  private readonly calls: SftpCalls;
  private readonly place: SftpPlace;

  constructor(
    open: () => Promise<SFTPWrapper>,
    readonly mounts: HostMounts,
    log: (message: string) => void = () => {},
  ) {
    super();
    this.calls = new SftpCalls(open);
    this.listings = new Listings(this.calls, () => performance.now(), LISTING_VALID_MS, log);
    const changed = () => this.listings.forget();
    this.place = { calls: this.calls, identity: this.identity, changed };
  }

  async stat(at: Locator): Promise<HostStat> {
    return this.look(this.pathOf(at), at);
  }

  async lookup(directory: Locator, name: Buffer): Promise<HostStat> {
    return this.look(this.entryOf(directory, name));
  }

  readlink(at: Locator): Promise<Buffer> {
    const path = this.pathOf(at);
    return this.calls.call('repeatable', (sftp, done: Done<Buffer>) =>
      sftp.readlink(path, (error, target) => done(error, Buffer.from(target ?? '').subarray(0, PATH_MAX))),
    );
  }

  async open(at: Locator, flags: number): Promise<HostFile> {
    const path = this.pathOf(at);
    const found = await this.look(path, at);
    const type = found.mode & S_IFMT;
    if (type === S_IFDIR) {
      return new SftpDirectory(path, this.identity, this.listings, () => this.look(path, at));
    }
    if ((flags & OpenFlag.DIRECTORY) === OpenFlag.DIRECTORY) throw new ErrnoError('ENOTDIR', path);
    if (type === S_IFLNK) throw new ErrnoError('ELOOP', path);
    // Opening a pipe would block the server, and a device is nothing to read over a network.
    if (type !== S_IFREG) throw new ErrnoError('ENXIO', `${path} is not a regular file`);
    const bits = accessBits(flags);
    const truncates = (flags & OpenFlag.TRUNC) !== 0;
    const size = truncates ? 0n : found.size;
    return this.opened(path, bits | (truncates ? FXF.TRUNC : 0), bits, 'repeatable', size);
  }

  async create(
    directory: Locator,
    name: Buffer,
    flags: number,
    mode: number,
    umask: number,
  ): Promise<{ file: HostFile; stat: HostStat }> {
    const path = this.entryOf(directory, name);
    const bits = accessBits(flags);
    const there = await this.existing(path);
    if (there !== undefined) {
      if (flags & OpenFlag.EXCL) throw new ErrnoError('EEXIST', path);
      return { file: await this.open({ path: Buffer.from(path) }, flags), stat: there };
    }
    this.identity.created(path);
    const attributes = { mode: mode & ~umask & 0o7777 };
    const file = await this.opened(path, bits | FXF.CREAT | FXF.EXCL, bits, 'once', 0n, attributes).catch(
      (error) => this.explained(error, path, 'EEXIST'),
    );
    this.listings.forget();
    return { file, stat: await file.stat() };
  }

  openUnnamed(): never {
    return unsupported('unnamed files');
  }

  async mkdir(directory: Locator, name: Buffer, mode: number, umask: number): Promise<HostStat> {
    const path = this.entryOf(directory, name);
    await this.change((sftp, done) => sftp.mkdir(path, { mode: mode & ~umask & 0o7777 }, done)).catch(
      (error) => this.explained(error, path, 'EEXIST'),
    );
    this.identity.created(path);
    return this.look(path);
  }

  mknod(): never {
    return unsupported('device files');
  }

  async symlink(directory: Locator, name: Buffer, target: Buffer): Promise<HostStat> {
    const path = this.entryOf(directory, name);
    await this.change((sftp, done) => sftp.symlink(sftpText(target), path, done)).catch((error) =>
      this.explained(error, path, 'EEXIST'),
    );
    this.identity.created(path);
    return this.look(path);
  }

  async link(at: Locator, directory: Locator, name: Buffer): Promise<HostStat> {
    const path = this.entryOf(directory, name);
    const from = this.pathOf(at);
    await this.change((sftp, done) => sftp.ext_openssh_hardlink(from, path, done)).catch((error) =>
      this.explained(error, path, 'EEXIST'),
    );
    return this.look(path);
  }

  async unlink(directory: Locator, name: Buffer): Promise<void> {
    const path = this.entryOf(directory, name);
    // OpenSSH would say no more than that it failed.
    if (((await this.look(path)).mode & S_IFMT) === S_IFDIR) throw new ErrnoError('EISDIR', path);
    await this.change((sftp, done) => sftp.unlink(path, done));
    this.identity.removed(path);
  }

  async rmdir(directory: Locator, name: Buffer): Promise<void> {
    const path = this.entryOf(directory, name);
    try {
      await this.change((sftp, done) => sftp.rmdir(path, done));
    } catch (error) {
      if (!(error instanceof SftpFailure)) throw error;
      if (((await this.look(path)).mode & S_IFMT) !== S_IFDIR) throw new ErrnoError('ENOTDIR', path);
      if ((await this.listings.list(path)).size > 0) throw new ErrnoError('ENOTEMPTY', path);
      throw error;
    }
    this.identity.removed(path);
  }

  async rename(from: Locator, name: Buffer, to: Locator, newName: Buffer, flags: number): Promise<void> {
    const source = this.entryOf(from, name);
    const target = this.entryOf(to, newName);
    if (flags === RENAME_NOREPLACE) await this.renameToNew(source, target);
    else if (flags === 0) await this.renameOver(source, target);
    else throw new ErrnoError('EINVAL', 'SFTP cannot exchange two names');
    this.identity.renamed(source, target);
  }

  async chmod(at: Locator, mode: number): Promise<void> {
    const path = await this.notLink(at);
    await this.change((sftp, done) => sftp.setstat(path, { mode: mode & 0o7777 }, done));
  }

  async chown(at: Locator, uid: number, gid: number): Promise<void> {
    const before = await this.stat(at);
    const path = await this.notLink(at);
    const ids = { uid: uid === UNCHANGED ? before.uid : uid, gid: gid === UNCHANGED ? before.gid : gid };
    await this.change((sftp, done) => sftp.setstat(path, ids, done));
  }

  async truncate(at: Locator, size: bigint): Promise<void> {
    const path = await this.notLink(at);
    await this.change((sftp, done) => sftp.setstat(path, { size: Number(size) }, done));
  }

  async setTimes(at: Locator, times: SetTimes): Promise<void> {
    const path = await this.notLink(at);
    const { atime, mtime } = timesOf(times, await this.look(path));
    await this.change((sftp, done) => sftp.utimes(path, atime, mtime, done));
  }

  /** Only opening shows what is allowed; where opening does harm, the operation itself will show it. */
  async access(at: Locator, mask: number): Promise<void> {
    const path = this.pathOf(at);
    const found = await this.look(path, at);
    if ((found.mode & S_IFMT) !== S_IFREG || (mask & W_OK) === 0) return;
    const file = await this.opened(path, FXF.WRITE, FXF.WRITE, 'repeatable', found.size);
    await file.close();
  }

  async statfs(at: Locator): Promise<HostStatfs> {
    const path = this.pathOf(at);
    const found = await this.calls.call('repeatable', (sftp, done: Done<StatVfs>) =>
      sftp.ext_openssh_statvfs(path, (error, value) => done(error, value as unknown as StatVfs)),
    );
    return {
      blocks: BigInt(found.f_blocks),
      bfree: BigInt(found.f_bfree),
      bavail: BigInt(found.f_bavail),
      files: BigInt(found.f_files),
      ffree: BigInt(found.f_ffree),
      bsize: found.f_bsize,
      namelen: found.f_namemax,
      frsize: found.f_frsize,
    };
  }

  private pathOf(at: Locator): string {
    return sftpText(at.path);
  }

  private entryOf(directory: Locator, name: Buffer): string {
    const path = this.pathOf(directory);
    if (directory.expect !== undefined && this.identity.ino(path) !== directory.expect.ino) {
      throw new ErrnoError('ESTALE', path);
    }
    return joined(path, sftpText(name));
  }

  /** The attributes of the object at a path. ESTALE if it is not the expected one. */
  private async look(path: string, at?: Locator): Promise<HostStat> {
    const ino = this.identity.ino(path);
    if (at?.expect !== undefined && at.expect.ino !== ino) throw new ErrnoError('ESTALE', path);
    const attributes = await this.calls.call<Attributes>('repeatable', (sftp, done) =>
      sftp.lstat(path, done),
    );
    return hostStatOf(attributes, ino);
  }

  private async existing(path: string): Promise<HostStat | undefined> {
    try {
      return await this.look(path);
    } catch (error) {
      if (error instanceof ErrnoError && error.errno === Errno.ENOENT) return undefined;
      throw error;
    }
  }

  /** SFTP's setstat follows a link; what is named here is the link itself. */
  private async notLink(at: Locator): Promise<string> {
    const path = this.pathOf(at);
    if (((await this.look(path, at)).mode & S_IFMT) === S_IFLNK) unsupported('attributes of symbolic links');
    return path;
  }

  private async opened(
    path: string,
    flags: number,
    reopenFlags: number,
    repeat: 'once' | 'repeatable',
    size: bigint,
    attributes: { mode?: number } = {},
  ): Promise<SftpFile> {
    const bytes = await this.calls.call<Buffer>(repeat, (sftp, done) =>
      sftp.open(path, flags, attributes, done),
    );
    if (flags & (FXF.TRUNC | FXF.CREAT)) this.listings.forget();
    return new SftpFile(
      this.place,
      path,
      reopenFlags,
      { bytes, epoch: this.calls.epoch },
      this.identity.ino(path),
      size,
    );
  }

  private async change(
    request: (sftp: SFTPWrapper, done: (error: Error | null | undefined) => void) => void,
  ): Promise<void> {
    this.listings.forget();
    try {
      await this.calls.call<void>('once', (sftp, done) => request(sftp, (error) => done(error, undefined)));
    } finally {
      this.listings.forget();
    }
  }

  /** What FAILURE meant, if something of that name is there. */
  private async explained(error: unknown, path: string, ifThere: 'EEXIST'): Promise<never> {
    if (error instanceof SftpFailure && (await this.existing(path)) !== undefined)
      throw new ErrnoError(ifThere, path);
    throw error;
  }

  /** SFTP's own rename replaces nothing. */
  private async renameToNew(source: string, target: string): Promise<void> {
    await this.change((sftp, done) => sftp.rename(source, target, done)).catch((error) =>
      this.explained(error, target, 'EEXIST'),
    );
  }

  /** rename(2), which OpenSSH has as an extension. Without it a name that is taken can't be given to another file. */
  private async renameOver(source: string, target: string): Promise<void> {
    try {
      await this.change((sftp, done) => sftp.ext_openssh_rename(source, target, done));
    } catch (error) {
      if (error instanceof SftpFailure) return this.explainRename(error, source, target);
      if (!(error instanceof ErrnoError) || error.code !== 'EOPNOTSUPP') throw error;
      if ((await this.existing(target)) !== undefined) throw error;
      await this.change((sftp, done) => sftp.rename(source, target, done));
    }
  }

  private async explainRename(error: SftpFailure, source: string, target: string): Promise<never> {
    const from = (await this.look(source)).mode & S_IFMT;
    const to = (await this.existing(target))?.mode;
    if (to === undefined) throw error;
    if ((to & S_IFMT) !== S_IFDIR && from === S_IFDIR) throw new ErrnoError('ENOTDIR', target);
    if ((to & S_IFMT) === S_IFDIR && from !== S_IFDIR) throw new ErrnoError('EISDIR', target);
    if ((to & S_IFMT) === S_IFDIR && (await this.listings.list(target)).size > 0) {
      throw new ErrnoError('ENOTEMPTY', target);
    }
    throw error;
  }
}

/** struct statvfs as the extension sends it. */
interface StatVfs {
  readonly f_bsize: number;
  readonly f_frsize: number;
  readonly f_blocks: number;
  readonly f_bfree: number;
  readonly f_bavail: number;
  readonly f_files: number;
  readonly f_ffree: number;
  readonly f_namemax: number;
}

function accessBits(flags: number): number {
  switch (flags & OpenFlag.ACCMODE) {
    case OpenFlag.WRONLY:
      return FXF.WRITE;
    case OpenFlag.RDWR:
      return FXF.READ | FXF.WRITE;
    default:
      return FXF.READ;
  }
}
