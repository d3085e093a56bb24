import { Emitter, type ListenerErrors } from '../../base/emitter';
import type { Mask } from '../../protocol/brand';
import { isBelow, join, parentOf, relativeTo, type RemotePath } from '../../protocol/paths';
import type { PlacedChange } from '../placedChange';
import type { Connector, Mark } from './connector';
import { Excludes, patternBelow, relativePatterns } from '../../protocol/excludes';

/** What a group asks for. */
export interface GroupSettings {
  /** All below its root, not only what is in it. */
  readonly recursive: boolean;
  readonly mask: Mask;
  /** Somebody looks at it: watched first when watches run short. */
  readonly visible: boolean;
  /** Also told of what this client itself did. */
  readonly own: boolean;
  /** Globs relative to its root as it was asked for, or absolute. */
  readonly excludes: readonly string[];
  readonly listenerFailed: ListenerErrors;
}

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
    private readonly settings: GroupSettings,
    listener: (changes: readonly PlacedChange[]) => void,
  ) {
    this.changes = new Emitter(settings.listenerFailed);
    this.changes.on(listener);
    const absolute = settings.excludes.map((pattern) => patternBelow(pattern, asked) ?? pattern);
    this.excludes = Excludes.compileThose(relativePatterns(absolute, root)).excludes;
  }

  get recursive(): boolean {
    return this.settings.recursive;
  }

  get mask(): Mask {
    return this.settings.mask;
  }

  get visible(): boolean {
    return this.settings.visible;
  }

  get own(): boolean {
    return this.settings.own;
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
