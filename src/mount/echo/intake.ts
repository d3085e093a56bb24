import { bytesOf } from '../../protocol/names';
import type { PlacedChange } from '../../client/placedChange';
import { sameVersion } from '../../protocol/attributes';
import type { Superblock } from '../../client/superblocks/superblock';
import type { FsEvent } from '../../protocol/events';
import { type Attr, S_IFDIR, S_IFMT, S_IFREG } from '../../protocol/fuse';
import { splitNs } from '../../protocol/attributes';
import { EVENT_FRESH, type Version } from '../../protocol/livemount';
import { isWithin, join, relativeTo, type RemotePath } from '../../protocol/paths';
import type { Mount } from '../mount';
import type { Name, Node } from '../nodes';
import { lookup } from '../ops/lookup';
import type { Plan, Spot } from './plan';

/** What a program here did to a name last. The host's word of it, and of what was before it, comes later. */
interface OwnName {
  readonly node: Node | undefined;
  readonly at: number;
}

/** A directory that a program here renamed; the host may still tell of what is below under its old name. */
interface OwnMove {
  readonly from: string;
  readonly to: string;
  readonly at: number;
}

/** How long what the host tells of a name may be older than what a program here did to it, while there is a link. In ms. */
const OWN_MS = 3000;
/** Names of one directory, and renamed directories, that are remembered at most. */
const OWN_NAMES_MAX = 4096;
const OWN_MOVES_MAX = 256;
/** Renames that a path is followed through at most. */
const MOVES_MAX = 8;

/**
 * Takes in what the host tells, in its order: what is known loses what is not so any more, the kernel's caches as well,
 * and what the kernel was not shown yet becomes a plan for the echo. What a program did through this mount it knows by
 * the inode and the version it left: that has made its local events already. What is told may also be older than what a
 * program did since. Where the two do not agree the host is asked what is there now.
 */
export class Intake {
  private readonly waiting: (() => Promise<void> | void)[] = [];
  private running = false;
  private readonly own = new Map<Node, Map<string, OwnName>>();
  private readonly moves: OwnMove[] = [];
  private connectedAt = 0;

  constructor(
    private readonly mount: Mount,
    private readonly show: (plan: Plan) => void,
    /** Everything below may differ from what the kernel was shown; `follows`: the host tells the difference itself. */
    private readonly doubted: (node: Node, follows: boolean) => void,
  ) {}

  /** An event of the host's. */
  take(superblock: Superblock, event: FsEvent, change: PlacedChange): void {
    const root = this.mount.nodes.pathOf(this.mount.nodes.root);
    if (root === undefined || !isWithin(change.path, root)) {
      if (change.to === undefined || root === undefined || !isWithin(change.to, root)) return;
    }
    this.enqueue(() => this.judge(superblock, event, change, root));
  }

