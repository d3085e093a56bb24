import { BoundedMap } from '../../base/boundedMap';
import type { Disposable } from '../../base/dispose';
import { EVENT_PUBLISHED } from '../../protocol/livemount';
import { In } from '../../protocol/mask';
import type { FsFault } from './arming/backend';
import { PUBLISHED } from './eventBits';
import { absoluteFrom, belowBase, type BytePath, nameOf, parentOf, ROOT_PATH } from './bytePath';
import type { Change } from './change';
import type { Published } from './contract';
import type { FsErrors } from './fsErrors';
import type { Journal, JournalEntry } from './journal';
import type { Subscriber } from './subscriber';
import type { SuperblockWatch } from './superblock/superblockWatch';

/** Published changes that wait for their look at most. */
const NOTED_MAKERS = 1024;

/** One superblock that somebody watches: its watch, its journal, its errors, and who made the changes on their way. */
export class WatchedSuperblock implements Disposable {
  events = 0;
  errors = 0;
  /** Who made the changes that wait to be looked at; undefined: several. */
  private readonly makers = new BoundedMap<BytePath, Subscriber | undefined>(NOTED_MAKERS);

  constructor(
    public watch: SuperblockWatch,
    readonly journal: Journal,
    private readonly faults: FsErrors,
  ) {}

  /** Another watch takes the place of this one, whose backend is deaf. */
  replaceWatch(start: () => SuperblockWatch): SuperblockWatch {
    this.watch.dispose();
    this.watch = start();
    return this.watch;
  }

  /** A session changed something through the agent. */
  publish(session: Subscriber, change: Published): void {
    const { watch } = this;
    const path = belowBase(watch.base, absoluteFrom(change.path));
    if (path === undefined || path === ROOT_PATH) return;
    this.noteMaker(path, session);
    const bits = PUBLISHED | (change.isDir ? In.ISDIR : 0);
    const path2 = change.path2 && belowBase(watch.base, absoluteFrom(change.path2));
    if (change.kind === 'rename' && path2 !== undefined) {
      watch.publishedRename(parentOf(path), nameOf(path), parentOf(path2), nameOf(path2), change.isDir);
    } else watch.published(parentOf(path), nameOf(path), bits | PUBLISHED_BITS[change.kind]);
  }

  /** Writes changes into the journal; `nextSeq` numbers them. */
  record(changes: readonly Change[], timeNs: bigint, nextSeq: () => bigint): readonly JournalEntry[] {
    const entries = changes.map((change) => ({
      seq: nextSeq(),
      timeNs,
      change,
      except: this.makerOf(change),
    }));
    for (const entry of entries) this.journal.append(entry);
    this.events += entries.length;
    return entries;
  }

  fsError(fault: FsFault): void {
    this.errors += fault.count;
    this.faults.add(fault);
  }

  dispose(): void {
    this.watch.dispose();
    this.faults.dispose();
  }

  /**
   * Where the host reports nothing, whoever made a change need not get it back. Where it does, everybody gets
   * everything, with the version to know the own by: somebody else may have written there at the same moment.
   */
  private noteMaker(path: BytePath, session: Subscriber): void {
    if (this.watch.choice.backend !== 'none') return;
    const isAnothers = this.makers.has(path) && this.makers.get(path) !== session;
    this.makers.set(path, isAnothers ? undefined : session);
  }

  private makerOf({ path, flags }: Change): Subscriber | undefined {
    if ((flags & EVENT_PUBLISHED) === 0) return undefined;
    const maker = this.makers.get(path);
    this.makers.delete(path);
    return maker;
  }
}

const PUBLISHED_BITS = {
  create: In.CREATE,
  modify: In.MODIFY,
  attrib: In.ATTRIB,
  delete: In.DELETE,
  rename: In.MOVED_FROM,
} as const;
