import { EVENT_COMPARED } from '../../protocol/livemount';
import { In } from '../../protocol/mask';
import { type BytePath, joined, ROOT_PATH } from './bytePath';
import { type EntryCode } from './entries';
import type { Shadow } from './shadow';
import type { Stamp } from './stamps';
import { type DirNode, isDirectory } from './tree';

/** How often a directory that somebody looks at is polled. */
const VISIBLE_INTERVAL_MS = 1000;
/** The others: slower, and slower still when there are many. */
const HIDDEN_INTERVAL_MS = 5000;
/** A round may take this part of the time: a large tree is polled less often. */
const LOAD = 0.1;
/** A directory's times have this granularity at worst (ext3, FAT, some NFS servers): a younger one is listed again. */
const COARSE_NS = 2_000_000_000n;

/** Polls the directories for which the host has no watch. */
export class Poller {
  private readonly nodes = new Set<DirNode>();
  private visibleDue = 0;
  private hiddenDue = 0;

  constructor(
    private readonly shadow: Shadow,
    private readonly now: () => number,
    private readonly intervals = { visible: VISIBLE_INTERVAL_MS, hidden: HIDDEN_INTERVAL_MS },
  ) {}

  get size(): number {
    return this.nodes.size;
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

  /** Milliseconds until something is due; undefined: nothing is polled. */
  get dueIn(): number | undefined {
    if (this.nodes.size === 0) return undefined;
    return Math.max(0, Math.min(this.visibleDue, this.hiddenDue) - this.now());
  }

  /** Remembers the versions of what was just listed, so that the next round has something to compare with. */
  async learn(node: DirNode, path: BytePath, found: ReadonlyMap<BytePath, EntryCode>): Promise<void> {
    const stamps = new Map<BytePath, Stamp>();
    const own = await this.shadow.stat(path);
    if (own !== undefined) stamps.set(ROOT_PATH, own.stamp);
    for (const name of found.keys()) {
      const seen = await this.shadow.stat(joined(path, name));
      if (seen !== undefined) stamps.set(name, seen.stamp);
    }
    node.stamps = stamps;
  }

  /** One round over what is due: directories first, then the entries. */
  async round(everything = false): Promise<void> {
    const started = this.now();
    const visibleOnly = !everything && started < this.hiddenDue;
    const { coverage } = this.shadow.host;
    for (const node of [...this.nodes]) {
      if (!node.isAttached) this.delete(node);
      else if (!visibleOnly || coverage.visible(node.path))
        await this.poll(node, BigInt(Math.trunc(started)));
      const pause = this.shadow.host.breathe();
      if (pause !== undefined) await pause;
    }
    const took = this.now() - started;
    const ended = this.now();
    this.visibleDue = ended + Math.max(this.intervals.visible, took / LOAD);
    if (!visibleOnly) this.hiddenDue = ended + Math.max(this.intervals.hidden, took / LOAD);
  }

  private async poll(node: DirNode, nowMs: bigint): Promise<void> {
    const path = node.path;
    if (this.shadow.host.isCovered(path)) return;
    const own = await this.shadow.stat(path);
    const stamps = node.stamps;
    if (own === undefined || node.entries === undefined || stamps === undefined) {
      if (node.parent !== undefined) this.shadow.suspects.add(node.parent);
      return;
    }
    const stamp = own.stamp;
    const young = nowMs * 1_000_000n - own.version.mtime_ns < COARSE_NS;
    if (stamps.get(ROOT_PATH) !== stamp || young) {
      await this.shadow.scanner.compare(node);
      stamps.set(ROOT_PATH, stamp);
    }
    if (!node.isAttached) return;
    for (const [name, code] of [...node.entries]) {
      const entryPath = joined(path, name);
      if (isDirectory(code) && node.dirs?.get(name)?.polled === true) continue;
      const seen = await this.shadow.stat(entryPath);
      if (seen === undefined) continue;
      const before = stamps.get(name);
      const now = seen.stamp;
      if (before === now) continue;
      stamps.set(name, now);
      if (before === undefined) this.shadow.stamps.tell(entryPath, seen);
      else this.shadow.tellWritten(entryPath, seen, In.MODIFY, EVENT_COMPARED);
    }
    for (const name of stamps.keys()) {
      if (name !== ROOT_PATH && node.entries.get(name) === undefined) stamps.delete(name);
    }
    node.entries.pack();
  }
}
