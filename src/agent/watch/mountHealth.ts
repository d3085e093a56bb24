import { ErrnoError } from '../../protocol/errno';
import { parseMountinfo, readMountinfo } from '../posix/mountinfo';

/** What mountinfo shows of a filesystem that its kernel has given up; no change of the mount table is reported then. */
const DEAD: readonly string[] = ['emergency_ro', 'shutdown'];

/** Whether a mount's filesystem is known to be dead. `mountId` as in mountinfo. */
export function isDead(mountId: number): boolean {
  try {
    const mount = parseMountinfo(readMountinfo()).find((line) => line.mountId === mountId);
    return mount?.options.split(',').some((option) => DEAD.includes(option)) === true;
  } catch (error) {
    if (error instanceof ErrnoError) return false;
    throw error;
  }
}
