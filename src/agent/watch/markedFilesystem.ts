import { BoundedMap } from '../../base/boundedMap';
import type { HostMount } from '../../server/host/hostFs';
import { type BytePath, fromBytes, isWithin, joined } from '../../server/watch/bytePath';
import type { FileHandle } from '../libc/handles';
import type { HandlePaths } from './handlePaths';

/** What a filesystem needs to know of a mount of it that is watched. */
export interface MountSession {
  readonly mount: HostMount;
  readonly paths: HandlePaths;
  /** It knows this directory, which may be gone by now. */
  knows(key: string): boolean;
}

/** Directories remembered by handle, with the mounts that show them. */
const REMEMBERED = 65_536;

/**
 * A filesystem that is marked whole, and the watched mounts of it. A record says what happened in which directory of
 * the filesystem; most of a thousand bind mounts do not show it, so that is found out once, not once for each.
 */
export class MarkedFilesystem<S extends MountSession> {
  private readonly members = new Set<S>();
  /** By directory handle. */
  private readonly shownBy = new BoundedMap<string, readonly S[]>(REMEMBERED);
  /** The mount that shows the most of the filesystem. */
  private widest: S | undefined;

  get isUnused(): boolean {
    return this.members.size === 0;
  }

  add(session: S): void {
    this.members.add(session);
    this.changed();
  }

  remove(session: S): void {
    this.members.delete(session);
    this.changed();
  }

  [Symbol.iterator](): IterableIterator<S> {
    return this.members.values();
  }

  /** A directory was moved: what lies below it may be shown by other mounts now. */
  moved(): void {
    this.shownBy.clear();
  }

  /** The mounts that a directory is to be seen in. */
  showing(key: string, handle: FileHandle): readonly S[] {
    const known = this.shownBy.get(key);
    if (known !== undefined) return known;
    const found = this.find(key, handle);
    this.shownBy.set(key, found);
    return found;
  }

  private find(key: string, handle: FileHandle): readonly S[] {
    const { widest } = this;
    if (widest === undefined) return [];
    if (this.members.size === 1) return [widest];
    const found = widest.paths.find(handle);
    if (found === 'gone') return [...this.members].filter((session) => session.knows(key));
    // Outside of all that the widest mount shows: each looks for itself.
    if (found === 'outside') return [...this.members];
    const path = joined(rootOf(widest), found.path);
    return [...this.members].filter((session) => isWithin(path, rootOf(session)));
  }

  private changed(): void {
    this.shownBy.clear();
    this.widest = undefined;
    for (const session of this.members) {
      if (this.widest === undefined || rootOf(session).length < rootOf(this.widest).length)
        this.widest = session;
    }
  }
}

/** The part of the filesystem that a mount shows, without the '/' in front. */
function rootOf({ mount }: MountSession): BytePath {
  return fromBytes(mount.root).slice(1) as BytePath;
}
