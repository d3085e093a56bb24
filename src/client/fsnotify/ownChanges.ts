import { BoundedMap } from '../../base/boundedMap';
import { sameVersion } from '../../protocol/attributes';
import type { Version } from '../../protocol/livemount';
import { isWithin, upwards, type RemotePath } from '../../protocol/paths';
import type { ChangeKind } from '../vfs';

/** Own changes remembered at most; an event that comes later than so many others is told as foreign. */
const REMEMBERED_MAX = 512;

/**
 * Knows this client's own changes again when the host tells of them: writes by the version they left (ino, size,
 * mtime, ctime), so that a save does not come back as a foreign change; changes of names by what was done to which.
 */
export class OwnChanges {
  private readonly writes = new BoundedMap<RemotePath, Version>(REMEMBERED_MAX);
  private readonly names = new BoundedMap<string, number>(REMEMBERED_MAX);
  /** Names that this client made, or gave to something, and that nobody was told of yet. */
  private readonly news = new BoundedMap<RemotePath, true>(REMEMBERED_MAX);

  /**
   * A write through this client left the file at `path` in this version; `isNew`: nobody knew of one before. A file that
   * was made, renamed or copied and saved again at once is told of once by the host: as made, in the version of the save.
   */
  wrote(path: RemotePath, version: Version, isNew: boolean): void {
    this.writes.set(path, version);
    if (isNew || [...upwards(path)].some((at) => this.news.has(at))) this.gave(path);
  }

  /** A write of ours left the file at `path` in this version. */
  wroteThis(path: RemotePath, version: Version): boolean {
    const own = this.writes.get(path);
    return own !== undefined && sameVersion(own, version);
  }

  /** Nobody was told yet that there is something at `path`, and this client put it there. */
  isNews(path: RemotePath): boolean {
    return this.news.has(path);
  }

  /** This client renamed a file, or a directory with files in it: what is news there is so under its new name. */
  renamed(from: RemotePath, to: RemotePath): void {
    const moved = (path: RemotePath) => (to + path.slice(from.length)) as RemotePath;
    for (const [path, version] of [...this.writes]) {
      if (!isWithin(path, from)) continue;
      this.writes.delete(path);
      if (this.news.has(path)) this.writes.set(moved(path), version);
    }
    for (const [path] of [...this.news]) {
      if (!isWithin(path, from)) continue;
      this.news.delete(path);
      this.news.set(moved(path), true);
    }
  }

  /** The host told that there is something at `path`. */
  told(path: RemotePath): void {
    this.news.delete(path);
  }

  /**
   * A change of names is about to be made, which `gives` one to something; its event will be ours. Call the result if it
   * fails, so that no event will come.
   */
  expect(kind: ChangeKind, path: RemotePath, gives?: RemotePath): () => void {
    const key = `${kind} ${path}`;
    this.names.set(key, (this.names.get(key) ?? 0) + 1);
    // What was there before and is news stays so.
    const isNew = gives !== undefined && !this.news.has(gives);
    if (isNew) this.gave(gives);
    return () => {
      this.take(kind, path);
      if (isNew) this.news.delete(gives);
    };
  }

  private gave(path: RemotePath): void {
    this.news.set(path, true);
  }

  /** The event is one we expected; once for each. */
  take(kind: ChangeKind, path: RemotePath): boolean {
    const key = `${kind} ${path}`;
    const count = this.names.get(key);
    if (count === undefined) return false;
    if (count === 1) this.names.delete(key);
    else this.names.set(key, count - 1);
    return true;
  }
}
