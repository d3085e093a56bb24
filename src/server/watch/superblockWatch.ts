import type { Disposable } from '../../base/dispose';
import { EVENT_FRESH } from '../../protocol/livemount';
import { In } from '../../protocol/mask';
import type { Awaitable, HostMount } from '../host/hostFs';
import type { Armed, BackendSession, Choice, FsFault, EventSink, Lister } from './arming/backend';
import { baseOf, type BytePath, joined, ROOT_PATH } from './bytePath';
import { type Change, Kind } from './change';
import { Coverage, type MarkPlace } from './arming/coverage';
import { inoOf } from './shadow/entries';
import type { Late } from './arming/pendingEvents';
import { Mountpoints } from './shadow/mountpoints';
import { Poller, VISIBLE_INTERVAL_MS } from './shadow/poller';
import { PUBLISHED } from './arming/eventBits';
import { Schedule } from './arming/schedule';
import { Arming, type ArmingHost } from './arming/arming';
import { Shadow, type ShadowHost } from './shadow/shadow';
import { TimeSlice } from '../../base/timeSlice';
import type { SuperblockWatchOptions } from './superblockWatchOptions';
import type { DirNode } from './shadow/tree';

/** ctime lags behind the clock by a tick of the kernel at most (10 ms at HZ=100). */
const CLOCK_GRANULARITY_NS = 20_000_000n;
/** A look costs as much as reading the clock. */
const STEPS_PER_LOOK = 16;

/** The watch on one superblock: its backend, its shadow, and when they work. */
export class SuperblockWatch implements ShadowHost, ArmingHost, EventSink, Disposable {
  coverage = new Coverage([]);
  readonly base: BytePath;
  readonly fs: Lister;
  readonly shadow: Shadow;
  private readonly mountpoints: Mountpoints;
  readonly poller: Poller;
  overflows = 0;
  choice: Choice;
  private readonly session: BackendSession | undefined;
  private outbox: Change[] = [];
  private covered: ReadonlySet<BytePath> = new Set();
  private tail: Promise<void> = Promise.resolve();
  private settles = 0;
  private readonly slice = new TimeSlice(STEPS_PER_LOOK);
  private readonly schedule: Schedule;
  private readonly arming: Arming;
  private overflowed = false;
  private warming: Promise<void> | undefined;
  private disposed = false;
  private toldPollMs = 0;
  /** Everything up to then is in the shadow. */
  private knownGoodNs = 0n;

  constructor(
    readonly mount: HostMount,
    private readonly options: SuperblockWatchOptions,
  ) {
    this.base = baseOf(mount.mountpoint);
    this.fs = options.backends.lister(mount);
    const { choice, session } = options.backends.open(mount, this);
    this.choice = choice;
    this.session = session;
    this.schedule = new Schedule(options.clock, {
      settle: () => void this.alone(() => this.beat()),
      repair: () => void this.repair(),
      poll: () => void this.alone(() => this.pollRound()),
    });
    this.shadow = new Shadow(this);
    this.mountpoints = new Mountpoints(this.shadow);
    this.poller = new Poller(this.shadow, options, options.pollIntervals);
    this.arming = new Arming(this, session, choice);
    this.knownGoodNs = this.nowNs();
  }

  get limitAdvice(): string {
    return this.options.backends.limitAdvice;
  }

  get watchesAll(): boolean {
    return this.session?.watchesAll ?? this.choice.backend === 'none';
  }

  /** How long a change may take to be found by polling, in ms, in steps of two; 0: nothing is polled. */
  get pollMs(): number {
    const { backend } = this.choice;
    // What is polled only because nothing could be seen of it has no lease, and that of all else is no shorter for it.
    if (this.poller.size === 0 || (backend !== 'poll' && backend !== 'inotify+poll')) return 0;
    const { paceMs } = this.poller;
    return Math.round(paceMs) <= VISIBLE_INTERVAL_MS
      ? Math.ceil(paceMs)
      : VISIBLE_INTERVAL_MS * 2 ** Math.ceil(Math.log2(paceMs / VISIBLE_INTERVAL_MS));
  }

