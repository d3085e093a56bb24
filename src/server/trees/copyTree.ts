import { ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../protocol/fuse';
import type { HostFile, HostFs, HostStat, Identity, Locator, OperationContext } from '../host/hostFs';
import { childPath } from '../host/hostPath';
import { OpenFlag } from '../ops/openFlags';
import { copyContent } from '../host/copyContent';
import { isErrno, isUnsupported } from '../host/hostErrors';
import type { TimeSlice } from '../timeSlice';

const PERMISSIONS = 0o7777;
/** While it is filled a directory must be ours to fill, whatever its mode will be. */
const FILLING = 0o700;
const OTHERS = 0o077;
const S_ISUID_S_ISGID = 0o6000;

export interface CopyOptions {
  readonly slice: TimeSlice;
  readonly context: OperationContext;
  /** Whose the new folders are; undefined where that is not known. */
  readonly uid: number | undefined;
  /** Called with the folder that takes the copy of a folder, when it is made and before anything is put into it. */
  readonly began: (top: HostStat) => Promise<void>;
  /** Told of every part: bytes of content copied, and bytes known of. */
  readonly copied: (done: number, known: number) => void;
}

/**
 * Copies an entry with all that is below it to a name that nobody has. Modes, times, extended attributes and ACLs,
 * symbolic links, hard links within the tree and holes are kept; owners are whoever copies. Mounts in the tree are not
 * entered: their directories are copied empty. Gives the new object.
 *
 * Each new object is known by its inode from its making on: whoever may write in the destination's directory can rename
 * what is there, and would be given what a private folder holds. ESTALE where somebody did. EINVAL for a folder that
 * turns out to hold its own copy, by a bind mount for instance.
 */
export async function copyTree(
  host: HostFs,
  from: Locator,
  name: Buffer,
  to: Locator,
  newName: Buffer,
  options: CopyOptions,
): Promise<Identity> {
  const top = await host.lookup(from, name, options.context);
  return new Copying(host, top.sb, options).entry(from, name, top, to, newName);
}

/** Filesystems of other systems: their files are whoever's the mount says, and have numbers made up while they are used. */
const WITHOUT_OWNERS: ReadonlySet<string> = new Set([
  'vfat',
  'msdos',
  'exfat',
  'ntfs',
  'ntfs3',
  'hfs',
  'hfsplus',
  'udf',
  'iso9660',
]);

/** Whether objects keep identity, owner and mode as they are given. Over a network a number may be made of the name. */
export function keepsIdentities(host: HostFs, { sb }: Identity): boolean {
  const mount = host.mounts.get(sb);
  return mount?.kind === 'local' && !WITHOUT_OWNERS.has(mount.fstype);
}

class Copying {
  private done = 0;
  private known = 0;
  /** Where the first name of a file with several links went, by inode. */
  private readonly linked = new Map<bigint, Locator>();
  /** The folder that takes the copy. */
  private top: HostStat | undefined;

  constructor(
    private readonly host: HostFs,
    private readonly sb: HostStat['sb'],
    private readonly options: CopyOptions,
  ) {}

  /** Copies one entry, and gives the new object. */
  async entry(from: Locator, name: Buffer, stat: HostStat, to: Locator, newName: Buffer): Promise<Identity> {
    await this.options.slice.step();
    const source: Locator = { path: childPath(from.path, name), expect: stat };
    const path = childPath(to.path, newName);
    const type = stat.mode & S_IFMT;
    if (type === S_IFDIR) {
      const made = await this.folder(stat, to, newName);
      const target: Locator = { path, expect: made };
      if (stat.sb === this.sb) await this.children(source, target);
      await this.finish(source, stat, target);
      return made;
    }
    if (stat.nlink > 1) {
      const first = this.linked.get(stat.ino);
      if (first?.expect !== undefined && (await this.linkedTo(first, to, newName))) return first.expect;
    }
    const made = await this.other(type, source, stat, to, newName);
    if (stat.nlink > 1) this.linked.set(stat.ino, { path, expect: made });
    return made;
  }

  /** Makes the folder that takes the copy of one. */
  private async folder(stat: HostStat, to: Locator, newName: Buffer): Promise<HostStat> {
    if (this.top !== undefined && isSameFolder(stat, this.top)) {
      throw new ErrnoError('EINVAL', 'a folder can not be copied into itself');
    }
    const made = await this.host.mkdir(to, newName, FILLING, 0, this.options.context);
    if (this.top !== undefined) return made;
    await this.assertFresh(made, { path: childPath(to.path, newName), expect: made });
    this.top = made;
    await this.options.began(made);
    return made;
  }

  /**
   * mkdir(2) does not say what it made: between it and our look somebody may have put another folder in its place. One
   * that is ours, shut and empty is as good. Below the first folder nobody else can do that.
   */
  private async assertFresh(made: HostStat, at: Locator): Promise<void> {
    const { uid } = this.options;
    if (uid === undefined || !keepsIdentities(this.host, made)) return;
    const isShut = (made.mode & OTHERS) === 0;
    if (made.uid !== uid || !isShut || (await this.namesIn(at)).length > 0) {
      throw new ErrnoError('ESTALE', 'somebody else put another folder in the place of the copy');
    }
  }

  private async other(
    type: number,
    source: Locator,
    stat: HostStat,
    to: Locator,
    newName: Buffer,
  ): Promise<Identity> {
    if (type === S_IFREG) return this.file(source, stat, to, newName);
    const path = childPath(to.path, newName);
    if (type === S_IFLNK) {
      const text = await this.host.readlink(source, this.options.context);
      const made = await this.host.symlink(to, newName, text, this.options.context);
      await this.host.setTimes({ path, expect: made }, { atimeNs: stat.atimeNs, mtimeNs: stat.mtimeNs });
      return made;
    }
    const device = { major: stat.rdevMajor, minor: stat.rdevMinor };
    const made = await this.host.mknod(to, newName, stat.mode, device, 0, this.options.context);
    await this.finish(source, stat, { path, expect: made });
    return made;
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

  private async namesIn(folder: Locator): Promise<Buffer[]> {
    const flags = OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.NOFOLLOW;
    const open = await this.host.open(folder, flags, this.options.context);
    try {
      return (await open.list()).map((entry) => entry.name);
    } finally {
      await open.close();
    }
  }

  private async children(source: Locator, target: Locator): Promise<void> {
    for (const name of await this.namesIn(source)) {
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

  private async file(source: Locator, stat: HostStat, to: Locator, newName: Buffer): Promise<Identity> {
    const { host, options } = this;
    this.known += Number(stat.size);
    const from = await host.open(source, OpenFlag.RDONLY | OpenFlag.NOFOLLOW, options.context);
    try {
      const flags = OpenFlag.RDWR | OpenFlag.EXCL;
      const made = await host.create(to, newName, flags, stat.mode & 0o700 & FILLING, 0, options.context);
      const { file } = made;
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
        return made.stat;
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

/** Whether two looks, maybe through two mounts, saw the same folder. */
function isSameFolder(a: HostStat, b: HostStat): boolean {
  return a.ino === b.ino && a.devMajor === b.devMajor && a.devMinor === b.devMinor;
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
