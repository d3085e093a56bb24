import type { SuperblockId } from '../../protocol/brand';
import type { Disposable } from '../../base/dispose';
import { Emitter } from '../../base/emitter';
import { messageOf } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import { MOUNT_HIDDEN, MOUNT_NOT_RESPONDING, MOUNT_READONLY } from '../../protocol/livemount';
import type { HostMount, HostMounts, MountChange } from '../../server/host/hostFs';
import { listMounts, mountIdOf } from '../libc/mounts';
import { runSync } from '../libc/op';
import type { MountNews } from '../libc/mountNews';
import { type GenerationSource, generationSource, kindOf } from './fsType';
import { type MountinfoLine, parseMountinfo, readMountinfo } from './mountinfo';

/** A mount, with what operations on it need to know. */
export interface Mount extends HostMount {
  readonly generation: GenerationSource;
}

/** The least time between two readings of the table when mounts change one after another. */
const MIN_REST_MS = 10;
/** A table that could not be read is read again after this time. */
const RETRY_MS = 1000;
/** Tries to get mountinfo and the unique ids of the same moment, while mounts come and go. Then what is sure is taken. */
const MAX_TRIES = 5;

/**
 * The mounts of this process's namespace. A superblock's id is the mount's unique id (Linux 6.8), else one that is
 * made up when the mount is first seen, so that it never stands for two mounts.
 */
export class MountTable implements HostMounts {
  private bySb = new Map<SuperblockId, Mount>();
  private byMountId = new Map<number, Mount>();
  /** `parent id/mountpoint` -> the mount that stands there. */
  private byPlace = new Map<string, Mount>();
  private slowPlaces = new Map<string, Mount>();
  private topmost: Mount;
  private readonly changes: Emitter<readonly MountChange[]>;
  /** Unique id -> mountinfo's number. */
  private uniqueIds: ReadonlyMap<bigint, number> = new Map();
  private hasUniqueIds: boolean;
  private nextMadeUp = 1n;
  private readonly notResponding = new Set<SuperblockId>();
  private scheduled = false;
  /** Mounts changed, and the table could not be read since. */
  private isStale = false;
  private restUntil = 0;

  /** `read` gives mountinfo; from elsewhere than this kernel it comes without unique ids. */
  constructor(
    private readonly read: () => Buffer = readMountinfo,
    private readonly options: {
      readonly uniqueIds?: boolean;
      /** The kernel's word that mounts changed, for `settle`. */
      readonly news?: MountNews;
      readonly log?: (message: string) => void;
    } = {},
  ) {
    this.changes = new Emitter((error) => options.log?.(`a change of mounts: ${messageOf(error)}`));
    const ids = options.uniqueIds === false ? undefined : this.readUniqueIds();
    this.hasUniqueIds = ids !== undefined;
    if (ids !== undefined) this.uniqueIds = ids;
    this.topmost = this.load();
  }

  /** statx(2) can name superblocks by the unique mount id. */
  get unique(): boolean {
    return this.hasUniqueIds;
  }

  list(): readonly Mount[] {
    return [...this.bySb.values()];
  }

  get(sb: SuperblockId): Mount | undefined {
    return this.bySb.get(sb);
  }

  /** The mount statx(2) named: by its unique id where the kernel has them. Reads the table anew if it is not known. */
  of(mountId: bigint): Mount {
    const find = () =>
      this.hasUniqueIds ? this.bySb.get(mountId as SuperblockId) : this.byMountId.get(Number(mountId));
    let found = find();
    if (found === undefined) {
      this.refresh();
      found = find();
    }
    if (found === undefined) throw new ErrnoError('ESTALE', `mount ${mountId} is not in the mount table`);
    return found;
  }

  covering(path: Buffer): Mount {
    const text = path.toString('latin1');
    let mount = this.stackedOn(this.topmost, '/');
    for (let slash = text.indexOf('/', 1); text.length > 1; slash = text.indexOf('/', slash + 1)) {
      mount = this.stackedOn(mount, slash < 0 ? text : text.slice(0, slash));
      if (slash < 0) break;
    }
    return mount;
  }

  /** The slow mount that is visible at exactly this path, or undefined; cheap where there are none. */
  slowAt(directory: Buffer, name: Buffer): Mount | undefined {
    if (this.slowPlaces.size === 0) return undefined;
    const above = directory.toString('latin1');
    return this.slowPlaces.get(`${above === '/' ? '' : above}/${name.toString('latin1')}`);
  }