  /** Directories that nothing is seen of, below the superblock's root. */
  get unwatched(): readonly BytePath[] {
    return this.shadow.unwatched.paths();
  }

  get knownUpToNs(): bigint {
    return this.knownGoodNs - CLOCK_GRANULARITY_NS;
  }

  get watches(): number {
    return this.session?.watches ?? 0;
  }

  get queued(): number {
    return this.shadow.pending + this.outbox.length;
  }

  /** Sets what is of interest; resolves when the host's watches are set to it. */
  setCoverage(coverage: Coverage, changed: readonly MarkPlace[]): Promise<void> {
    return this.alone(async () => {
      const before = this.coverage;
      this.coverage = coverage;
      this.covered = this.options.covered();
      this.shadow.retargeted();
      this.session?.retargeted();
      await this.settleNow();
      const between = () => this.settleNow();
      if (before.marks.length === 0) await this.shadow.scanner.grow(this.shadow.root, 'silent', between);
      else {
        const rank = ({ path }: MarkPlace) => (coverage.visible(path) ? 0 : 1);
        for (const place of [...changed].sort((a, b) => rank(a) - rank(b)))
          await this.retarget(before, place, between);
      }
      this.schedulePoll();
      this.warm();
    });
  }

  /** Arms the way to a place where marks changed, and what lies there; or disarms what nobody needs any more. */
  private async retarget(
    before: Coverage,
    { path, subtree }: MarkPlace,
    between: () => Promise<void>,
  ): Promise<void> {
    const { scanner, root } = this.shadow;
    let node: DirNode = root;
    await scanner.refresh(node, before);
    for (const name of path === ROOT_PATH ? [] : (path.split('/') as BytePath[])) {
      const next = node.dirs?.get(name);
      if (next === undefined) return;
      if (!this.coverage.needs(next.path)) {
        this.shadow.drop(next);
        return;
      }
      node = next;
      await scanner.refresh(node, before);
    }
    const isSame = before.coversAllBelow(path) && this.coverage.coversAllBelow(path);
    if (!subtree || isSame) return;
    await scanner.retarget(node, 'silent', before, between);
  }

  /** Where nothing had to be listed to hear it, that is done now, behind everything else. */
  private warm(): void {
    if (this.warming !== undefined || !this.shadow.scanner.isCold || this.choice.backend === 'none') return;
    this.warming = this.warmUp().finally(() => {
      this.warming = undefined;
    });
  }

