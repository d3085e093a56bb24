import { ErrnoError } from '../../../protocol/errno';
import { EVENT_COMPARED } from '../../../protocol/livemount';
import { In } from '../../../protocol/mask';
import type { Lister } from '../arming/backend';
import { absolute, type BytePath, joined, type AbsolutePath } from '../bytePath';
import { Kind } from '../change';
import type { Coverage } from '../arming/coverage';
import { DT, type EntryCode, Entries, entryCode, inoOf, Packer, typeOf, typeOfMode } from './entries';
import { mountpointMade } from './mountpoints';
import type { Looks } from './looks';
import type { ShadowHost } from './shadowHost';
import type { ShadowTree } from './shadowTree';
import { type DirNode, isDirectory, NO_WATCH } from './tree';
import { UNSEEN } from './unwatched';

/** silent: the client is about to ask anyway (a new mark); report: everything found is new. */
export type Reporting = 'silent' | 'report' | 'report-compared';

/** A name that every directory has: who may pass it can look at that. */
const ITSELF = '.' as BytePath;

/** Arms, lists and compares directories for a shadow. */
export class Scanner {
  /** Directories that the backend reports on, but which are not listed yet. */
  private cold: DirNode[] = [];
  /** Those listed since the last time that all events of before were settled. */
  private warmed: DirNode[] = [];

  constructor(
    private readonly tree: ShadowTree,
    private readonly host: ShadowHost,
    private readonly looks: Looks,
  ) {}

  /** Lists such directories for about a slice; true: there is more. */
  async warm(): Promise<boolean> {
    const { host } = this;
    for (let node = this.cold.pop(); node !== undefined; node = this.cold.pop()) {
      await this.warmOne(node);
      if (host.yieldIfDue() !== undefined) return this.cold.length > 0;
    }
    return false;
  }

  get isCold(): boolean {
    return this.cold.length + this.warmed.length > 0;
  }

  /** What was listed until `mark` needs no doubt any more: every event of before is settled. */
  sure(mark: number): void {
    for (const node of this.warmed.splice(0, mark)) node.unsure = false;
  }

  get warmMark(): number {
    return this.warmed.length;
  }

  private async warmOne(node: DirNode): Promise<void> {
    const { host } = this;
    if (!node.isAttached || node.entries !== undefined) return;
    const path = node.path;
    if (!host.coverage.needs(path) || host.isCovered(path)) return;
    const found = await this.list(node, path);
    if (found === undefined || found === 'unseen') return;
    node.unsure = true;
    this.warmed.push(node);
    await this.take(node, path, found, this.cold);
  }