  get hasSlowMounts(): boolean {
    return this.slowPlaces.size > 0;
  }

  onChange(listener: (changes: readonly MountChange[]) => void): Disposable {
    return this.changes.on(listener);
  }

  /** A superblock stopped answering within its deadline, or answers again: that is a change of its flags. */
  setResponding(sb: SuperblockId, responding: boolean): void {
    if (responding) this.notResponding.delete(sb);
    else this.notResponding.add(sb);
    this.tryRefresh();
  }

  /**
   * Reads the table if the kernel knows of a change: asked before a path is walked on the main thread, as that would stop
   * for good in a mount that came a moment ago and does not answer.
   */
  settle(): void {
    if (this.options.news?.any() === true || this.isStale) this.refresh();
  }

  /**
   * The kernel says that mounts changed: the table is read at once, but at a burst (a container that starts, 1,000 bind
   * mounts) not again before it had some rest, for reading takes as long as there are mounts.
   */
  changed(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    const refresh = () => {
      const started = performance.now();
      this.scheduled = false;
      this.tryRefresh();
      this.restUntil = performance.now() + Math.max(MIN_REST_MS, 2 * (performance.now() - started));
    };
    const rest = this.restUntil - performance.now();
    if (rest <= 0) setImmediate(refresh);
    else setTimeout(refresh, rest).unref();
  }

  /** As `refresh`; where the table can't be read, that is tried again later. */
  private tryRefresh(): void {
    try {
      this.refresh();
    } catch (error) {
      this.options.log?.(`reading the mounts: ${messageOf(error)}; once more in ${RETRY_MS} ms`);
    }
  }

  /**
   * Reads the table and reports what is different to the listeners. ErrnoError: it can't be read for want of a descriptor or
   * memory; what is known stays, and it is read again later.
   */
  refresh(): void {
    const before = this.bySb;
    try {
      this.topmost = this.load();
      this.isStale = false;
    } catch (error) {
      this.isStale = true;
      setTimeout(() => this.changed(), RETRY_MS).unref();
      throw error;
    }
    const changes = difference(before, this.bySb);
    if (changes.length === 0) return;
    this.changes.fire(changes);
  }

  private load(): Mount {
    const lines = this.hasUniqueIds ? this.readSettled() : parseMountinfo(this.read());
    const ids = this.superblockIds(lines);
    const known = new Set(lines.map((line) => line.mountId));
    const top = lines.find((line) => line.mountpoint.length === 1 && !known.has(line.parentId)) ?? lines[0];
    if (top === undefined) throw new ErrnoError('EIO', 'the mount table is empty');

    const bySb = new Map<SuperblockId, Mount>();
    this.byMountId = new Map();
    this.byPlace = new Map();
    const byId = new Map(lines.map((line) => [line.mountId, line]));
    const add = (line: MountinfoLine): Mount => {
      const present = this.byMountId.get(line.mountId);
      if (present !== undefined) return present;
      const above = byId.get(line.parentId);
      const parent = above === undefined || above === line ? undefined : add(above);
      const mount = describe(line, ids, parent);
      if (this.notResponding.has(mount.sb)) (mount as { flags: number }).flags |= MOUNT_NOT_RESPONDING;
      bySb.set(mount.sb, mount);
      this.byMountId.set(line.mountId, mount);
      if (parent !== undefined) this.byPlace.set(place(parent, mount.mountpoint.toString('latin1')), mount);
      return mount;
    };
    for (const line of lines) add(line);
    this.topmost = this.byMountId.get(top.mountId) as Mount;
    this.bySb = bySb;
    this.markHidden();
    return this.topmost;
  }

  /** Sets MOUNT_HIDDEN on every mount that its own mount point does not lead to. */
  private markHidden(): void {
    this.slowPlaces = new Map();
    const nearby = new Map<string, Mount>();
    for (const mount of this.bySb.values()) {
      const key = mount.mountpoint.toString('latin1');
      let visible = nearby.get(key);
      if (visible === undefined) {
        visible = this.covering(mount.mountpoint);
        nearby.set(key, visible);
      }
      if (visible !== mount) (mount as { flags: number }).flags |= MOUNT_HIDDEN;
      else if (mount.slow) this.slowPlaces.set(key, mount);
    }
  }

