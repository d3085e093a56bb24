import { EVENT_COMPARED } from '../../../protocol/livemount';
import { In } from '../../../protocol/mask';
import type { Seen } from '../arming/backend';
import { type BytePath, joined, ROOT_PATH } from '../bytePath';
import { DT, type EntryCode, typeOfMode } from './entries';
import type { Scanner } from './scanner';
import type { ShadowHost } from './shadowHost';
import type { ShadowTree } from './shadowTree';
import { type Stamp, StampMixer } from './stamps';
import type { SuperblockWatchOptions } from '../superblock/options';
import { type DirNode, NO_WATCH } from './tree';
import { UNSEEN } from './unwatched';

/** How often a directory that somebody looks at is polled. */
export const VISIBLE_INTERVAL_MS = 1000;
/** The others: slower, and slower still when there are many. */
const HIDDEN_INTERVAL_MS = 5000;
/** A round may take this part of the time: a large tree is polled less often. */
const LOAD = 0.1;
/** A directory's times have this granularity at worst (ext3, FAT, some NFS servers): a younger one is listed again. */
const COARSE_NS = 2_000_000_000n;

const HALF = 2 ** 26;

/** Content in the upper half, attributes in the lower; of a directory, whose times change with its entries, the mode. */
function pollStamp({ mode, version }: Seen): Stamp {
  if (typeOfMode(mode) === DT.DIR) return mode;
  const content = new StampMixer()
    .add(low(version.ino))
    .add(low(version.size))
    .add(low(version.mtime_ns))
    .finish();
  const attributes = new StampMixer().add(mode).add(low(version.ctime_ns)).finish();
  return (content % HALF) * HALF + (attributes % HALF);
}

function low(field: bigint): number {
  return Number(BigInt.asIntN(32, field ^ (field >> 32n)));
}

function isContent(before: Stamp, now: Stamp): boolean {
  return Math.floor(before / HALF) !== Math.floor(now / HALF);
}

/** Polls the directories for which the host has no watch. */
export class Poller {
  private readonly nodes = new Set<DirNode>();
  /** Of a superblock that is a single file: its version when it was last looked at. */
  private file: { stamp: Stamp | undefined } | undefined;
  private visibleDue = 0;
  private hiddenDue = 0;
  /** How often what somebody looks at is polled now, in ms. */
  paceMs: number;

  constructor(
    private readonly tree: ShadowTree,
    private readonly host: ShadowHost,
    private readonly scanner: Pick<Scanner, 'compare' | 'retry'>,
    private readonly time: Pick<SuperblockWatchOptions, 'clock' | 'nowNs'>,
    private readonly intervals = { visible: VISIBLE_INTERVAL_MS, hidden: HIDDEN_INTERVAL_MS },
  ) {
    this.paceMs = intervals.visible;
  }

  get size(): number {
    return this.nodes.size + (this.file === undefined ? 0 : 1);
  }

  /** The superblock shows a single file: that is compared. */
  addFile(): void {
    this.file ??= { stamp: undefined };
  }

  add(node: DirNode): void {
    node.polled = true;
    node.stamps ??= new Map();
    this.nodes.add(node);
  }

  delete(node: DirNode): void {
    if (!this.nodes.delete(node)) return;
    node.polled = false;
    node.stamps = undefined;
  }

  /** Those for which the host has no watch besides. */
  unwatched(): DirNode[] {
    return [...this.nodes].filter((node) => node.watch === NO_WATCH);
  }

  /** Looks at one directory and its entries now. */
  check(node: DirNode): Promise<void> {
    return this.poll(node, this.time.nowNs());
  }

  /** Milliseconds until something is due; undefined: nothing is polled. */
  get dueIn(): number | undefined {
    if (this.size === 0) return undefined;
    return Math.max(0, Math.min(this.visibleDue, this.hiddenDue) - this.time.clock.now());
  }

