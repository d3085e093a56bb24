import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';
import { DisposableStore } from '../../base/dispose';
import { Emitter } from '../../base/emitter';
import { messageOf } from '../../base/errors';
import { Errno, ErrnoError } from '../../protocol/errno';
import { IN_CHANGES } from '../../protocol/mask';
import type { RemotePath } from '../../protocol/paths';
import { isDirectory } from '../tree/inodes';
import type { ChangeKind, LinkState, Watch } from '../vfs';
import type { Fsnotify } from './fsnotify';
import type { SuperblockTable } from '../superblocks/superblockTable';
import type { KnownTree } from '../tree/knownTree';
import type { Lookup } from '../tree/lookup';
import type { Rights } from '../tree/rights';
import { concluded, type PlacedChange } from '../placedChange';
import { Group, type GroupSettings } from './group';

/** What it needs to find out where a path leads, and to watch that. */
export interface RootWatchParts {
  readonly fsnotify: Pick<Fsnotify, 'subscribe'>;
  readonly paths: Pick<Lookup, 'resolve' | 'resolveKnown' | 'search'>;
  readonly known: Pick<KnownTree, 'tree' | 'drop'>;
  readonly rights: Pick<Rights, 'to'>;
  readonly superblocks: Pick<SuperblockTable, 'covering'>;
  readonly session: { readonly state: LinkState };
  readonly clock: Clock;
}

/** How a path was resolved. */
interface Way {
  /** Where it ends, without links. Of one that leads nowhere: where its first missing name would be, and the rest below. */
  readonly end: RemotePath;
  /** What is there; undefined: nothing. */
  readonly found: 'directory' | 'other' | undefined;
  /** The names on the way that decide where it ends: links, and the first that is missing. */
  readonly deciding: readonly RemotePath[];
}

/** Who answered could not be asked, which says nothing of the path. */
const OF_THE_LINK: ReadonlySet<number> = new Set([Errno.ENOTCONN, Errno.ETIMEDOUT]);
/** What may mean that another thing stands at a path. */
const OF_A_ROOT: ReadonlySet<ChangeKind> = new Set(['delete', 'rename', 'overflow', 'mount', 'unmount']);
/** Changes that wait for a place at most: resolving it takes a round trip, or as long as a link is down. */
const HELD_MAX = 4096;
/** Between two attempts to resolve a path while the host does not answer, in ms. */
const AGAIN_MS = 1000;

/**
 * Watches a path that may lead through links: at once where its text says, and where the links lead as soon as that is
 * known. The links themselves are watched, too. When one of them leads elsewhere the group moves there, and its root is
 * reported as changed: 'overflow' for a directory, so that whoever listens compares; 'create' and 'delete' where there
 * was or is nothing. A path that does not exist is watched by its text: the agent tells when it appears.
 */
export class RootWatch implements Watch {
  readonly ready: Promise<void>;
  private readonly heard: Emitter<readonly PlacedChange[]>;
  private way: Way;
  private group: Disposable & { readonly ready: Promise<void> };
  private guards: DisposableStore;
  private guarded: Promise<unknown> = Promise.resolve();
  /** Something on the way changed, so the path may lead elsewhere now. */
  private isMoving = false;
  /**
   * What was heard since then, or since something appeared at the root, which may be a link: it waits until the place is
   * known. What was heard of a place that turns out to be an old one belongs to nobody.
   */
  private held: PlacedChange[] | undefined;
  /** More was heard than is held: whoever listens has to compare. */
  private heldTooMuch = false;
  private resolving: Promise<void> | undefined;
  private isOutdated = false;
  private disposed = false;
  private pause: Disposable | undefined;

  constructor(
    private readonly core: RootWatchParts,
    private readonly asked: RemotePath,
    private readonly settings: GroupSettings,
    listener: (changes: readonly PlacedChange[]) => void,
  ) {
    this.heard = new Emitter(settings.listenerFailed);
    this.heard.on(listener);
    this.way = this.cached();
    this.guards = new DisposableStore();
    this.group = this.subscribe(this.way.end);
    this.guard(this.way.deciding);
    this.ready = this.settle();
    // A caller that does not wait for the watch leaves its failure to nobody.
    this.ready.catch(() => undefined);
  }

