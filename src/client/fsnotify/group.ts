import { Emitter, type ListenerErrors } from '../../base/emitter';
import type { Mask } from '../../protocol/brand';
import { isBelow, join, parentOf, relativeTo, type RemotePath } from '../../protocol/paths';
import type { PlacedChange } from './change';
import type { Connector, Mark } from './connector';
import { Excludes, relativePatterns } from './excludes';

/** A subscriber: an editor's watcher, a window's explorer, a command-line watch. */
export class Group {
  readonly excludes: Excludes;
  /** Where its marks are now. */
  readonly placements = new Map<Connector, Mark>();
  private readonly changes: Emitter<readonly PlacedChange[]>;
  private pending: PlacedChange[] = [];

  constructor(
    /** The path as it was asked for. Links in it are followed; events are told under this name. */
    readonly asked: RemotePath,
    /** The path without links. */
    readonly root: RemotePath,
    readonly recursive: boolean,
    readonly mask: Mask,
    readonly visible: boolean,
    readonly own: boolean,
    excludes: readonly string[],
    listener: (changes: readonly PlacedChange[]) => void,
    listenerFailed: ListenerErrors,
  ) {
    this.changes = new Emitter(listenerFailed);
    this.changes.on(listener);
    const absolute = excludes.map((pattern) =>
      isBelow(pattern, asked) ? relativeTo(pattern, asked) : pattern,
    );
    this.excludes = new Excludes(relativePatterns(absolute, root));
  }

  /** A path is the group's business: its root, a child of it, or with `recursive` anything below. */
  covers(path: RemotePath): boolean {
    if (path === this.root) return true;
    const within = this.recursive ? isBelow(path, this.root) : path !== '/' && parentOf(path) === this.root;
    return within && !this.excludes.match(relativeTo(path, this.root));
  }

  /** Takes a change of its business, to be told with the others of the batch. */
  take(change: PlacedChange): void {
    this.pending.push(this.asNamed(change));
  }

  /** Tells what was taken. */
  deliver(): void {
    if (this.pending.length === 0) return;
    const changes = this.pending;
    this.pending = [];
    this.changes.fire(changes);
  }

  /** The change under the name the group asked for. */
  private asNamed(change: PlacedChange): PlacedChange {
    if (this.asked === this.root) return change;
    const path = this.named(change.path);
    return change.to === undefined ? { ...change, path } : { ...change, path, to: this.named(change.to) };
  }

  private named(path: RemotePath): RemotePath {
    return path === this.root ? this.asked : join(this.asked, relativeTo(path, this.root));
  }
}
