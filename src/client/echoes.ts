import type { Version } from '../protocol/livemount';
import { isWithin } from './paths';
import type { ChangeKind } from './vfs';

/** Own changes remembered at most; an event that comes later than so many others is told as foreign. */
const REMEMBERED_MAX = 512;

interface OwnWrite {
  readonly version: Version;
  /** The name is new to this client, and nobody was told of that yet. */
  created: boolean;
}

export function sameVersion(a: Version, b: Version): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtime_ns === b.mtime_ns && a.ctime_ns === b.ctime_ns;
}

/**
 * Knows this client's own changes again when the host tells of them: writes by the version they left (ino, size,
 * mtime, ctime), so that a save does not come back as a foreign change; changes of names by what was done to which.
 */
export class Echoes {
  private readonly writes = new Map<string, OwnWrite>();
  private readonly names = new Map<string, number>();

  /**
   * A write through this client left the file at `path` in this version; `created`: nobody knew of one before. A file made
   * and saved again at once is told of once by the host, as made, in the version of the save.
   */
  wrote(path: string, version: Version, created: boolean): void {
    const untold = this.writes.get(path)?.created ?? false;
    this.writes.delete(path);
    this.writes.set(path, { version, created: created || untold });
    trim(this.writes, REMEMBERED_MAX);
  }

  /** The write that left the file as it is, if it was ours. */
  ownWrite(path: string, version: Version): OwnWrite | undefined {
    const own = this.writes.get(path);
    return own !== undefined && sameVersion(own.version, version) ? own : undefined;
  }

  /**
   * This client renamed a file, or a directory with files in it. The host may tell of one that was made just before as
   * made under its new name.
   */
  renamed(from: string, to: string): void {
    for (const [path, own] of [...this.writes]) {
      if (!isWithin(path, from)) continue;
      this.writes.delete(path);
      if (own.created) this.writes.set(to + path.slice(from.length), own);
    }
  }

  /** The host told that there is a file at `path`. */
  toldCreated(path: string): void {
    const own = this.writes.get(path);
    if (own !== undefined) own.created = false;
  }

  /** A change of names is about to be made; its event will be ours. */
  expect(kind: ChangeKind, path: string): void {
    const key = `${kind} ${path}`;
    this.names.set(key, (this.names.get(key) ?? 0) + 1);
    trim(this.names, REMEMBERED_MAX);
  }

  /** It failed, so no event will come. */
  withdraw(kind: ChangeKind, path: string): void {
    this.take(kind, path);
  }

  /** The event is one we expected; once for each. */
  take(kind: ChangeKind, path: string): boolean {
    const key = `${kind} ${path}`;
    const count = this.names.get(key);
    if (count === undefined) return false;
    if (count === 1) this.names.delete(key);
    else this.names.set(key, count - 1);
    return true;
  }
}

/** Takes the oldest entry out of a map that has grown beyond its bound by one. */
export function trim(map: Map<string, unknown>, bound: number): void {
  if (map.size <= bound) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
