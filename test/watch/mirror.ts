import { lstatSync, readdirSync } from 'node:fs';
import type { FsEvent } from '../../src/protocol/events';
import { In, IN_RENAME } from '../../src/protocol/mask';

/** What a mirror keeps of one object: its type, and for a file the version that it would have read. */
interface Entry {
  readonly type: number;
  readonly version: string;
}

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

/** A copy of a tree that is kept up to date from events alone. Paths are relative to the superblock's root. */
export class Mirror {
  private entries = new Map<string, Entry>();

  constructor(
    private readonly mountpoint: string,
    private readonly top: string,
    private readonly linked: ReadonlySet<bigint>,
  ) {
    this.entries = snapshot(mountpoint, top, linked);
  }

  apply(event: FsEvent): void {
    const path = event.path.toString('latin1');
    switch (event.mask & ~In.ISDIR) {
      case In.CREATE:
      case In.MODIFY:
        this.entries.set(path, entryOf(event));
        break;
      case In.ATTRIB:
        break;
      case In.DELETE:
        this.remove(path);
        break;
      case IN_RENAME:
        this.rename(path, event.path2?.toString('latin1') ?? '', event);
        break;
      default:
        break;
    }
  }

  /** A mount came to stand on a directory (an absolute path): what lies beneath is not to be seen. */
  hide(mountpoint: string): void {
    const cut = this.mountpoint === '/' ? 1 : this.mountpoint.length + 1;
    const path = mountpoint.slice(cut);
    for (const known of [...this.entries.keys()])
      if (known.startsWith(`${path}/`)) this.entries.delete(known);
  }

  /** Reads everything again, as who was told that the events between are not to be had. */
  compare(): void {
    this.entries = snapshot(this.mountpoint, this.top, this.linked);
  }

  /** The lines in which the mirror and the real tree differ; none if all is well. */
  differences(): string[] {
    const real = snapshot(this.mountpoint, this.top, this.linked);
    const lines: string[] = [];
    for (const [path, entry] of real) {
      const mine = this.entries.get(path);
      if (mine === undefined) lines.push(`missing ${path}`);
      else if (mine.type !== entry.type)
        lines.push(`type of ${path}: ${mine.type.toString(8)}, is ${entry.type.toString(8)}`);
      else if (entry.version !== '' && mine.version !== '' && mine.version !== entry.version)
        lines.push(`version of ${path}: ${mine.version}, is ${entry.version}`);
    }
    for (const path of this.entries.keys()) if (!real.has(path)) lines.push(`extra ${path}`);
    return lines;
  }

  private remove(path: string): void {
    for (const known of [...this.entries.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.entries.delete(known);
    }
  }

  private rename(from: string, to: string, event: FsEvent): void {
    this.remove(to);
    for (const [known, entry] of [...this.entries]) {
      if (known !== from && !known.startsWith(`${from}/`)) continue;
      this.entries.delete(known);
      this.entries.set(to + known.slice(from.length), known === from ? entryOf(event) : entry);
    }
  }
}

function entryOf(event: FsEvent): Entry {
  const { ino, size, mtime_ns } = event.version;
  const type = event.mode & S_IFMT;
  return { type, version: type === S_IFREG ? `${ino}/${size}/${mtime_ns}` : '' };
}

/** Every object below `top` (an absolute path) by its path below the mount point. */
function snapshot(mountpoint: string, top: string, linked: ReadonlySet<bigint>): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const cut = mountpoint === '/' ? 1 : mountpoint.length + 1;
  const device = lstatSync(top).dev;
  const visit = (directory: string): void => {
    for (const name of readdirSync(directory, 'latin1' as BufferEncoding)) {
      const path = `${directory}/${name}`;
      const found = lstatSync(path, { bigint: true });
      const type = Number(found.mode) & S_IFMT;
      const isPlain = type === S_IFREG && !linked.has(found.ino);
      entries.set(path.slice(cut), {
        type,
        version: isPlain ? `${found.ino}/${found.size}/${found.mtimeNs}` : '',
      });
      if (found.isDirectory() && Number(found.dev) === device) visit(path);
    }
  };
  visit(top);
  return entries;
}
