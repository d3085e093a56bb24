import * as vscode from 'vscode';
import type { Place } from '../uris';

const KEY = 'recentFolders';
/** Of those that are no favourites; the oldest go first. */
const REMEMBERED = 20;

export interface RecentFolder extends Place {
  readonly isFavourite: boolean;
}

/** Folders of hosts that were opened, in all windows: the last one first, and the favourites before the others. */
export class RecentFolders implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;

  constructor(private readonly memory: vscode.Memento) {}

  list(): readonly RecentFolder[] {
    const known = this.stored();
    return [...known.filter((one) => one.isFavourite), ...known.filter((one) => !one.isFavourite)];
  }

  async opened(place: Place): Promise<void> {
    const known = this.stored();
    const isFavourite = known.some((one) => isSame(one, place) && one.isFavourite);
    await this.store([{ ...place, isFavourite }, ...known.filter((one) => !isSame(one, place))]);
  }

  async setFavourite(place: Place, isFavourite: boolean): Promise<void> {
    const known = this.stored();
    const others = known.filter((one) => !isSame(one, place));
    await this.store([{ host: place.host, path: place.path, isFavourite }, ...others]);
  }

  async forget(place: Place): Promise<void> {
    await this.store(this.stored().filter((one) => !isSame(one, place)));
  }

  dispose(): void {
    this.changed.dispose();
  }

  private async store(folders: readonly RecentFolder[]): Promise<void> {
    let others = 0;
    const kept = folders.filter(({ isFavourite }) => isFavourite || ++others <= REMEMBERED);
    await this.memory.update(KEY, kept);
    this.changed.fire();
  }

  /** What another version of us, or somebody with an editor, left there may be anything. */
  private stored(): readonly RecentFolder[] {
    const stored: unknown = this.memory.get(KEY);
    return Array.isArray(stored) ? stored.filter(isRecentFolder) : [];
  }
}

function isSame(one: Place, other: Place): boolean {
  return one.host === other.host && one.path === other.path;
}

function isRecentFolder(value: unknown): value is RecentFolder {
  if (typeof value !== 'object' || value === null) return false;
  const { host, path, isFavourite } = value as Partial<Record<keyof RecentFolder, unknown>>;
  return typeof host === 'string' && typeof path === 'string' && typeof isFavourite === 'boolean';
}