  dispose(): void {
    this.disposed = true;
    this.pause?.dispose();
    this.group.dispose();
    this.guards.dispose();
    this.heard.dispose();
  }

  private subscribe(root: RemotePath) {
    const group = new Group(this.asked, root, this.settings, (changes) => this.take(changes));
    return this.core.fsnotify.subscribe(group);
  }

  private guard(names: readonly RemotePath[]): void {
    const old = this.guards;
    this.guards = new DisposableStore();
    const { visible, listenerFailed } = this.settings;
    const settings = { recursive: false, mask: IN_CHANGES, visible, own: true, excludes: [], listenerFailed };
    const all = names.map((name) =>
      this.guards.add(this.core.fsnotify.subscribe(new Group(name, name, settings, () => this.moved()))),
    );
    // One that can't be watched fails nobody: the group's own root says what is wrong.
    this.guarded = Promise.all(all.map(({ ready }) => ready.catch(() => undefined)));
    old.dispose();
  }

  /** Changes of the group's tree. One of its root may mean that a link takes its place, or gives it up. */
  private take(changes: readonly PlacedChange[]): void {
    const { asked } = this;
    const appeared = changes.some(
      ({ kind, path, to }) => to === asked || (kind === 'create' && path === asked),
    );
    if (appeared || this.isMoving) this.held ??= [];
    if (this.held === undefined) this.heard.fire(changes);
    else if (this.held.length + changes.length <= HELD_MAX) this.held.push(...changes);
    else this.heldTooMuch = true;
    if (appeared || changes.some(({ kind, path }) => path === asked && OF_A_ROOT.has(kind)))
      this.resolveAgain();
  }

  private moved(): void {
    this.isMoving = true;
    this.resolveAgain();
  }

  private resolveAgain(): void {
    this.isOutdated = true;
    if (this.resolving !== undefined) return;
    this.resolving = this.follow().catch((error: unknown) => this.failed(error));
    this.resolving.finally(() => this.resolved());
  }

  private resolved(): void {
    this.resolving = undefined;
    if (this.isOutdated && !this.disposed) this.resolveAgain();
  }

  /** The path leads to where nothing can be watched. */
  private failed(error: unknown): void {
    this.takeHeld();
    if (!this.disposed) this.heard.fire([this.ofRoot('error', this.way, messageOf(error))]);
  }

  /** The first time: nobody is told of anything before the watch is in force. */
  private async settle(): Promise<void> {
    await this.group.ready;
    this.isOutdated = true;
    this.resolving = this.place().finally(() => {
      this.release();
      this.resolved();
    });
    await this.resolving;
  }

  /** Goes on after something changed at the root before the watch was in force: what was held meanwhile is told now. */
  private release(): void {
    const held = this.takeHeld();
    if (held.length > 0 && !this.disposed) this.heard.fire(held);
  }

  /** What waited for the place to be known, or an overflow in its stead. */
  private takeHeld(): readonly PlacedChange[] {
    const held = this.heldTooMuch ? [this.ofRoot('overflow', this.way)] : (this.held ?? []);
    this.isMoving = false;
    this.held = undefined;
    this.heldTooMuch = false;
    return held;
  }

  private async follow(): Promise<void> {
    const before = this.way;
    await this.place();
    const { isMoving } = this;
    const held = this.takeHeld();
    if (this.disposed) return;
    const isTold = held.some(
      ({ kind, path, to }) => to === this.asked || (path === this.asked && kind !== 'attrib'),
    );
    if (this.way.end === before.end && (!isMoving || isTold)) {
      if (held.length > 0) this.heard.fire(held);
      return;
    }
    const kind = rootChange(before, this.way);
    if (kind !== undefined) this.heard.fire([this.ofRoot(kind, before)]);
  }

