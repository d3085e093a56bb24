import type { HostFile, HostFs, HostStat, Locator } from '../host/hostFs';
import { isErrno, isUnsupported } from '../host/hostErrors';

const PERMISSIONS = 0o7777;

/**
 * Attributes that belong to the bytes and not to the file: the kernel itself drops a file's capabilities when it is
 * written, and the hashes of IMA and EVM would be wrong for the new content.
 */
const OF_CONTENT: ReadonlySet<string> = new Set(['security.capability', 'security.ima', 'security.evm']);
/** Given by policy at creation, and only ever changed, never removed. */
const LABEL = 'security.selinux';

/**
 * Gives a staged file the owner, group, mode, ACL and extended attributes of the file it will replace. Undefined when
 * it has them all, else the first that can't be kept: the file is to be written in place then, where they all stay.
 */
export async function copyAttributes(
  host: HostFs,
  staged: HostFile,
  target: Locator,
  targetStat: HostStat,
): Promise<string | undefined> {
  const before = await staged.stat();
  if (before.uid !== targetStat.uid || before.gid !== targetStat.gid) {
    if (!(await allowed(async () => staged.chown(targetStat.uid, targetStat.gid)))) return 'owner';
  }
  const lost = await copyXattrs(host, staged, target);
  if (lost !== undefined) return lost;
  const mode = targetStat.mode & PERMISSIONS;
  // After the owner, for chown(2) clears set-id bits; where an ACL came along it has set these bits already.
  if (((await staged.stat()).mode & PERMISSIONS) !== mode) {
    if (!(await allowed(async () => staged.chmod(mode)))) return 'mode';
  }
  const after = await staged.stat();
  // The kernel takes set-group-id away silently from who is not in the group.
  if ((after.mode & PERMISSIONS) !== mode) return 'mode';
  return after.uid === targetStat.uid && after.gid === targetStat.gid ? undefined : 'owner';
}

async function copyXattrs(host: HostFs, staged: HostFile, target: Locator): Promise<string | undefined> {
  const wanted = await names(async () => host.listxattr(target));
  const present = await names(async () => staged.listxattr());
  for (const name of wanted) {
    if (OF_CONTENT.has(name)) continue;
    const key = Buffer.from(name, 'latin1');
    let value: Buffer;
    try {
      value = await host.getxattr(target, key);
    } catch (error) {
      // Removed since it was listed.
      if (isErrno(error, 'ENODATA')) continue;
      // Listed, but not ours to see, let alone to set.
      if (isErrno(error, 'EACCES', 'EPERM') || isUnsupported(error)) return name;
      throw error;
    }
    if (present.includes(name) && value.equals(await staged.getxattr(key))) continue;
    if (!(await allowed(async () => staged.setxattr(key, value, 0)))) return name;
  }
  for (const name of present) {
    if (wanted.includes(name) || OF_CONTENT.has(name) || name === LABEL) continue;
    if (!(await allowed(async () => staged.removexattr(Buffer.from(name, 'latin1'))))) return name;
  }
  return undefined;
}

/** The names of a list of listxattr(2); none where the filesystem has no such attributes. */
async function names(list: () => Promise<Buffer>): Promise<string[]> {
  try {
    return (await list())
      .toString('latin1')
      .split('\0')
      .filter((name) => name !== '');
  } catch (error) {
    if (isUnsupported(error)) return [];
    throw error;
  }
}

/** Whether the host let us; what is no question of permission or support is an error of the save. */
async function allowed(change: () => Promise<void>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    if (isErrno(error, 'EPERM', 'EACCES', 'ENODATA') || isUnsupported(error)) return false;
    throw error;
  }
}