  /** Runs behind everything that was told before. */
  enqueue(work: () => Promise<void> | void): void {
    this.waiting.push(work);
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let work = this.waiting.shift(); work !== undefined; work = this.waiting.shift()) {
      try {
        await work();
      } catch (error) {
        this.mount.options.log(`an event was not taken in: ${String(error)}`);
      }
    }
    this.running = false;
  }

  /** A program here gave a name to a node, or took it away. */
  ownName(parent: Node, key: string, node: Node | undefined): void {
    let names = this.own.get(parent);
    if (names === undefined) {
      names = new Map();
      this.own.set(parent, names);
    }
    names.delete(key);
    names.set(key, { node, at: performance.now() });
    if (names.size <= OWN_NAMES_MAX) return;
    const [oldest] = names.keys();
    if (oldest !== undefined) names.delete(oldest);
  }

  /** A program here renamed a directory. */
  ownMove(from: string, to: string): void {
    this.moves.push({ from, to, at: performance.now() });
    if (this.moves.length > OWN_MOVES_MAX) this.moves.shift();
  }

  /** There is a link again: what is told now may be as old as the last one. */
  reconnected(): void {
    this.connectedAt = performance.now();
  }

  private isRecent(at: number): boolean {
    return performance.now() - Math.max(at, this.connectedAt) < OWN_MS;
  }

  /** What a program here did to a name of which the host may still tell older things. */
  private ownAt({ parent, key }: Spot): OwnName | undefined {
    const names = this.own.get(parent);
    const own = names?.get(key);
    if (own === undefined || this.isRecent(own.at)) return own;
    names?.delete(key);
    if (names?.size === 0) this.own.delete(parent);
    return undefined;
  }

  private async judge(
    _superblock: Superblock,
    event: FsEvent,
    change: PlacedChange,
    root: RemotePath,
  ): Promise<void> {
    const from = this.spot(change.path, root);
    const to = change.to === undefined ? undefined : this.spot(change.to, root);
    await this.settleChanges(from, to);
    const owned = [from, to]
      .filter((place) => isSpot(place))
      .filter((spot) => this.ownAt(spot) !== undefined);
    if (owned.length > 0 && change.kind !== 'overflow') {
      if (this.isOwnDoing(change.kind, from, to, event)) return;
      for (const spot of [from, to]) if (isSpot(spot)) await this.verify(spot);
      return;
    }
    switch (change.kind) {
      case 'modify':
        if (from === undefined) this.rootChanged();
        else this.modified(from, event, change.isDirectory);
        return;
      case 'attrib':
        if (from === undefined) this.rootChanged();
        else this.attributes(from, event);
        return;
      case 'create':
        if (from !== undefined && from !== 'unknown') this.created(from, event);
        return;
      case 'delete':
        if (from !== undefined && from !== 'unknown') this.deleted(from, change.isDirectory);
        return;
      case 'rename':
        this.renamed(from, to, event, change.isDirectory);
        return;
      case 'overflow':
      case 'mount':
      case 'unmount': {
        const node =
          from === undefined ? this.mount.nodes.root : from === 'unknown' ? undefined : this.nodeAt(from);
        if (node !== undefined) this.doubted(node, (event.flags & EVENT_FRESH) === 0);
      }
    }
  }

  /** What is told is what a program here did last. */
  private isOwnDoing(
    kind: PlacedChange['kind'],
    from: Place | undefined,
    to: Place | undefined,
    { version }: FsEvent,
  ): boolean {
    if (!isSpot(from)) return false;
    const node = this.nodeAt(from);
    if (kind === 'delete') return node === undefined && this.ownAt(from)?.node === undefined;
    if (kind === 'rename') {
      if (!isSpot(to)) return false;
      const there = this.nodeAt(to);
      const own = this.ownAt(to);
      return own !== undefined && own.node === there && there !== undefined && there.ino === version.ino;
    }
    if (node === undefined || node.ino !== version.ino) return false;
    return isOwn(node, version) || node.type !== S_IFREG;
  }

  /** The host's word of a name and what a program here did to it do not agree: the host is asked what is there. */
  private async verify(spot: Spot): Promise<void> {
    const { mount } = this;
    const { parent, key } = spot;
    const own = this.own.get(parent)?.get(key);
    const name = parent.children.get(key);
    const before = name?.node;
    const shown = name?.shown === true;
    const version = before?.attr === undefined ? undefined : versionIn(before.attr.value);
    if (name !== undefined) name.crossed = true;
    if (before !== undefined) before.bare = undefined;
    try {
      await lookup(mount, parent, key, undefined);
    } catch {
      // Nobody knows: it is asked again when it is needed.
      if (name !== undefined) mount.nodes.unlink(name);
      parent.listing = undefined;
      mount.echo.dropName(parent, key, true);
      return;
    }
    // A program here did something to it meanwhile, and that is what is there.
    if (this.own.get(parent)?.get(key) !== own) return;
    const after = parent.children.get(key)?.node;
    if (after === before) {
      const attr = after?.attr?.value;
      if (after === undefined || attr === undefined || after.type !== S_IFREG) return;
      const now = versionIn(attr);
      if (isOwn(after, now) || (version !== undefined && sameVersion(version, now))) return;
      after.pages = undefined;
      mount.nothingAhead(after);
      mount.echo.dropPages(after);
      this.show({ kind: 'written', at: spot, node: after });
      return;
    }
    this.directoryChanged(parent);
    if (after === undefined && before !== undefined) this.gone(spot, undefined, before);
    else if (after !== undefined && before !== undefined && shown) {
      this.show({ kind: 'replaced', at: spot, node: after, old: before });
    } else if (after !== undefined) {
      this.show({ kind: 'created', at: spot, node: after, size: after.attr?.value.size ?? 0n });
    }
  }

  /** What a program here is just changing may be what is told: the reply says so. */
  private async settleChanges(...spots: (Place | undefined)[]): Promise<void> {
    const changing = spots.flatMap((spot) =>
      spot === undefined || spot === 'unknown'
        ? []
        : [...spot.parent.changing, ...(this.nodeAt(spot)?.changing ?? [])],
    );
    if (changing.length > 0) await Promise.allSettled(changing);
  }

  private nodeAt({ parent, key }: Spot): Node | undefined {
    return parent.children.get(key)?.node;
  }

  /** Undefined: the root itself; 'unknown': in a directory that the kernel does not know, so nobody watches it. */
  private spot(path: RemotePath, root: RemotePath, moves = 0): Place | undefined {
    if (path === root) return undefined;
    if (!isWithin(path, root)) return 'unknown';
    const bytes = bytesOf(relativeTo(path, root));
    const keys = bytes.toString('latin1').split('/');
    const key = keys.pop() ?? '';
    const parent = this.mount.nodes.at(keys);
    if (parent !== undefined) return { parent, key, path: bytes };
    const moved = moves < MOVES_MAX ? this.movedTo(path) : undefined;
    return moved === undefined ? 'unknown' : this.spot(moved, root, moves + 1);
  }

  /** Where what the host still calls by an old name is, since a program here renamed a directory above it. */
  private movedTo(path: RemotePath): RemotePath | undefined {
    while (this.moves[0] !== undefined && !this.isRecent(this.moves[0].at)) this.moves.shift();
    const move = this.moves.find(({ from }) => path !== from && isWithin(path, from));
    if (move === undefined) return undefined;
    const to = join(move.to as RemotePath, relativeTo(path, move.from));
    return to === path ? undefined : to;
  }

  private rootChanged(): void {
    const { root } = this.mount.nodes;
    root.attr = undefined;
    this.mount.echo.dropAttributes(root);
  }

  private modified(place: Place, event: FsEvent, isDirectory: boolean): void {
    if (place === 'unknown') return;
    const node = this.nodeAt(place);
    const { version } = event;
    if (node === undefined || (version.ino !== 0n && node.ino !== version.ino)) {
      this.appeared(place, event);
      return;
    }
    if (isOwn(node, version)) return;
    this.contentChanged(node, event);
    if (!isDirectory && node.type === S_IFREG) this.show({ kind: 'written', at: place, node });
    else this.show({ kind: 'attributes', at: place, node });
  }

  private contentChanged(node: Node, event: FsEvent): void {
    node.attr = undefined;
    node.bare = undefined;
    node.pages = undefined;
    node.listing = node.type === S_IFDIR ? undefined : node.listing;
    this.mount.nothingAhead(node);
    if (event.version.ino !== 0n) node.seen = this.attrOf(event, node.seen);
    this.mount.echo.dropPages(node);
  }

  private attributes(place: Place, event: FsEvent): void {
    if (place === 'unknown') return;
    const node = this.nodeAt(place);
    if (node === undefined || isOwn(node, event.version)) return;
    if (event.version.ino !== 0n && node.ino !== event.version.ino) {
      this.appeared(place, event);
      return;
    }
    node.attr = undefined;
    node.bare = undefined;
    this.mount.echo.dropAttributes(node);
    this.show({ kind: 'attributes', at: place, node });
  }

  private created(place: Spot, event: FsEvent): void {
    const { version } = event;
    if (version.ino === 0n) return; // It is gone again, and that is told next.
    const node = this.nodeAt(place);
    if (node === undefined || node.ino !== version.ino) {
      this.appeared(place, event);
      return;
    }
    if (isOwn(node, version)) return;
    // Somebody looked it up before the host's word of it was here. The name must not go away for anybody.
    if (node.type === S_IFREG) {
      const known = node.attr !== undefined && sameVersion(versionIn(node.attr.value), version);
      if (!known) this.contentChanged(node, event);
      this.show({ kind: 'created', at: place, node, size: version.size });
    } else {
      this.show({ kind: 'created', at: place, node, size: 0n });
    }
    this.directoryChanged(place.parent);
  }

  /** The name stands for something that was not known, or for something else than before. */
  private appeared(place: Spot, event: FsEvent): void {
    const { mount } = this;
    const { version, mode } = event;
    if (version.ino === 0n || (mode & S_IFMT) === 0) return;
    const before = place.parent.children.get(place.key);
    const old = before?.shown === true && (before.node?.nlookup ?? 0n) > 0n ? before.node : undefined;
    const node = this.nodeFor(place, event);
    mount.nodes.link(
      place.parent,
      place.key,
      node,
      mount.host.settled(mount.pathIn(place.parent, place.key)),
    );
    node.attr = undefined;
    node.bare = undefined;
    this.directoryChanged(place.parent);
    if (old !== undefined) this.show({ kind: 'replaced', at: place, node, old });
    else this.show({ kind: 'created', at: place, node, size: version.size });
  }

  /** The node of an event's object: a known one by its inode (a further link), or a new one. */
  private nodeFor(place: Spot, event: FsEvent): Node {
    const { mount } = this;
    const type = event.mode & S_IFMT;
    const { sb } = place.parent;
    const shownIno = mount.host.shownIno(event.version.ino, sb);
    const known = mount.nodes.shownAs(shownIno);
    const alive = known !== undefined && known.type === type && known.sb === sb && known.names.size > 0;
    const node = alive ? known : mount.nodes.add(type, event.version.ino, sb, shownIno);
    node.seen = this.attrOf(event, node.seen);
    return node;
  }

  private deleted(place: Spot, isDirectory: boolean): void {
    const { mount } = this;
    const name = place.parent.children.get(place.key);
    // Somebody found the name gone before: the kernel must not know that when the deletion is shown.
    if (name !== undefined && name.node === undefined) mount.echo.dropName(place.parent, place.key);
    const node = name?.node ?? mount.tombstone(place.parent, isDirectory);
    this.directoryChanged(place.parent);
    this.gone(place, name, node);
    mount.nodes.link(
      place.parent,
      place.key,
      undefined,
      mount.host.settled(mount.pathIn(place.parent, place.key)),
    );
  }

  /** What went with a directory is told of it, the deepest first. */
  private gone(place: Spot, name: Name | undefined, node: Node): void {
    for (const child of [...node.children.values()]) {
      if (child.node === undefined) continue;
      const path = Buffer.concat([place.path, SLASH, Buffer.from(child.key, 'latin1')]);
      this.gone({ parent: node, key: child.key, path }, child, child.node);
    }
    node.attr = undefined;
    node.listing = undefined;
    this.own.delete(node);
    this.show({ kind: 'deleted', at: place, node });
    if (name !== undefined) this.mount.nodes.unlink(name);
  }

  private renamed(
    from: Place | undefined,
    to: Place | undefined,
    event: FsEvent,
    isDirectory: boolean,
  ): void {
    const { mount } = this;
    if (from === undefined || to === undefined) return;
    const moved = from === 'unknown' ? undefined : this.nodeAt(from);
    if (from === 'unknown' || to === 'unknown') {
      if (to !== 'unknown') this.created(to, event);
      if (from !== 'unknown') this.deleted(from, isDirectory);
      return;
    }
    const { ino } = event.version;
    const there = this.nodeAt(to);
    if (moved !== undefined && ino !== 0n && moved.ino !== ino) {
      this.deleted(from, isDirectory);
      this.appeared(to, event);
      return;
    }
    if (moved === undefined && there !== undefined && there.ino === ino) {
      // It was looked up under its new name already.
      this.directoryChanged(to.parent);
      this.show({ kind: 'created', at: to, node: there, size: event.version.size });
      this.deleted(from, isDirectory);
      return;
    }
    const node =
      moved ?? (ino === 0n ? mount.tombstone(from.parent, isDirectory) : this.nodeFor(from, event));
    const target = mount.nodes.get(there?.id ?? (0n as never));
    this.directoryChanged(from.parent);
    if (to.parent !== from.parent) this.directoryChanged(to.parent);
    const settled = (at: Spot) => mount.host.settled(mount.pathIn(at.parent, at.key));
    if (moved !== undefined) mount.nodes.link(from.parent, from.key, undefined, settled(from));
    mount.nodes.link(to.parent, to.key, node, settled(to));
    mount.nodes.link(from.parent, from.key, undefined, settled(from));
    node.attr = undefined;
    node.bare = undefined;
    if (target !== undefined && target !== node) target.attr = undefined;
    mount.echo.dropAttributes(node);
    this.show({ kind: 'renamed', at: from, to, node, target: target === node ? undefined : target });
  }

  /** A directory got or lost a name: its times are old, and the kernel's listing of it. */
  private directoryChanged(directory: Node): void {
    directory.attr = undefined;
    this.mount.echo.dropPages(directory);
  }

  /** Attributes as far as an event tells them; good for an answer that is believed for no time at all. */
  private attrOf({ version, mode }: FsEvent, before: Attr | undefined): Attr {
    const { root } = this.mount.options;
    const mtime = splitNs(version.mtime_ns);
    const ctime = splitNs(version.ctime_ns);
    return {
      ...(before ?? root.attr),
      ino: version.ino,
      size: version.size,
      blocks: (version.size + 511n) / 512n,
      mtime: mtime.sec,
      mtimensec: mtime.nsec,
      ctime: ctime.sec,
      ctimensec: ctime.nsec,
      mode: mode === 0 ? (before?.mode ?? S_IFREG | 0o600) : mode,
      nlink: before?.nlink ?? 1,
      rdev: before?.rdev ?? 0,
      flags: 0,
    };
  }
}

type Place = Spot | 'unknown';

function isSpot(place: Place | undefined): place is Spot {
  return place !== undefined && place !== 'unknown';
}

const SLASH = Buffer.from('/');

function versionIn(attr: Attr): Version {
  return {
    ino: attr.ino,
    size: attr.size,
    mtime_ns: attr.mtime * 1_000_000_000n + BigInt(attr.mtimensec),
    ctime_ns: attr.ctime * 1_000_000_000n + BigInt(attr.ctimensec),
  };
}

/** A change through this mount left just this version, or it is one that a file went through while a program here wrote it. */
function isOwn(node: Node, version: Version): boolean {
  return node.own.some(({ version: left, after }) => {
    if (sameVersion(left, version)) return true;
    if (after === undefined || version.ino !== left.ino) return false;
    return version.ctime_ns > after && version.ctime_ns < left.ctime_ns && version.size <= left.size;
  });
}
