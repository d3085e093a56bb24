import type { Version } from '../protocol/livemount';

/** Paths remembered at most; the oldest go first. A forgotten one only falls back to the client's own check. */
const MAX_PATHS = 4096;

interface Seen {
  readonly path: string;
  /** What the editor last got as content, or wrote itself. */
  readonly content: Version;
  /** What the editor last got as attributes, or that there was no such file. */
  stat: Version | 'absent';
}

/**
 * Which version of a file a save is based on.
 *
 * The editor compares before it saves, and asks its user when the file on the host is *newer* than what it read and has
 * another size. If the user says "overwrite", the newest attributes are what the save replaces. But a file replaced by
 * an older one (`cp -p`, a restored backup), one of the same size, or one changed within the same millisecond passes
 * the editor's check; then only the version that was read may be replaced, and anything else is a conflict.
 */
export class SeenVersions {
  private readonly byPath = new Map<string, Seen>();

  /** The editor got this content, or wrote it. */
  sawContent(path: string, version: Version): void {
    this.byPath.delete(path);
    this.byPath.set(path, { path, content: version, stat: version });
    for (const oldest of this.byPath.keys()) {
      if (this.byPath.size <= MAX_PATHS) break;
      this.byPath.delete(oldest);
    }
  }

  /** The editor got these attributes. */
  sawAttributes(path: string, version: Version): void {
    const seen = this.byPath.get(path);
    if (seen !== undefined) seen.stat = version;
  }

  /** The editor was told that there is no such file: it shows it as deleted, and saving makes it anew. */
  sawAbsence(path: string): void {
    const seen = this.byPath.get(path);
    if (seen !== undefined) seen.stat = 'absent';
  }

  /** What a save of the path may replace, or that it may replace nothing; undefined if the editor never read it. */
  basis(path: string): Version | 'absent' | undefined {
    const seen = this.byPath.get(path);
    if (seen === undefined) return undefined;
    const { stat, content } = seen;
    if (stat === 'absent') return stat;
    const editorAsked = milliseconds(stat) > milliseconds(content) && stat.size !== content.size;
    return editorAsked || sameContent(stat, content) ? stat : content;
  }

  /** The path was deleted, moved or replaced: what stood there, or below it, is no basis for a save any more. */
  forget(path: string): void {
    const below = `${path}/`;
    for (const known of this.byPath.keys()) {
      if (known === path || known.startsWith(below)) this.byPath.delete(known);
    }
  }
}

/** Only the change time differs: a chmod or a new hard link, not other bytes. */
function sameContent(a: Version, b: Version): boolean {
  return a.ino === b.ino && a.mtime_ns === b.mtime_ns && a.size === b.size;
}

/** The editor's resolution. */
function milliseconds(version: Version): bigint {
  return version.mtime_ns / 1_000_000n;
}
