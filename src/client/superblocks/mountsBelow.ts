import { normalize, isWithin } from '../../protocol/paths';
import type { SuperblockView, Vfs } from '../vfs';

/** What is mounted on a path or below it, hidden mounts included: what deleting the path has to do with. */
export function mountsIn(vfs: Pick<Vfs, 'superblocks'>, path: string): SuperblockView[] {
  const whole = normalize(path);
  return vfs.superblocks().filter(({ mountpoint }) => isWithin(mountpoint, whole));
}