  private async warmUp(): Promise<void> {
    const { scanner } = this.shadow;
    while (scanner.isCold && !this.disposed) {
      let more = false;
      await this.alone(async () => {
        more = await scanner.warm();
      });
      if (more) {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const mark = scanner.warmMark;
      await this.session?.sync();
      await this.alone(async () => {
        await this.settleNow();
        scanner.sure(mark);
      });
    }
  }

  /** A change made by a session, to be looked at like any other. */
  published(directory: BytePath, name: BytePath, bits: number): void {
    const found = this.nodeAt(directory);
    if (found) this.touch(found, name, bits);
    if (found !== undefined) return;
    this.touchLater({
      resolve: () => {
        const node = this.nodeAt(directory);
        return node ? { node, name } : undefined;
      },
      bits,
    });
  }

  publishedRename(from: BytePath, fromName: BytePath, to: BytePath, toName: BytePath, isDir: boolean): void {
    const source = this.nodeAt(from);
    const target = this.nodeAt(to);
    const bits = PUBLISHED | (isDir ? In.ISDIR : 0);
    if (source && target) {
      // The rename takes over what was heard of its source: that it is published.
      this.touch(source, fromName, bits);
      this.renamed(source, fromName, target, toName, isDir);
    } else if (source) this.touch(source, fromName, bits | In.MOVED_FROM);
    else if (target) this.touch(target, toName, bits | In.MOVED_TO);
  }

  /** Another mount came to stand on this superblock, or went from it. */
  mountsChanged(path: BytePath, came: boolean): Promise<void> {
    return this.alone(async () => {
      this.covered = this.options.covered();
      this.session?.retargeted();
      if (!this.coverage.needs(path)) return;
      await this.settleNow();
      await (came ? this.mountpoints.cover(path) : this.mountpoints.uncover(path));
      this.flush();
    });
  }

  /** Resolves when all that happened before is told. */
  async caughtUp(): Promise<void> {
    for (;;) {
      await this.warming;
      await this.session?.sync();
      const settles = this.settles;
      await this.alone(async () => {
        await this.settleNow();
        if (this.overflowed) await this.recover();
        if (this.poller.size > 0) await this.poller.round(true);
        await this.arming.promote();
        await this.compareUnverified();
        this.flush();
      });
      await this.session?.sync();
      if (
        this.shadow.pending === 0 &&
        !this.overflowed &&
        this.settles - settles <= 2 &&
        this.warming === undefined
      )
        return;
    }
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.schedule.dispose();
    this.session?.dispose();
  }

  // EventSink ---------------------------------------------------------------------------------------------------------

  touch(node: DirNode, name: BytePath, bits: number): void {
    this.shadow.touch(node, name, bits);
    this.schedule.wake((bits & (In.DELETE | In.MOVED_FROM)) !== 0);
  }

  renamed(from: DirNode, fromName: BytePath, to: DirNode, toName: BytePath, isDir: boolean): void {
    this.shadow.renamed(from, fromName, to, toName, isDir);
    this.schedule.wake();
  }

  lost(node: DirNode): void {
    if (!node.isAttached) return;
    this.shadow.unverified.add(node);
    this.schedule.idle();
  }

  touchLater(late: Late): void {
    this.shadow.touchLater(late);
    this.schedule.wake();
  }

  nodeAt(path: BytePath, ino?: number): DirNode | null | undefined {
    if (!this.coverage.needs(path)) return null;
    let node: DirNode = this.shadow.root;
    if (path === ROOT_PATH) return node;
    const names = path.split('/') as BytePath[];
    for (const [i, name] of names.entries()) {
      const next = node.dirs?.get(name);
      const entry = node.entries?.get(name);
      const isLast = i === names.length - 1;
      const isAnother = isLast && ino !== undefined && entry !== undefined && inoOf(entry) !== ino;
      if (next !== undefined && !isAnother) {
        node = next;
        continue;
      }
      if (this.isCovered(joined(node.path, name))) return null;
      if (!this.watchesAll || node.entries !== undefined || isAnother) {
        // The shadow listed this directory and found another one, or none, under the name.
        this.touch(node, name, In.CREATE | In.ISDIR);
        return undefined;
      }
      node = node.adopt(name);
    }
    return node;
  }

  unseen(path: BytePath): void {
    void this.alone(async () => {
      const node = this.nodeAt(path);
      if (node) this.shadow.notSeen(node);
    });
  }

  overflow(): void {
    this.overflows++;
    if (this.overflowed) return;
    this.overflowed = true;
    // What was never listed can't be compared.
    const fresh = this.watchesAll && this.shadow.scanner.isCold ? EVENT_FRESH : 0;
    this.tell({ kind: Kind.OVERFLOW, path: ROOT_PATH, isDir: true, seen: undefined, flags: fresh });
    this.flush();
    void this.alone(() => this.recover());
  }

  fsError(fault: FsFault): void {
    this.options.fsError(fault);
  }

  // ShadowHost -------------------------------------------------------------------------------------------------------

  arm(node: DirNode, path: BytePath): Awaitable<Armed> {
    return this.arming.arm(node, path);
  }

  disarm(node: DirNode): void {
    this.arming.disarm(node);
  }

  seenAgain(node: DirNode): void {
    this.arming.seenAgain(node);
  }

  isFile(): void {
    if (this.choice.backend === 'none') return;
    this.poller.addFile();
    const reason = 'a single file is mounted here, which is compared every second';
    this.rechosen({ ...this.choice, backend: 'poll', reason });
  }

  rechosen(choice: Choice): void {
    this.choice = choice;
    this.options.chosen(choice);
  }

  isCovered(path: BytePath): boolean {
    return this.covered.has(path);
  }

  tell(change: Change): void {
    this.outbox.push(change);
    if (this.outbox.length >= 512) this.flush();
  }

  yieldIfDue(): Promise<void> | undefined {
    return this.slice.yieldIfDue();
  }

  // The rhythm -------------------------------------------------------------------------------------------------------

  /** Runs what changes the shadow, one after the other. */
  private alone(task: () => Promise<void>): Promise<void> {
    const run = this.tail.then(async () => {
      if (this.disposed) return;
      this.slice.start();
      await task();
      if (this.shadow.unwatched.takeChanged()) this.options.unwatchedChanged();
    });
    this.tail = run.catch((error: unknown) =>
      this.options.log(`watch of ${this.mount.mountpoint}: ${error}`),
    );
    return run;
  }

  private async beat(): Promise<void> {
    this.schedule.awake();
    await this.settleNow();
    this.warm();
    this.schedule.idle();
  }

  private async settleNow(): Promise<void> {
    if (this.shadow.pending > 0) this.settles++;
    await this.shadow.settle();
    this.schedule.settled();
    this.flush();
  }

  private flush(): void {
    if (this.outbox.length === 0) return;
    const changes = this.outbox;
    this.outbox = [];
    this.options.tell(changes);
  }

  /** Nothing was heard for a while: compares where the shadow may have been misled, and notes that all is known. */
  private async repair(): Promise<void> {
    const asOf = this.nowNs();
    const { settles } = this;
    await this.session?.sync();
    await this.alone(async () => {
      if (await this.compareUnverified()) this.schedule.idle();
      else if (this.shadow.pending === 0 && this.settles === settles && !this.overflowed) {
        this.shadow.quiet();
        this.knownGoodNs = asOf;
      }
      this.flush();
      this.schedulePoll();
    });
  }

  private async compareUnverified(): Promise<boolean> {
    const { unverified, scanner } = this.shadow;
    const wasAmbiguous = await this.shadow.solve(true);
    if (unverified.size === 0) return wasAmbiguous;
    for (const [node, sinceNs] of unverified.take()) await scanner.compare(node, sinceNs);
    return true;
  }

  /** After an overflow: arms everything again, and tells the exact difference between the shadow and what is there. */
  private async recover(): Promise<void> {
    while (this.overflowed && !this.disposed) {
      const asOf = this.nowNs();
      this.overflowed = false;
      await this.settleNow();
      const since = this.knownUpToNs;
      for (const node of this.shadow.root.subtree()) {
        if (!node.isAttached) continue;
        await this.shadow.scanner.compare(node, since);
        const pause = this.yieldIfDue();
        if (pause !== undefined) await pause;
      }
      await this.compareUnverified();
      this.flush();
      if (!this.overflowed) this.knownGoodNs = asOf;
    }
  }

  private schedulePoll(): void {
    const due = this.poller.dueIn;
    if (due !== undefined) this.schedule.pollIn(due);
  }

  private async pollRound(): Promise<void> {
    this.schedule.polled();
    await this.poller.round();
    await this.arming.promote();
    this.flush();
    if (this.pollMs !== this.toldPollMs) {
      this.toldPollMs = this.pollMs;
      this.options.paced();
    }
    if (this.shadow.unverified.size > 0) this.schedule.idle();
    this.schedulePoll();
  }

  private nowNs(): bigint {
    return this.options.nowNs();
  }
}
