import { EVENT_COMPARED } from '../../../protocol/livemount';
import type { Seen } from '../arming/backend';
import { type BytePath, isWithin, joined, nameOf, parentOf } from '../bytePath';
import { type Change, Kind } from '../change';
import { DT, entryCode, NO_INO, typeOfMode } from './entries';
import type { Looks } from './looks';
import type { Scanner } from './scanner';
import type { ShadowHost } from './shadowHost';
import type { ShadowTree } from './shadowTree';
import { type DirNode, isDirectory } from './tree';

/** Something that was reported and lies beneath a mount. */
type Hidden = Pick<Change, 'path' | 'isDir'>;

/** The mountpoints on one superblock, as its shadow takes them. */
export class Mountpoints {
  /** What was reported and is hidden now, by the mountpoint that it lies below. */
  private readonly hidden = new Map<BytePath, readonly Hidden[]>();

  constructor(
    private readonly tree: ShadowTree,
    private readonly host: ShadowHost,
    private readonly looks: Looks,
    private readonly scanner: Pick<Scanner, 'grow'>,
  ) {}

  /** Another mount came to stand on `path`: what lies beneath is not to be seen. */
  async cover(path: BytePath): Promise<void> {
    const { tree } = this;
    const node = tree.find(path);
    if (node === tree.root) return;
    if (node !== undefined) {
      this.hidden.set(path, [...reportedBelow(node, path)]);
      tree.drop(node);
    }
    const parent = tree.find(parentOf(path));
    if (parent?.entries === undefined || parent.entries.get(nameOf(path)) !== undefined) return;
    // Made and mounted on before anybody looked. It must be there, and be what is mounted on it: a directory or a file.
    const seen = await tree.stat(path);
    if (seen === undefined || seen.mode === 0) return;
    parent.entries.set(nameOf(path), entryCode(NO_INO, typeOfMode(seen.mode)));
    this.host.report(mountpointMade(path, seen, EVENT_COMPARED));
  }

  /** The mount on `path` went: what lies beneath is there again, or went meanwhile, for who was away all the time. */
  async uncover(path: BytePath): Promise<void> {
    const { tree } = this;
    const parent = tree.find(parentOf(path));
    const name = nameOf(path);
    if (parent === undefined) return;
    // Events of it from before the mount table was read again counted as the mount's: gone by now, or another one.
    await this.looks.look(parent, name, 0, 'changed');
    const known = parent.dirs?.get(name);
    if (known?.entries !== undefined) return;
    const seen = await tree.stat(path);
    if (seen === undefined || seen.isElsewhere) return;
    const type = typeOfMode(seen.mode);
    if (parent.entries?.get(name) !== undefined) parent.entries.set(name, entryCode(seen.ino, type));
    if (type === DT.DIR) await this.scanner.grow(known ?? parent.adopt(name), 'report-compared');
    this.reportGone(path);
  }

  private reportGone(path: BytePath): void {
    const before = this.hidden.get(path) ?? [];
    this.hidden.delete(path);
    let gone: BytePath | undefined;
    for (const { path: below, isDir } of before) {
      if (this.tree.knows(below) || (gone !== undefined && isWithin(below, gone))) continue;
      gone = below;
      this.host.report({
        kind: Kind.DELETE,
        path: below,
        isDir,
        seen: undefined,
        flags: EVENT_COMPARED,
      });
    }
  }
}

/** Everything that the shadow has below a directory, each behind its own directory. */
function* reportedBelow(node: DirNode, path: BytePath): Generator<Hidden> {
  for (const [name, code] of node.entries ?? []) {
    const below = joined(path, name);
    yield { path: below, isDir: isDirectory(code) };
    const child = node.dirs?.get(name);
    if (child !== undefined) yield* reportedBelow(child, below);
  }
}

/** That a mountpoint was made. What can be seen there is the root of the mount, so nothing is said of its version. */
export function mountpointMade(path: BytePath, { mode }: Seen, flags: number): Change {
  const version = { ino: 0n, size: 0n, mtime_ns: 0n, ctime_ns: 0n };
  const isDir = typeOfMode(mode) === DT.DIR;
  return { kind: Kind.CREATE, path, isDir, seen: { mode, version }, flags };
}
