import { ROOT_ID, type SuperblockId } from '../protocol/brand';
import { type Disposable, DisposableStore } from '../base/dispose';
import { Emitter, type ListenerErrors } from '../base/emitter';
import { RecoverAction, type SbstatOut } from '../protocol/livemount';
import { IN_CHANGES, wantedEvents } from '../protocol/mask';
import { Notify } from '../protocol/opcodes';
import type { FindQuery } from '../protocol/find';
import { decodeUnfinished, type UnfinishedSave } from '../protocol/recover';
import { ClientCore, type CoreOptions } from './state';
import { explain, viewsOf } from './explain';
import { concluded, type PlacedChange } from './placedChange';
import { RootWatch } from './fsnotify/rootWatch';
import { type SearchEnd, Searches, type SearchListener } from './find/search';
import type { Link } from './session/link';
import { MountNotifications } from './superblocks/mountNotifications';
import { copy, mkdir, remove, rename } from './ops/namespace';
import { readDirectory } from './ops/readDirectory';
import { readFile } from './ops/readFile';
import { lstat, readlink, stat, statOf } from './ops/stat';
import { writeFile } from './ops/writeFile';
import { normalize, ROOT_PATH } from '../protocol/paths';
import { AgentProcesses } from './processes/agentProcesses';
import { Prefetch } from './ops/prefetch';
import type {
  Change,
  DirectoryEntry,
  Explanation,
  HostStatfsView,
  LinkState,
  OperationOptions,
  RemoveOptions,
  Stat,
  SuperblockView,
  Vfs,
  Watch,
  WatchOptions,
  WriteOptions,
} from './vfs';

/** One host's tree over one link: the Vfs. What it can do stands in ops/; here it meets its connection. */
export class RemoteTree implements Vfs {
  readonly processes: AgentProcesses;
  /** For what works on nodes and handles instead of paths: a mount. */
  readonly core: ClientCore;
  private readonly mounts: MountNotifications;
  private readonly prefetch: Prefetch | undefined;
  private readonly searches: Searches;
  private readonly states: Emitter<{ readonly state: LinkState; readonly reason: string }>;
  private readonly mountChanges: Emitter<void>;
  private readonly listenerFailed: ListenerErrors;
  private readonly owned = new DisposableStore();
  private telling = false;
  private wasAttached = false;

  constructor(link: Link, options: CoreOptions) {
    this.listenerFailed = options.listenerFailed;
    this.states = this.owned.add(new Emitter(this.listenerFailed));
    this.mountChanges = this.owned.add(new Emitter(this.listenerFailed));
    this.core = new ClientCore(
      link,
      {
        notification: (code, body) => this.notified(code, body),
        state: (state, reason) => this.states.fire({ state, reason }),
        attached: (_resumed, fresh) => this.attached(fresh),
        leftovers: (leftovers) => this.core.returns.giveBack(leftovers),
        suspected: (superblock) => this.mounts.suspected(superblock),
      },
      options,
    );
    this.owned.add(this.core);
    this.processes = this.owned.add(
      new AgentProcesses(this.core.session, this.core.clock, this.listenerFailed),
    );
    this.searches = new Searches(this.core);
    this.mounts = new MountNotifications(this.core, () => this.mountsChanged());
    if (options.prefetch) this.prefetch = this.owned.add(new Prefetch(this.core));
  }

  connect(signal?: AbortSignal): Promise<void> {
    return this.core.session.connect(signal);
  }

  get state(): LinkState {
    return this.core.session.state;
  }

  get rttMs(): number | undefined {
    return this.core.session.roundTrip.ms;
  }

  get eventDelayMs(): number | undefined {
    return this.core.events.delay.ms;
  }

  onStateChange(listener: (state: LinkState, reason: string) => void): Disposable {
    return this.states.on(({ state, reason }) => listener(state, reason));
  }

  get retryInMs(): number | undefined {
    return this.core.session.retryInMs;
  }

  reconnect(): void {
    this.core.session.reconnect();
  }

  async stat(path: string, options?: OperationOptions): Promise<Stat> {
    return stat(this.core, normalize(path), options);
  }

  async lstat(path: string, options?: OperationOptions & { readonly fresh?: boolean }): Promise<Stat> {
    const asked = normalize(path);
    if (options?.fresh) this.core.known.drop(asked);
    return lstat(this.core, asked, options);
  }

  async readlink(path: string): Promise<string> {
    return readlink(this.core, normalize(path));
  }

  async readDirectory(path: string, options?: OperationOptions): Promise<DirectoryEntry[]> {
    return readDirectory(this.core, normalize(path), options);
  }

  async readFile(path: string, options?: OperationOptions): Promise<Buffer> {
    const { bytes } = await readFile(this.core, normalize(path), options);
    // The cache keeps its own. A copy of what it does not keep would only hold up everything else.
    return this.core.contents.keeps(bytes.length) ? Buffer.from(bytes) : bytes;
  }

  async writeFile(path: string, content: Uint8Array, options: WriteOptions): Promise<Stat> {
    return statOf(this.core, await writeFile(this.core, normalize(path), content, options));
  }