  private stackedOn(mount: Mount, path: string): Mount {
    let top = mount;
    for (;;) {
      const over = this.byPlace.get(place(top, path));
      if (over === undefined || over === top) return top;
      top = over;
    }
  }

  /**
   * The lines of mountinfo whose unique ids are known: those that were listed before it was read and after. Where mounts
   * come and go all the time, some lines may be missing; the table is read again soon.
   */
  private readSettled(): MountinfoLine[] {
    let before = this.readUniqueIds() ?? this.uniqueIds;
    for (let tries = 1; ; tries++) {
      const lines = parseMountinfo(this.read());
      const after = this.readUniqueIds() ?? before;
      this.uniqueIds = after;
      const unsettled = [...after].some(([unique, mountId]) => before.get(unique) !== mountId);
      const sure = new Set([...after].filter(([unique]) => before.has(unique)).map(([, mountId]) => mountId));
      const settled = lines.filter((line) => sure.has(line.mountId));
      if (!unsettled && settled.length === lines.length) return settled;
      if (tries === MAX_TRIES) {
        if (unsettled) this.changed();
        // Nothing changes, and mountinfo has what listmount(2) does not: its ids are of no use here.
        else if (this.bySb.size === 0) this.hasUniqueIds = false;
        return this.hasUniqueIds ? settled : lines;
      }
      before = after;
    }
  }

  /** Undefined: this kernel has none. */
  private readUniqueIds(): ReadonlyMap<bigint, number> | undefined {
    const listed = runSync(listMounts());
    if (listed === undefined) return undefined;
    const ids = new Map<bigint, number>();
    for (const unique of listed) {
      const mountId = this.uniqueIds.get(unique) ?? runSync(mountIdOf(unique));
      if (mountId !== undefined) ids.set(unique, mountId);
    }
    return ids;
  }

  private superblockIds(lines: readonly MountinfoLine[]): Map<number, SuperblockId> {
    if (this.hasUniqueIds) {
      return new Map([...this.uniqueIds].map(([unique, mountId]) => [mountId, unique as SuperblockId]));
    }
    return new Map(
      lines.map((line) => {
        const present = this.byMountId.get(line.mountId);
        const same =
          present !== undefined &&
          present.major === line.major &&
          present.minor === line.minor &&
          present.fstype === line.fstype &&
          present.root.equals(line.root);
        return [line.mountId, same ? present.sb : (this.nextMadeUp++ as SuperblockId)];
      }),
    );
  }
}

function place(parent: Mount, path: string): string {
  return `${parent.mountId}/${path}`;
}

function describe(
  line: MountinfoLine,
  ids: ReadonlyMap<number, SuperblockId>,
  parent: Mount | undefined,
): Mount {
  const sb = ids.get(line.mountId) as SuperblockId;
  const kind = kindOf(line.fstype);
  return {
    sb,
    parent: parent?.sb ?? sb,
    flags: line.readonly ? MOUNT_READONLY : 0,
    major: line.major,
    minor: line.minor,
    mountId: line.mountId,
    mountpoint: line.mountpoint,
    root: line.root,
    fstype: line.fstype,
    source: line.source,
    options: line.options,
    kind,
    generation: generationSource({ kind, fstype: line.fstype }),
    slow: (kind !== 'local' && kind !== 'pseudo') || (parent?.slow ?? false),
  };
}

/** What is different: mounts that went (children first), changed, and came (parents first). One that was moved did both. */
function difference(
  before: ReadonlyMap<SuperblockId, Mount>,
  now: ReadonlyMap<SuperblockId, Mount>,
): MountChange[] {
  const isSameIn = (table: ReadonlyMap<SuperblockId, Mount>, mount: Mount) =>
    table.get(mount.sb)?.mountpoint.equals(mount.mountpoint) === true;
  const went = [...before.values()].filter((mount) => !isSameIn(now, mount)).reverse();
  const came = [...now.values()].filter((mount) => !isSameIn(before, mount));
  const changed = [...now.values()].filter((mount) => {
    const old = before.get(mount.sb);
    return old !== undefined && isSameIn(before, mount) && !sameMount(old, mount);
  });
  return [
    ...went.map((mount) => ({ kind: 'went', mount }) as const),
    ...changed.map((mount) => ({ kind: 'changed', mount }) as const),
    ...came.map((mount) => ({ kind: 'came', mount }) as const),
  ];
}

function sameMount(a: Mount, b: Mount): boolean {
  return a.flags === b.flags && a.options === b.options && a.parent === b.parent;
}
