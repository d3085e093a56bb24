import type { HostStat } from '../host/hostFs';
import { childPath } from '../host/hostPath';
import { OpenFlag } from '../ops/openFlags';
import { isAppendOnly } from './appendOnly';
import type { Commit } from './commit';
import { isErrno, isUndecided, isUnsupported } from '../host/hostErrors';
import { copyAttributes } from './copyAttributes';
import { discardName } from './stagedFile';
import { underTemporaryName } from '../host/temporaryName';

const DEFAULT_ACL = Buffer.from('system.posix_acl_default');
const NEW_FILE = 0o666;
const PERMISSIONS = 0o7777;

/** Gives staged content that will be a new file the mode asked for, or the one any program's new file would have. */
export async function giveNewFileItsMode(commit: Commit, mode: number | undefined): Promise<void> {
  const { place, staged } = commit;
  const asksTheKernel = mode === undefined && (await hasDefaultAcl(commit));
  // The file that is made for that would stay in a directory that gives no name back.
  if (asksTheKernel && !(await isAppendOnly(place.host, commit.directory))) return likeAnyNewFile(commit);
  const wanted = mode === undefined ? NEW_FILE & ~place.options.umask : mode & PERMISSIONS;
  if (((await staged.file.stat()).mode & PERMISSIONS) !== wanted) await staged.file.chmod(wanted);
}

async function hasDefaultAcl({ place, directory }: Commit): Promise<boolean> {
  try {
    await place.host.getxattr(directory, DEFAULT_ACL);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENODATA', 'EACCES', 'EPERM') || isUnsupported(error)) return false;
    throw error;
  }
}

/**
 * What a directory's default ACL makes of 0666 only the kernel knows, and the content was staged with less: an empty
 * file made for that shows it. (acl(5), "OBJECT CREATION AND DEFAULT ACLs")
 */
async function likeAnyNewFile({ place, directory, name, staged, context }: Commit): Promise<void> {
  const { host, options, journal } = place;
  await underTemporaryName(name, options.random, async (temporary) => {
    const noted = await journal.begin({
      kind: 'temporary',
      directory: directory.path,
      temporary,
    });
    let stat: HostStat;
    try {
      stat = await emptyFile(temporary);
    } catch (error) {
      if (!isUndecided(error)) await noted.end();
      throw error;
    }
    try {
      await copyAttributes(host, staged.file, { path: childPath(directory.path, temporary) }, stat);
    } finally {
      await discardName(host, { directory, temporary, noted });
    }
  });

  async function emptyFile(temporary: Buffer): Promise<HostStat> {
    const flags = OpenFlag.RDWR | OpenFlag.EXCL;
    const { file, stat } = await host.create(directory, temporary, flags, NEW_FILE, 0, context);
    await file.close();
    return stat;
  }
}