  async mkdir(path: string): Promise<void> {
    return mkdir(this.core, normalize(path));
  }

  async remove(path: string, options: RemoveOptions): Promise<void> {
    await remove(this.core, normalize(path), options);
  }

  async rename(from: string, to: string, options: { readonly overwrite: boolean }): Promise<void> {
    await rename(this.core, normalize(from), normalize(to), options);
  }

  async copy(
    from: string,
    to: string,
    options: OperationOptions & { readonly overwrite: boolean },
  ): Promise<void> {
    await copy(this.core, normalize(from), normalize(to), options);
  }

  async statfs(path: string): Promise<HostStatfsView> {
    const { inode, path: place } = await this.core.paths.find(normalize(path), true);
    const superblock = this.core.superblocks.covering(place);
    const { blocks, bavail, frsize, bsize } = await superblock.run(() =>
      this.core.session.request('STATFS', inode.nodeid, undefined),
    );
    const unit = BigInt(frsize === 0 ? bsize : frsize);
    return { totalBytes: blocks * unit, freeBytes: bavail * unit };
  }

  async search(path: string, query: FindQuery, listener: SearchListener): Promise<SearchEnd> {
    return this.searches.run('SEARCH', normalize(path), query, listener);
  }

  async files(path: string, query: FindQuery, listener: SearchListener): Promise<SearchEnd> {
    return this.searches.run('FILES', normalize(path), query, listener);
  }

  watch(path: string, options: WatchOptions, listener: (changes: readonly Change[]) => void): Watch {
    const asked = normalize(path);
    const mask = wantedEvents(options.mask ?? IN_CHANGES);
    const { recursive, visible = false, own = true, excludes = [] } = options;
    const { listenerFailed } = this;
    const settings = { recursive, mask, visible, own, excludes, listenerFailed };
    const watch = new RootWatch(this.core, asked, settings, listener);
    if (recursive) this.prefetch?.folder(asked);
    return watch;
  }

  superblocks(): readonly SuperblockView[] {
    return viewsOf(this.core, this.core.superblocks.all());
  }

  superblockAt(path: string): SuperblockView | undefined {
    const superblock = this.core.superblocks.covering(normalize(path));
    return superblock.isReal ? viewsOf(this.core, [superblock])[0] : undefined;
  }

  get mountsLeftOut(): number {
    return this.core.superblocks.leftOut;
  }

  mountsBelow(path: string): readonly SuperblockView[] {
    return viewsOf(this.core, this.core.superblocks.below(normalize(path)));
  }

  onSuperblocksChange(listener: () => void): Disposable {
    return this.mountChanges.on(listener);
  }

  async statSuperblock(sb: SuperblockId): Promise<SbstatOut> {
    return this.core.session.request('SBSTAT', ROOT_ID, { sb });
  }

  async sync(path?: string): Promise<void> {
    return this.core.flushes.sync(path === undefined ? undefined : normalize(path));
  }

  async unfinishedSaves(): Promise<readonly UnfinishedSave[]> {
    const list = { id: 0n, action: RecoverAction.LIST };
    return decodeUnfinished(await this.core.session.request('RECOVER', ROOT_ID, list));
  }

  async settleSave(id: bigint, how: 'restore' | 'discard'): Promise<void> {
    const action = how === 'restore' ? RecoverAction.RESTORE : RecoverAction.DISCARD;
    await this.core.session.request('RECOVER', ROOT_ID, { id, action });
  }

  async explain(path: string): Promise<Explanation> {
    return explain(this.core, normalize(path));
  }

  dispose(): void {
    this.owned.dispose();
  }

  private notified(code: number, body: Buffer): void {
    // Kernel notifications (INVAL_INODE and so on) are for clients without FSNOTIFY: events tell us more.
    if (this.processes.take(code, body)) return;
    if (code === Notify.FSNOTIFY) this.core.events.take(body);
    else if (code === Notify.MOUNT) this.mounts.take(body);
    else if (code === Notify.FS_ERROR) this.mounts.error(body);
    else if (code === Notify.FOUND) this.searches.take(body);
  }

  /** A channel is up. For an agent that knows nothing of us, all that we hold is void, and the groups must compare. */
  private attached(fresh: boolean): void {
    const { core } = this;
    if (fresh) {
      core.forgetTree();
      core.fsnotify.forgotten();
      if (this.wasAttached) core.fsnotify.announceInForce(everythingMayDiffer(core));
    }
    this.wasAttached = true;
    this.mounts.attached();
    this.processes.attached(fresh);
    if (fresh) void core.agentUser.find();
    core.forgets.flush();
  }

  private mountsChanged(): void {
    if (this.telling) return;
    this.telling = true;
    setImmediate(() => {
      this.telling = false;
      this.mountChanges.fire();
    });
  }
}

/** After the agent was lost, nobody knows what was missed. */
function everythingMayDiffer(core: ClientCore): PlacedChange {
  return concluded({
    kind: 'overflow',
    path: ROOT_PATH,
    isDirectory: true,
    sb: core.superblocks.covering(ROOT_PATH).id,
  });
}
