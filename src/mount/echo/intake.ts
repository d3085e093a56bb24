import { bytesOf } from '../../protocol/names';
import type { PlacedChange } from '../../client/placedChange';
import { sameVersion } from '../../protocol/attributes';
import type { Superblock } from '../../client/superblocks/superblock';
import type { FsEvent } from '../../protocol/events';
import { type Attr, S_IFDIR, S_IFMT, S_IFREG } from '../../protocol/fuse';
import { splitNs } from '../../protocol/attributes';
import { EVENT_FRESH, type Version } from '../../protocol/livemount';
import { isWithin, relativeTo, type RemotePath } from '../../protocol/paths';
import type { Mount } from '../mount';
import type { Name, Node } from '../nodes';
import type { Plan, Spot } from './plan';

/** What a program here did to a name, until the host tells of it. */
interface OwnName {
  readonly node: Node | undefined;
  /** Of what the name stood for before it was taken away. */
  readonly ino: bigint | undefined;
}

/** Names of one directory that programs here changed and of which the host has not told. */
const OWN_NAMES_MAX = 4096;

/**
 * Takes in what the host tells, in its order: what is known loses what is not so any more, the kernel's caches as well,
 * and what the kernel was not shown yet becomes a plan for the echo. What a program did through this mount it knows by
 * the inode and the version it left: that has made its local events already.
 */
export class Intake {
  private readonly waiting: (() => Promise<void> | void)[] = [];
  private running = false;
  private readonly own = new Map<Node, Map<string, OwnName>>();

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
    const before = parent.children.get(key)?.node ?? names.get(key)?.node;
    names.delete(key);
    names.set(key, { node, ino: before?.ino });
    if (names.size <= OWN_NAMES_MAX) return;
    const [oldest] = names.keys();
    if (oldest !== undefined) names.delete(oldest);
  }

  /** The host told of the name: what it says of an own change is no news. */
  private settleOwn(parent: Node, key: string): OwnName | undefined {
    const names = this.own.get(parent);
    const own = names?.get(key);
    names?.delete(key);
    if (names?.size === 0) this.own.delete(parent);
    return own;
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
  private spot(path: RemotePath, root: RemotePath): Place | undefined {
    if (path === root) return undefined;
    if (!isWithin(path, root)) return 'unknown';
    const bytes = bytesOf(relativeTo(path, root));
    const keys = bytes.toString('latin1').split('/');
    const key = keys.pop() ?? '';
    const parent = this.mount.nodes.at(keys);
    return parent === undefined ? 'unknown' : { parent, key, path: bytes };
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
    this.settleOwn(place.parent, place.key);
    if (isOwn(node, version)) return;
    this.contentChanged(node, event);
    if (!isDirectory && node.type === S_IFREG) this.show({ kind: 'written', at: place, node });
    else this.show({ kind: 'attributes', at: place, node });
  }

  private contentChanged(node: Node, event: FsEvent): void {
    node.attr = undefined;
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
    this.mount.echo.dropAttributes(node);
    this.show({ kind: 'attributes', at: place, node });
  }

  private created(place: Spot, event: FsEvent): void {
    const { version } = event;
    if (version.ino === 0n) return; // It is gone again, and that is told next.
    const own = this.settleOwn(place.parent, place.key);
    // What a program here has taken away since: it knows more than the host told so far.
    if (own !== undefined && own.node === undefined && own.ino === version.ino) {
      this.ownName(place.parent, place.key, undefined);
      return;
    }
    const node = this.nodeAt(place);
    if (node === undefined || node.ino !== version.ino) {
      this.appeared(place, event);
      return;
    }
    if (own?.node === node && (isOwn(node, version) || node.type !== S_IFREG)) return;
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
    this.settleOwn(place.parent, place.key);
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
    const own = this.settleOwn(place.parent, place.key);
    const name = place.parent.children.get(place.key);
    if (own !== undefined && own.node === undefined && name?.node === undefined) return;
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
    const gave = this.settleOwn(from.parent, from.key);
    const got = this.settleOwn(to.parent, to.key);
    const { ino } = event.version;
    const there = this.nodeAt(to);
    // A program here did it.
    if (gave !== undefined && got?.node !== undefined && got.node === there && moved !== there) return;
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

const SLASH = Buffer.from('/');

function versionIn(attr: Attr): Version {
  return {
    ino: attr.ino,
    size: attr.size,
    mtime_ns: attr.mtime * 1_000_000_000n + BigInt(attr.mtimensec),
    ctime_ns: attr.ctime * 1_000_000_000n + BigInt(attr.ctimensec),
  };
}

/** A change through this mount left just this version. */
function isOwn(node: Node, version: Version): boolean {
  return node.own.some((own) => sameVersion(own, version));
}
