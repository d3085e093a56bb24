import { isWithin, normalize, type RemotePath, upwards } from '../../protocol/paths';
import type { SuperblockView } from '../../client/vfs';
import { NO_EVENTS } from '../../protocol/mask';
import { isHidden } from './words';

/** The visible mounts of a host, by mount point. */
export interface MountGroups {
  /** An open folder lies on the mount, or the mount lies in an open folder; or something watches it or waits for it. */
  readonly concerned: readonly SuperblockView[];
  /** The others: dozens, on most hosts. */
  readonly elsewhere: readonly SuperblockView[];
}

/** Groups the mounts of a host by whether they concern the folders that are open of it. */
export function groupMounts(views: readonly SuperblockView[], folders: readonly string[]): MountGroups {
  const visible = views.filter((view) => !isHidden(view));
  visible.sort((a, b) => (a.mountpoint < b.mountpoint ? -1 : 1));
  const mountpoints = new Set(visible.map(({ mountpoint }) => mountpoint));
  const holders = new Set(folders.map((folder) => innermost(mountpoints, normalize(folder))));
  const concerned: SuperblockView[] = [];
  const elsewhere: SuperblockView[] = [];
  for (const view of visible) {
    const { aggregated, inFlight, mountpoint } = view;
    const isBusy = aggregated !== NO_EVENTS || inFlight > 0;
    const isNear = holders.has(mountpoint) || folders.some((folder) => isWithin(mountpoint, folder));
    (isBusy || isNear ? concerned : elsewhere).push(view);
  }
  return { concerned, elsewhere };
}

/** The mount point of the innermost mount that holds a path. */
function innermost(mountpoints: ReadonlySet<string>, path: RemotePath): string | undefined {
  for (const at of upwards(path)) if (mountpoints.has(at)) return at;
  return undefined;
}