  private ofRoot(kind: ChangeKind, before: Way, message?: string): PlacedChange {
    const { end, found = before.found } = this.way;
    return concluded({
      kind,
      path: this.asked,
      isDirectory: found === 'directory',
      sb: this.core.superblocks.covering(end).id,
      ...(message !== undefined && { message }),
    });
  }

  /** Puts group and guards where the path leads now, until nothing changed while they were put there. */
  private async place(): Promise<void> {
    while (this.isOutdated && !this.disposed) {
      this.isOutdated = false;
      let way: Way;
      try {
        way = await this.resolve();
      } catch (error) {
        if (!(error instanceof ErrnoError)) throw error;
        if (!OF_THE_LINK.has(error.errno)) return;
        if (this.core.session.state === 'closed') return;
        this.isOutdated = true;
        await new Promise<void>((resolve) => {
          this.pause = this.core.clock.after(AGAIN_MS, resolve);
        });
        continue;
      }
      if (this.disposed) return;
      const old = this.way;
      this.way = way;
      if (sameWay(old, way)) continue;
      // What it found before these were in force may have changed again.
      this.isOutdated = true;
      this.guard(way.deciding);
      if (way.end !== old.end) {
        const group = this.group;
        this.held &&= [];
        this.heldTooMuch = false;
        this.group = this.subscribe(way.end);
        group.dispose();
      }
      await this.group.ready;
      await this.guarded;
    }
  }

  /** Where the path leads by what is cached. */
  private cached(): Way {
    const deciding: RemotePath[] = [];
    const outcome = this.core.paths.resolve(this.asked, true, this.core.clock.now(), { followed: deciding });
    if (outcome.kind !== 'found') return { end: this.asked, found: undefined, deciding: [] };
    const found = isDirectory(outcome.dentry.inode) ? 'directory' : 'other';
    return { end: outcome.path, found, deciding };
  }

  /** Where it leads by what the host says, or what a watch in force vouches for. */
  private async resolve(): Promise<Way> {
    const { core, asked } = this;
    for (const name of this.way.deciding) {
      const dentry = core.known.tree.dentries.at(name);
      // What is only believed for a moment may be from before the link was watched.
      if (dentry !== undefined && core.rights.to(dentry, name, 'entry', false, core.clock.now()) !== 'lease')
        core.known.drop(name);
    }
    const sought = await core.paths.search(asked, true);
    const links: RemotePath[] = [];
    const known = core.paths.resolveKnown(asked, links);
    // Links that lead in circles are followed often.
    const deciding = [...new Set(links)];
    if (sought.kind === 'found') {
      return { end: sought.path, found: isDirectory(sought.inode) ? 'directory' : 'other', deciding };
    }
    // A file where a directory should be, or a circle: whatever takes its place decides.
    const obstacle = core.known.tree.dentries.deepest(asked).path;
    if (known.kind !== 'absent')
      return { end: asked, found: undefined, deciding: [...new Set([...deciding, obstacle])] };
    // The agent tells when the last name appears, but not that one above it does, as a link.
    const isLast = known.path === known.whole;
    return { end: known.whole, found: undefined, deciding: isLast ? deciding : [...deciding, known.path] };
  }
}

/** Both lead to the same place by the same names. */
function sameWay(a: Way, b: Way): boolean {
  return (
    a.end === b.end &&
    a.deciding.length === b.deciding.length &&
    a.deciding.every((name, i) => name === b.deciding[i])
  );
}

/** What is reported of a root that was in one place and is in another. */
function rootChange(before: Way, now: Way): 'create' | 'delete' | 'overflow' | 'modify' | undefined {
  if (before.found === undefined && now.found === undefined) return undefined;
  if (before.found === undefined) return 'create';
  if (now.found === undefined) return 'delete';
  return now.found === 'directory' ? 'overflow' : 'modify';
}
