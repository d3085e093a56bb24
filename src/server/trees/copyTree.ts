import { ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../protocol/fuse';
import type { HostFile, HostFs, HostStat, Locator, OperationContext } from '../host/hostFs';
import { childPath } from '../host/hostPath';
import { OpenFlag } from '../ops/openFlags';
import { copyContent } from '../save/copyContent';
import { isErrno, isUnsupported } from '../save/hostErrors';
import type { TimeSlice } from '../timeSlice';

const PERMISSIONS = 0o7777;
/** While it is filled a directory must be ours to fill, whatever its mode will be. */
const FILLING = 0o700;
const S_ISUID_S_ISGID = 0o6000;

export interface CopyOptions {
  readonly slice: TimeSlice;
  readonly context: OperationContext;
  /** Told of every part: bytes of content copied, and bytes known of. */
  readonly copied: (done: number, known: number) => void;
}

/**
 * Copies an entry with all that is below it to a name that nobody has. Modes, times, extended attributes and ACLs,
 * symbolic links, hard links within the tree and holes are kept; owners are whoever copies. Mounts in the tree are not
 * entered: their directories are copied empty. Gives the new object.
 */
export async function copyTree(
  host: HostFs,
  from: Locator,
  name: Buffer,
  to: Locator,
  newName: Buffer,
  options: CopyOptions,
): Promise<HostStat> {
  const top = await host.lookup(from, name, options.context);
  const copying = new Copying(host, top.sb, options);
  await copying.entry(from, name, top, to, newName);
  return host.lookup(to, newName);
}

class Copying {
  private done = 0;
  private known = 0;
  /** Where the first name of a file with several links went, by inode. */
  private readonly linked = new Map<bigint, Locator>();

  constructor(
    private readonly host: HostFs,
    private readonly sb: HostStat['sb'],
    private readonly options: CopyOptions,
  ) {}

  async entry(from: Locator, name: Buffer, stat: HostStat, to: Locator, newName: Buffer): Promise<void> {
    await this.options.slice.step();
    const source: Locator = { path: childPath(from.path, name), expect: stat };
    const target: Locator = { path: childPath(to.path, newName) };
    const type = stat.mode & S_IFMT;
    if (type === S_IFDIR) {
      await this.host.mkdir(to, newName, FILLING, 0, this.options.context);
      if (stat.sb === this.sb) await this.children(source, target);
      await this.finish(source, stat, target);
      return;
    }
    if (stat.nlink > 1) {
      const first = this.linked.get(stat.ino);
      if (first !== undefined && (await this.linkedTo(first, to, newName))) return;
      this.linked.set(stat.ino, target);
    }
    if (type === S_IFREG) {
      await this.file(source, stat, to, newName);
    } else if (type === S_IFLNK) {
      const text = await this.host.readlink(source, this.options.context);
      await this.host.symlink(to, newName, text, this.options.context);
      await this.host.setTimes(target, { atimeNs: stat.atimeNs, mtimeNs: stat.mtimeNs });
    } else {
      const device = { major: stat.rdevMajor, minor: stat.rdevMinor };
      await this.host.mknod(to, newName, stat.mode, device, 0, this.options.context);
      await this.finish(source, stat, target);
    }
  }

  /** A hard link to what was copied; false where the filesystem has none. */
  private async linkedTo(first: Locator, to: Locator, newName: Buffer): Promise<boolean> {
    try {
      await this.host.link(first, to, newName, this.options.context);
      return true;
    } catch (error) {
      if (isUnsupported(error) || isErrno(error, 'EPERM', 'EMLINK')) return false;
      throw error;
    }
  }

  private async children(source: Locator, target: Locator): Promise<void> {
    const flags = OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.NOFOLLOW;
    const open = await this.host.open(source, flags, this.options.context);
    let names: Buffer[];
    try {
      names = (await open.list()).map((entry) => entry.name);
    } finally {
      await open.close();
    }
    for (const name of names) {
      let stat: HostStat;
      try {
        stat = await this.host.lookup(source, name, this.options.context);
      } catch (error) {
        if (isErrno(error, 'ENOENT')) continue; // Removed since it was listed.
        throw error;
      }
      await this.entry(source, name, stat, target, name);
    }
  }

  private async file(source: Locator, stat: HostStat, to: Locator, newName: Buffer): Promise<void> {
    const { host, options } = this;
    this.known += Number(stat.size);
    const from = await host.open(source, OpenFlag.RDONLY | OpenFlag.NOFOLLOW, options.context);
    try {
      const flags = OpenFlag.RDWR | OpenFlag.EXCL;
      const { file } = await host.create(to, newName, flags, stat.mode & 0o700 & FILLING, 0, options.context);
      try {
        await copyContent(from, file, options.slice, {
          sparse: true,
          copied: (bytes) => {
            this.done += bytes;
            options.copied(this.done, Math.max(this.known, this.done));
          },
        });
        await copyXattrs(from, file);
        await file.chmod(ownMode(stat));
        await file.setTimes({ atimeNs: stat.atimeNs, mtimeNs: stat.mtimeNs });
      } finally {
        await file.close();
      }
    } finally {
      await from.close();
    }
  }

  /** Attributes of what is not a regular file; of a directory when it is filled, for that changes its times. */
  private async finish(source: Locator, stat: HostStat, target: Locator): Promise<void> {
    const { host } = this;
    await copyXattrs(
      { listxattr: () => host.listxattr(source), getxattr: (name) => host.getxattr(source, name) },
      { setxattr: (name, value, flags) => host.setxattr(target, name, value, flags) },
    );
    await host.chmod(target, ownMode(stat));
    await host.setTimes(target, { atimeNs: stat.atimeNs, mtimeNs: stat.mtimeNs });
  }
}

/** The mode of a copy. Set-id bits only stand for the owner the original has, as with cp(1) -r. */
function ownMode(stat: HostStat): number {
  const keep = (stat.mode & S_IFMT) === S_IFDIR ? 0o2000 : 0;
  return stat.mode & PERMISSIONS & ~(S_ISUID_S_ISGID & ~keep);
}

type Source = Pick<HostFile, 'listxattr' | 'getxattr'>;
type Target = Pick<HostFile, 'setxattr'>;

/** Namespaces that a copy takes along; labels and capabilities are given by policy to the new file. */
const KEPT = /^(user\.|system\.posix_acl_)/;

/** Copies what the target can hold: a copy on a filesystem without attributes is still a copy. */
async function copyXattrs(from: Source, to: Target): Promise<void> {
  let names: string[];
  try {
    names = (await from.listxattr())
      .toString('latin1')
      .split('\0')
      .filter((name) => KEPT.test(name));
  } catch (error) {
    if (isUnsupported(error)) return;
    throw error;
  }
  for (const name of names) {
    const key = Buffer.from(name, 'latin1');
    try {
      await to.setxattr(key, await from.getxattr(key), 0);
    } catch (error) {
      const skipped = isUnsupported(error) || isErrno(error, 'EPERM', 'EACCES', 'ENODATA');
      if (!skipped || !(error instanceof ErrnoError)) throw error;
    }
  }
}