  /**
   * Takes a subtree into the shadow: each directory is armed first and listed then, so that nothing falls between.
   * `between` runs now and then, so that other events need not wait for a long scan.
   */
  async grow(top: DirNode, reporting: Reporting, between?: () => Promise<void>): Promise<void> {
    const { host } = this;
    const stack: DirNode[] = [top];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      const pause = host.yieldIfDue();
      if (pause !== undefined) {
        await pause;
        if (between !== undefined) await between();
      }
      if (!node.isAttached) continue;
      const path = node.path;
      if (!host.coverage.needs(path) || host.isCovered(path)) continue;
      if (reporting !== 'silent' && (await this.isElsewhere(node, path))) continue;
      if (node.watch < 0) {
        const arming = host.arm(node, absolute(host.base, path));
        const armed = typeof arming === 'string' ? arming : await arming;
        if (armed === 'gone') {
          await this.absent(node, path);
          continue;
        }
        if (armed === 'refused') this.tree.notSeen(node);
      }
      if (host.watchesAll && reporting === 'silent' && host.coverage.over(path).length > 0) {
        this.lead(node, path, stack);
        continue;
      }
      const found = await this.list(node, path);
      if (found === 'unseen') continue;
      if (found === undefined) {
        await this.absent(node, path);
        continue;
      }
      if (node.polled) await this.host.learn(node, path, found);
      if (reporting !== 'silent') {
        if (!(await this.reportChanged(node, found))) continue;
        await this.reportFound(node, path, found, reporting);
      }
      await this.take(node, path, found, stack);
    }
  }

  /** No directory is there: its parent knows better, and the root may be a file. */
  private async absent(node: DirNode, path: BytePath): Promise<void> {
    if (node.parent !== undefined) this.tree.unverified.add(node.parent);
    else if (((await this.tree.stat(path))?.mode ?? 0) !== 0) this.host.isFile();
  }

  /**
   * Arms and lists again a directory of which nothing was to be seen, and reports what happened in it since. If nothing is
   * to be seen yet, it stays among those.
   */
  async retry(node: DirNode): Promise<void> {
    const { host } = this;
    const { unwatched } = this.tree;
    const since = unwatched.delete(node);
    if (since === undefined || !node.isAttached) return;
    const path = node.path;
    if (!host.coverage.needs(path) || host.isCovered(path)) return;
    const armed = await host.arm(node, absolute(host.base, path));
    if (armed === 'gone') {
      await this.absent(node, path);
      return;
    }
    if (armed === 'refused') this.tree.notSeen(node, since);
    if (node.entries === undefined) await this.grow(node, 'report-compared');
    else await this.compare(node, since);
    await this.canPass(node, since);
    // Put in again with a later moment, it keeps the earlier one.
    if (unwatched.has(node)) unwatched.add(node, since);
    else host.seenAgain(node);
  }

  /** A directory's attributes changed: it may be closed to the agent's user now, and so may all that lies below it. */
  async mayBeClosed(node: DirNode): Promise<void> {
    if (this.host.watchesAll || !node.isAttached) return;
    await this.rearm(node);
    await this.canPass(node);
  }

  /** Notes that nothing is to be seen of what lies in a directory which may be read, but not passed. */
  private async canPass(node: DirNode, sinceNs?: bigint): Promise<void> {
    if ((await this.tree.stat(joined(node.path, ITSELF))) === UNSEEN) this.tree.notSeen(node, sinceNs);
  }

  /** Another mount stands there, or nothing is to be seen. */
  private async isElsewhere(node: DirNode, path: BytePath, sinceNs?: bigint): Promise<boolean> {
    const seen = await this.tree.stat(path);
    if (seen === UNSEEN) this.tree.notSeen(node, sinceNs);
    return seen?.isElsewhere === true;
  }

  /** A directory changed in a way that may have opened it: looks again where nothing was to be seen in it. */
  async retryBelow(top: DirNode): Promise<void> {
    if (this.tree.unwatched.size === 0) return;
    for (const node of [...top.subtree()]) if (this.tree.unwatched.has(node)) await this.retry(node);
  }

  /** Where nothing has to be listed, only the way to the marks is followed. What was listed may be too little now. */
  private lead(node: DirNode, path: BytePath, stack: DirNode[]): void {
    node.entries = undefined;
    this.cold.push(node);
    for (const name of this.host.coverage.leadsTo(path) ?? []) {
      const child = node.dirs?.get(name) ?? node.adopt(name);
      stack.push(child);
    }
  }

  /**
   * Reports what became of the names that a directory's shadow knows already: the directory was reported before, and is
   * reported again because events came of it under another name. False: the directory is gone.
   */
  private async reportChanged(node: DirNode, found: Map<BytePath, EntryCode>): Promise<boolean> {
    for (const [name, code] of [...(node.entries ?? [])]) {
      if (found.get(name) === code) continue;
      await this.looks.look(node, name, 0, 'changed');
      const now = node.entries?.get(name);
      if (now === undefined) found.delete(name);
      else found.set(name, now);
    }
    return node.isAttached;
  }

  /** Tells what a directory holds that its shadow does not know. */
  private async reportFound(
    node: DirNode,
    directory: BytePath,
    found: Map<BytePath, EntryCode>,
    reporting: Reporting,
  ): Promise<void> {
    const known = node.entries;
    for (const [name, code] of found) {
      if (known?.get(name) === code) continue;
      const path = joined(directory, name);
      const seen = await this.tree.stat(path);
      if (seen === undefined) {
        // Gone since it was listed, or the directory moved with it: what is not reported must not count as known.
        found.delete(name);
        this.tree.unverified.add(node);
        continue;
      }
      if (seen.isElsewhere) {
        if (seen === UNSEEN) {
          found.delete(name);
          this.tree.notSeen(node);
        } else this.host.report(mountpointMade(path, seen, reporting === 'report' ? 0 : EVENT_COMPARED));
        continue;
      }
      this.tree.stamps.note(seen, node.id);
      const isDir = typeOfMode(seen.mode) === DT.DIR;
      if (isDir && this.host.coverage.needs(path))
        this.tree.hasAppeared(seen.ino, node.dirs?.get(name) ?? node.adopt(name));
      this.host.report({
        kind: Kind.CREATE,
        path,
        isDir,
        seen,
        flags: reporting === 'report' ? 0 : EVENT_COMPARED,
      });
    }
  }

  /** Makes what was found the shadow's, and puts the subdirectories of interest on the stack. */
  private async take(
    node: DirNode,
    path: BytePath,
    found: Map<BytePath, EntryCode>,
    stack: DirNode[],
  ): Promise<void> {
    const { coverage } = this.host;
    const packer = new Packer();
    for (const [name, code] of found) {
      packer.add(name, code);
      if (isDirectory(code) && coverage.needs(joined(path, name))) {
        stack.push(node.dirs?.get(name) ?? node.adopt(name));
      }
    }
    node.entries ??= new Entries();
    node.entries.replace(packer.finish());
    this.tree.lookedAt(node);
  }

  /** The entries of a directory that matter; undefined: it is gone; 'unseen': it can't be listed. */
  private async list(
    node: DirNode,
    path: BytePath,
  ): Promise<Map<BytePath, EntryCode> | undefined | 'unseen'> {
    const { coverage, base } = this.host;
    const found = new Map<BytePath, EntryCode>();
    const marks = coverage.over(path);
    if (marks.length === 0) {
      for (const name of coverage.leadsTo(path) ?? []) {
        const seen = await this.tree.stat(joined(path, name));
        if (seen === UNSEEN) this.tree.notSeen(node);
        if (seen !== undefined && !seen.isElsewhere)
          found.set(name, entryCode(seen.ino, typeOfMode(seen.mode)));
      }
      return found;
    }
    const everything = marks.some((mark) => mark.excludes.length === 0);
    const typeless: BytePath[] = [];
    const listed = await this.listed(absolute(base, path), (name, ino, type) => {
      if (!everything && !coverage.wants(path, name)) return;
      if (type === DT.UNKNOWN) typeless.push(name);
      else found.set(name, entryCode(ino, type));
    });
    if (listed === 'unseen') this.tree.notSeen(node);
    if (listed !== true) return listed === 'unseen' ? listed : undefined;
    for (const name of typeless) {
      const seen = await this.tree.stat(joined(path, name));
      if (seen !== undefined && !seen.isElsewhere)
        found.set(name, entryCode(seen.ino, typeOfMode(seen.mode)));
    }
    return found;
  }

  /** False: no directory is there. */
  private async listed(path: AbsolutePath, each: Parameters<Lister['list']>[1]): Promise<boolean | 'unseen'> {
    try {
      return await this.host.lister.list(path, each);
    } catch (error) {
      if (error instanceof ErrnoError) return 'unseen';
      throw error;
    }
  }

  /** The coverage changed, or the subtree moved: drops what is no longer of interest, takes in what now is. */
  async retarget(
    top: DirNode,
    reporting: Reporting,
    before?: Coverage,
    between?: () => Promise<void>,
  ): Promise<void> {
    const { coverage, watchesAll } = this.host;
    for (const node of [...top.subtree()]) {
      const pause = this.host.yieldIfDue();
      if (pause !== undefined) await pause;
      if (!node.isAttached) continue;
      const path = node.path;
      if (node.parent !== undefined && !coverage.needs(path)) {
        this.tree.drop(node);
        continue;
      }
      if (before !== undefined) await this.refresh(node, before);
      if (watchesAll) continue;
      if (node.entries === undefined) {
        // It was gone from where it was looked for: it had moved here. What is not to be seen is looked at in its time.
        if (!this.tree.unwatched.has(node)) await this.grow(node, reporting, between);
        continue;
      }
      for (const [name, code] of [...node.entries]) {
        if (!coverage.wants(path, name)) node.entries.delete(name);
        else if (isDirectory(code) && !node.dirs?.has(name) && coverage.needs(joined(path, name))) {
          await this.grow(node.adopt(name), reporting, between);
        }
      }
      node.entries.pack();
    }
  }

  /**
   * A node whose coverage may have grown since `before`: what is of interest now and was not is the shadow's, unreported. What
   * was of interest already is left alone: if it differs from what is there, word of that is on its way.
   */
  async refresh(node: DirNode, before: Coverage): Promise<void> {
    const { host } = this;
    const path = node.path;
    if (!host.coverage.needs(path) || host.isCovered(path)) return;
    if ((await host.arm(node, absolute(host.base, path))) === 'refused') this.tree.notSeen(node);
    if (node.entries !== undefined && before.coversAllBelow(path)) return;
    if (host.watchesAll && host.coverage.over(path).length > 0) {
      this.lead(node, path, []);
      return;
    }
    const found = await this.list(node, path);
    if (found === undefined && node.parent === undefined) await this.absent(node, path);
    if (found === undefined || found === 'unseen') return;
    if (node.polled) await host.learn(node, path, found);
    const known = node.entries;
    if (known !== undefined) {
      for (const name of found.keys())
        if (known.get(name) === undefined && before.wants(path, name)) found.delete(name);
      for (const [name, code] of known) if (before.wants(path, name)) found.set(name, code);
    }
    const stack: DirNode[] = [];
    await this.take(node, path, found, stack);
    for (const child of stack) if (child.entries === undefined) await this.grow(child, 'silent');
  }

  /** The watch may have been lost with the events: a directory that was replaced gets a new one. */
  async rearm(node: DirNode): Promise<void> {
    const { host } = this;
    const path = node.path;
    if (host.isCovered(path) || !host.coverage.needs(path)) return;
    const armed = await host.arm(node, absolute(host.base, path));
    if (armed === 'gone' && node.parent !== undefined) this.tree.unverified.add(node.parent);
    if (armed === 'refused') this.tree.notSeen(node);
  }

  /**
   * Finds the exact difference between a directory and its shadow, and reports it. Files whose ctime is not before
   * `sinceNs` are reported as modified: no version of each file needs to be kept for that.
   */
  async compare(node: DirNode, sinceNs?: bigint): Promise<void> {
    if (!node.isAttached) return;
    const path = node.path;
    if (this.host.isCovered(path)) return;
    if (node.entries === undefined) {
      if (!this.host.watchesAll && !this.tree.unwatched.has(node)) await this.grow(node, 'report-compared');
      return;
    }
    if (await this.isElsewhere(node, path, sinceNs)) return;
    const since = earlier(sinceNs, await this.verifyWatch(node));
    const found = await this.list(node, path);
    if (found === 'unseen') {
      this.tree.notSeen(node, since);
      return;
    }
    if (found === undefined) {
      if (node.parent !== undefined) this.tree.unverified.add(node.parent);
      return;
    }
    for (const [name, code] of [...node.entries]) {
      const now = found.get(name);
      found.delete(name);
      if (now === undefined || inoOf(now) !== inoOf(code) || typeOf(now) !== typeOf(code))
        await this.looks.look(node, name, 0, 'changed');
      else if (isDirectory(code)) await this.adoptMissing(node, path, name);
      else if (since !== undefined) await this.compareTimes(node, joined(path, name), since);
      if (!node.isAttached) return;
    }
    for (const name of found.keys()) await this.looks.look(node, name, 0, 'changed');
  }

  /**
   * Armed by path while directories moved, a node may have the watch of another directory. Gives the moment from which on
   * events of its own may be missing; undefined: the watch was right.
   */
  private async verifyWatch(node: DirNode): Promise<bigint | undefined> {
    if (this.host.watchesAll || (node.polled && node.watch === NO_WATCH)) return undefined;
    const before = node.watch;
    await this.rearm(node);
    return node.watch === before ? undefined : this.host.knownUpToNs;
  }

  private async adoptMissing(node: DirNode, path: BytePath, name: BytePath): Promise<void> {
    const { coverage } = this.host;
    if (!coverage.needs(joined(path, name))) return;
    const child = node.dirs?.get(name);
    if (child !== undefined) {
      if (this.isUnarmed(child)) this.tree.unverified.add(child);
      return;
    }
    if (!this.host.isCovered(joined(path, name))) await this.grow(node.adopt(name), 'report-compared');
  }

  /** Its watch went with the directory it was for. */
  private isUnarmed(node: DirNode): boolean {
    return node.watch === NO_WATCH && !node.polled && !this.host.watchesAll;
  }

  private async compareTimes(node: DirNode, path: BytePath, sinceNs: bigint): Promise<void> {
    const seen = await this.tree.stat(path);
    if (seen === UNSEEN) this.tree.notSeen(node, sinceNs);
    if (seen === undefined || seen.isElsewhere || seen.version.ctime_ns < sinceNs) return;
    const bits = seen.version.mtime_ns >= sinceNs ? In.MODIFY : In.ATTRIB;
    this.tree.reportWritten(node, path, seen, bits, EVENT_COMPARED);
  }
}

function earlier(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}
