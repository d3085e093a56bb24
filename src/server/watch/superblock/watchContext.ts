import { TimeSlice } from '../../../base/timeSlice';
import type { Awaitable, HostMount } from '../../host/hostFs';
import type { Arming } from '../arming/arming';
import type { Armed, Lister } from '../arming/backend';
import { Coverage } from '../arming/coverage';
import { baseOf, type BytePath, type BasePath, type AbsolutePath } from '../bytePath';
import type { Change } from '../change';
import type { EntryCode } from '../shadow/entries';
import type { Poller } from '../shadow/poller';
import type { ShadowHost } from '../shadow/shadowHost';
import type { DirNode } from '../shadow/tree';
import type { SuperblockWatchOptions } from './options';

/** ctime lags behind the clock by a tick of the kernel at most (10 ms at HZ=100). */
const CLOCK_GRANULARITY_NS = 20_000_000n;
/** A look costs as much as reading the clock. */
const STEPS_PER_LOOK = 16;
/** Changes that go out together at most. */
const OUTBOX_MAX = 512;

/** What surrounds the shadow of one superblock: its host, what is of interest there, and the changes on their way out. */
export class WatchContext implements ShadowHost {
  coverage = new Coverage([]);
  readonly base: BasePath;
  readonly lister: Lister;
  private readonly slice = new TimeSlice(STEPS_PER_LOOK);
  private covered: ReadonlySet<BytePath> = new Set();
  private outbox: Change[] = [];
  private knownGoodNs: bigint;
  private parts: { readonly arming: Arming; readonly poller: Poller } | undefined;

  constructor(
    mount: HostMount,
    private readonly options: SuperblockWatchOptions,
  ) {
    this.base = baseOf(mount.mountpoint);
    this.lister = options.backends.lister(mount);
    this.knownGoodNs = options.nowNs();
  }

  /** Called once, before anything is watched: who arms directories and who polls them. */
  connect(arming: Arming, poller: Poller): void {
    this.parts = { arming, poller };
  }

  get watchesAll(): boolean {
    return this.parts?.arming.watchesAll ?? false;
  }

  arm(node: DirNode, path: AbsolutePath): Awaitable<Armed> {
    return this.parts?.arming.arm(node, path) ?? 'gone';
  }

  disarm(node: DirNode): void {
    this.parts?.arming.disarm(node);
  }

  seenAgain(node: DirNode): void {
    this.parts?.arming.seenAgain(node);
  }

  isFile(): void {
    this.parts?.arming.isFile();
  }

  poll(node: DirNode): void {
    this.parts?.poller.add(node);
  }

  async learn(node: DirNode, path: BytePath, found: ReadonlyMap<BytePath, EntryCode>): Promise<void> {
    await this.parts?.poller.learn(node, path, found);
  }

  get knownUpToNs(): bigint {
    return this.knownGoodNs - CLOCK_GRANULARITY_NS;
  }

  /** Everything that happened until then is in the shadow. */
  knowsUpTo(ns: bigint): void {
    this.knownGoodNs = ns;
  }

  /** Mounts came to stand on the superblock, or went from it. */
  mountsChanged(): void {
    this.covered = this.options.covered();
  }

  isCovered(path: BytePath): boolean {
    return this.covered.has(path);
  }

  report(change: Change): void {
    this.outbox.push(change);
    if (this.outbox.length >= OUTBOX_MAX) this.flush();
  }

  get unsent(): number {
    return this.outbox.length;
  }

  /** Sends the changes reported until now. */
  flush(): void {
    if (this.outbox.length === 0) return;
    const changes = this.outbox;
    this.outbox = [];
    this.options.report(changes);
  }

  /** A task begins: the event loop has just had its turn. */
  startSlice(): void {
    this.slice.start();
  }

  yieldIfDue(): Promise<void> | undefined {
    return this.slice.yieldIfDue();
  }
}
