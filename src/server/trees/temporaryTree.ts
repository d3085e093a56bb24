import { S_IFDIR, S_IFMT } from '../../protocol/fuse';
import type { HostFs, HostStat, Locator } from '../host/hostFs';
import { isErrno, isGone } from '../host/hostErrors';
import type { TreeTop } from '../save/record';
import { TimeSlice } from '../timeSlice';
import { removeTree } from './removeTree';

/**
 * Removes what has the temporary name of a copy: the copy itself, known by its inode, the file that it took the place of,
 * or a folder that nothing was put into. False, and nothing removed, for any other folder: whoever may write in the
 * directory can give one of ours that name, and it is not what we made.
 */
export async function removeTemporaryTree(
  host: HostFs,
  directory: Locator,
  temporary: Buffer,
  top: TreeTop | undefined,
): Promise<boolean> {
  try {
    const found = await host.lookup(directory, temporary);
    if ((found.mode & S_IFMT) !== S_IFDIR) {
      await host.unlink(directory, temporary);
    } else if (top !== undefined && isTop(found, top)) {
      await removeTree(host, directory, temporary, { slice: new TimeSlice(undefined), only: found });
    } else {
      await host.rmdir(directory, temporary);
    }
    return true;
  } catch (error) {
    if (isGone(error)) return true;
    if (isErrno(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

export function isTop(stat: HostStat, top: TreeTop): boolean {
  return stat.ino === top.ino && stat.generation === top.generation;
}
