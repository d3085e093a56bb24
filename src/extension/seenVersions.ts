import { BoundedMap } from '../base/boundedMap';
import type { Version } from '../protocol/livemount';

/** Files whose content was seen that are remembered at most. */
const MAX_PATHS = 4096;
/** Others, of which only the attributes were seen; the explorer asks for many. */
const MAX_LOOKED_AT = 16_384;

interface Seen {
  /** What the editor last got as content, or wrote itself. */
  readonly content: Version;
  /** What the editor last got as attributes, or that there was no such file. */
  stat: Version | 'absent';
  /** What was read while the editor had unsaved changes: the editor has it only when it gives these up. */
  beside?: Version;
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
  private readonly byPath = new BoundedMap<string, Seen>(MAX_PATHS);
  private readonly lookedAt = new BoundedMap<string, Version>(MAX_LOOKED_AT);

  /** The editor got this content, or wrote it. */
  sawContent(path: string, version: Version): void {
    this.lookedAt.delete(path);
    this.byPath.set(path, { content: version, stat: version });
  }

  /** Somebody in the window read the file, which has unsaved changes in the editor: what these are based on stays. */
  sawBeside(path: string, version: Version): void {
    const seen = this.byPath.get(path);
    if (seen === undefined) this.sawContent(path, version);
    else seen.beside = version;
  }

  /** The editor has no unsaved changes any more: it shows what was read last. */
  settled(path: string): void {
    const { beside } = this.byPath.get(path) ?? {};
    if (beside !== undefined) this.sawContent(path, beside);
  }

  /** The editor got these attributes. */
  sawAttributes(path: string, version: Version): void {
    const seen = this.byPath.get(path);
    if (seen !== undefined) seen.stat = version;
    else this.lookedAt.set(path, version);
  }

  /** The editor was told that there is no such file: it shows it as deleted, and saving makes it anew. */
  sawAbsence(path: string): void {
    const seen = this.byPath.get(path);
    if (seen !== undefined) seen.stat = 'absent';
    this.lookedAt.delete(path);
  }

  /**
   * What a save of the path may replace, or that it may replace nothing. Of a file that was never read it is the one the
   * editor looked at; undefined if it did not even do that.
   */
  basis(path: string): Version | 'absent' | undefined {
    const seen = this.byPath.get(path);
    if (seen === undefined) return this.lookedAt.get(path);
    const { stat, content } = seen;
    if (stat === 'absent') return stat;
    const editorAsked = milliseconds(stat) > milliseconds(content) && stat.size !== content.size;
    return editorAsked || sameContent(stat, content) ? stat : content;
  }

  /** The path was deleted, moved or replaced: what stood there, or below it, is no basis for a save any more. */
  forget(path: string): void {
    const below = `${path}/`;
    for (const map of [this.byPath, this.lookedAt]) {
      for (const [known] of [...map]) if (known === path || known.startsWith(below)) map.delete(known);
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