  /** Remembers the versions of what was just listed, so that the next round has something to compare with. */
  async learn(node: DirNode, path: BytePath, found: ReadonlyMap<BytePath, EntryCode>): Promise<void> {
    const stamps = new Map<BytePath, Stamp>();
    const own = await this.tree.stat(path);
    if (own !== undefined) stamps.set(ROOT_PATH, own.stamp);
    for (const name of found.keys()) {
      const seen = await this.tree.stat(joined(path, name));
      if (seen !== undefined && !seen.isElsewhere) stamps.set(name, pollStamp(seen));
    }
    node.stamps = stamps;
  }

  /** One round over what is due: directories first, then the entries. */
  async round(everything = false): Promise<void> {
    const started = this.time.clock.now();
    const startedNs = this.time.nowNs();
    const visibleOnly = !everything && started < this.hiddenDue;
    const { coverage } = this.host;
    await this.pollFile();
    for (const node of [...this.nodes]) {
      if (!node.isAttached) this.delete(node);
      else if (!visibleOnly || coverage.visible(node.path)) await this.poll(node, startedNs);
      const pause = this.host.yieldIfDue();
      if (pause !== undefined) await pause;
    }
    const took = this.time.clock.now() - started;
    const ended = this.time.clock.now();
    this.paceMs = Math.max(this.intervals.visible, took / LOAD);
    this.visibleDue = ended + this.paceMs;
    if (!visibleOnly) this.hiddenDue = ended + Math.max(this.intervals.hidden, took / LOAD);
  }

  private async pollFile(): Promise<void> {
    const { file } = this;
    if (file === undefined) return;
    const seen = await this.tree.stat(ROOT_PATH);
    if (seen === undefined || seen.isElsewhere) return;
    const before = file.stamp;
    const now = pollStamp(seen);
    file.stamp = now;
    const { root } = this.tree;
    if (before === undefined) this.tree.stamps.note(seen, root.id);
    else if (before !== now) {
      const bits = isContent(before, now) ? In.MODIFY : In.ATTRIB;
      this.tree.reportWritten(root, ROOT_PATH, seen, bits, EVENT_COMPARED);
    }
  }

  private async poll(node: DirNode, nowNs: bigint): Promise<void> {
    const path = node.path;
    if (this.host.isCovered(path)) return;
    if (this.tree.unwatched.has(node)) await this.scanner.retry(node);
    if (!node.polled || node.entries === undefined) return;
    const own = await this.tree.stat(path);
    const stamps = node.stamps;
    if (own === UNSEEN) this.tree.notSeen(node);
    if (own?.isElsewhere) return;
    if (own === undefined || node.entries === undefined || stamps === undefined) {
      if (node.parent !== undefined) this.tree.unverified.add(node.parent);
      return;
    }
    const stamp = own.stamp;
    const young = nowNs - own.version.mtime_ns < COARSE_NS;
    if (stamps.get(ROOT_PATH) !== stamp || young) {
      await this.scanner.compare(node);
      stamps.set(ROOT_PATH, stamp);
    }
    if (!node.isAttached) return;
    for (const [name] of [...node.entries]) {
      const entryPath = joined(path, name);
      const seen = await this.tree.stat(entryPath);
      if (seen === UNSEEN) this.tree.notSeen(node);
      if (seen === undefined || seen.isElsewhere) continue;
      const before = stamps.get(name);
      const now = pollStamp(seen);
      if (before === now) continue;
      stamps.set(name, now);
      if (before === undefined) this.tree.stamps.note(seen, node.id);
      else
        this.tree.reportWritten(
          node,
          entryPath,
          seen,
          isContent(before, now) ? In.MODIFY : In.ATTRIB,
          EVENT_COMPARED,
        );
    }
    for (const name of stamps.keys()) {
      if (name !== ROOT_PATH && node.entries.get(name) === undefined) stamps.delete(name);
    }
    node.entries.pack();
  }
}
