import type { SuperblockView } from '../../client/vfs';
import { aboutMount, isHidden } from './words';

/** What the explorer shows at a mount point. */
export interface ShownMount {
  readonly words: string;
  readonly notResponding: boolean;
}

/** The mount points of one host as they were last drawn: thousands of files ask, and few of them are one. */
export class ShownMounts {
  private mounts: ReadonlyMap<string, ShownMount> = new Map();

  at(path: string): ShownMount | undefined {
    return this.mounts.get(path);
  }

  /** Takes the mounts in as they are now; gives the paths that are to be drawn again. */
  update(views: readonly SuperblockView[]): string[] {
    const before = this.mounts;
    const now = new Map<string, ShownMount>();
    for (const view of views) {
      if (isHidden(view)) continue;
      now.set(view.mountpoint, { words: aboutMount(view), notResponding: view.notResponding });
    }
    this.mounts = now;
    const paths = new Set([...before.keys(), ...now.keys()]);
    return [...paths].filter((path) => before.get(path)?.words !== now.get(path)?.words);
  }
}
