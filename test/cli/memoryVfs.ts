import { posix } from 'node:path';
import type {
  Change,
  DirectoryEntry,
  LinkState,
  OperationOptions,
  Progress,
  Stat,
  SuperblockView,
  Vfs,
  Watch,
  WatchOptions,
  WriteOptions,
} from '../../src/client/vfs';
import type { Processes } from '../../src/client/processes/processes';
import type { SearchEnd, SearchListener } from '../../src/client/find/search';
import type { FindQuery } from '../../src/protocol/find';
import type { SuperblockId } from '../../src/protocol/brand';
import { onDispose } from '../../src/base/dispose';
import { ErrnoError } from '../../src/protocol/errno';
import { S_IFDIR, S_IFREG } from '../../src/protocol/fuse';
import { MountAction } from '../../src/protocol/livemount';
import type { UnfinishedSave } from '../../src/protocol/recover';
import { MOUNT_AT_REST } from '../client/support/mountAtRest';

const noProcess = () => Promise.reject(new ErrnoError('ENOSYS', 'processes'));

const SB = 29n as SuperblockId;
const SEARCHED: SearchEnd = {
  files: 0,
  results: 0,
  limited: false,
  outOfTime: false,
  building: false,
  byRipgrep: false,
};

/** A host's tree in memory: folders, files and watches, so that commands are tested without a host. */
export class MemoryVfs implements Vfs {
  /** Nothing runs there. */
  readonly processes: Processes = { start: noProcess, adopt: noProcess, ports: async () => [] };
  readonly rttMs = undefined;
  readonly eventDelayMs = undefined;
  readonly retryInMs = undefined;
  readonly mountsLeftOut = 0;
  state: LinkState = 'connected';
  disposed = false;
  /** The folders that are watched now, with what was asked for. */
  readonly watches = new Map<
    Watch,
    { path: string; options: WatchOptions; tell: (changes: readonly Change[]) => void }
  >();
  /** Set to make `watch` wait for its acknowledgement. */
  acknowledged: Promise<void> = Promise.resolve();

  /** The query that was searched for last. */
  searched: FindQuery | undefined;
  /** Set to be told of the progress of a read, and to hold it. */
  transferring: ((progress: Progress) => Promise<void>) | undefined;

  private readonly tree = new Map<string, { content: Buffer | undefined; revision: bigint }>([
    ['/', { content: undefined, revision: 1n }],
  ]);
  private readonly listeners = new Set<(state: LinkState, reason: string) => void>();
  private revision = 1n;
  private seq = 0n;

  /** Puts a file (or, without content, a folder) there, as somebody on the host would. */
  place(path: string, content?: string): void {
    this.tree.set(path, {
      content: content === undefined ? undefined : Buffer.from(content),
      revision: ++this.revision,
    });
  }

  take(path: string): void {
    this.tree.delete(path);
  }

  contentOf(path: string): string | undefined {
    return this.tree.get(path)?.content?.toString();
  }

  happen(kind: Change['kind'], path: string, more: Partial<Change> = {}): void {
    const change: Change = {
      kind,
      path,
      isDirectory: false,
      sb: SB,
      seq: ++this.seq,
      timeNs: 1_000_000n,
      ...more,
    };
    for (const { tell } of this.watches.values()) tell([change]);
  }

  changeState(state: LinkState, reason: string): void {
    this.state = state;
    for (const listener of this.listeners) listener(state, reason);
  }

  onStateChange(listener: (state: LinkState, reason: string) => void) {
    this.listeners.add(listener);
    return onDispose(() => this.listeners.delete(listener));
  }

  async stat(path: string): Promise<Stat> {
    const { content, revision } = this.node(path);
    return {
      kind: content === undefined ? 'directory' : 'file',
      isSymlink: false,
      mode: content === undefined ? S_IFDIR | 0o755 : S_IFREG | 0o644,
      uid: 1000,
      gid: 100,
      nlink: 1,
      size: BigInt(content?.length ?? 0),
      mtimeNs: 0n,
      ctimeNs: 0n,
      readonly: false,
      version: { ino: 1n, size: BigInt(content?.length ?? 0), mtime_ns: revision, ctime_ns: revision },
      sb: SB,
      isMountpoint: path === '/',
    };
  }

  lstat(path: string): Promise<Stat> {
    return this.stat(path);
  }

  async readDirectory(path: string): Promise<DirectoryEntry[]> {
    if (this.node(path).content !== undefined) throw new ErrnoError('ENOTDIR', path);
    return [...this.tree]
      .filter(([name]) => name !== '/' && posix.dirname(name) === path)
      .map(([name, { content }]) => ({
        name: posix.basename(name),
        kind: content === undefined ? ('directory' as const) : ('file' as const),
        isSymlink: false,
        isMountpoint: false,
      }));
  }

  async readFile(path: string, { progress }: OperationOptions = {}): Promise<Buffer> {
    const { content } = this.node(path);
    if (content === undefined) throw new ErrnoError('EISDIR', path);
    await this.transferring?.(progress ?? (() => {}));
    return content;
  }

  async writeFile(path: string, content: Uint8Array, options: WriteOptions): Promise<Stat> {
    const there = this.tree.get(path);
    this.assertFolderOf(path);
    if (there === undefined && !options.create) throw new ErrnoError('ENOENT', path);
    if (there !== undefined && !options.overwrite) throw new ErrnoError('EEXIST', path);
    const { expect } = options;
    if (expect !== undefined && expect !== 'any' && there !== undefined) {
      if ((await this.stat(path)).version.mtime_ns !== expect.mtime_ns) throw new ErrnoError('EREMCHG', path);
    }
    this.place(path, Buffer.from(content).toString());
    return this.stat(path);
  }

  async mkdir(path: string): Promise<void> {
    this.assertFolderOf(path);
    if (this.tree.has(path)) throw new ErrnoError('EEXIST', path);
    this.place(path);
  }

  async remove(path: string, { recursive }: { readonly recursive: boolean }): Promise<void> {
    const below = [...this.tree.keys()].filter((name) => name.startsWith(`${path}/`));
    this.node(path);
    if (below.length > 0 && !recursive) throw new ErrnoError('ENOTEMPTY', path);
    for (const name of [path, ...below]) this.tree.delete(name);
  }

  async rename(from: string, to: string, { overwrite }: { readonly overwrite: boolean }): Promise<void> {
    await this.copy(from, to, { overwrite });
    for (const name of [...this.tree.keys()])
      if (name === from || name.startsWith(`${from}/`)) this.tree.delete(name);
  }

  async copy(from: string, to: string, { overwrite }: { readonly overwrite: boolean }): Promise<void> {
    const node = this.node(from);
    this.assertFolderOf(to);
    const there = this.tree.get(to);
    const full = [...this.tree.keys()].some((name) => name.startsWith(`${to}/`));
    if (there !== undefined && !overwrite) throw new ErrnoError('EEXIST', from);
    if (there?.content === undefined && there !== undefined && node.content !== undefined)
      throw new ErrnoError('EISDIR', from);
    if (there?.content !== undefined && node.content === undefined) throw new ErrnoError('ENOTDIR', from);
    if (full) throw new ErrnoError('ENOTEMPTY', from);
    for (const [name, below] of [...this.tree])
      if (name.startsWith(`${from}/`)) this.tree.set(`${to}${name.slice(from.length)}`, { ...below });
    this.tree.set(to, { ...node });
  }

  async search(path: string, query: FindQuery, listener: SearchListener): Promise<SearchEnd> {
    this.searched = query;
    const found = [...this.tree].filter(
      ([name, { content }]) => name.startsWith(`${path}/`) && content !== undefined,
    );
    let results = 0;
    for (const [name, { content }] of found) {
      const lines = String(content).split('\n');
      const matches = lines.flatMap((preview, line) => {
        const column = preview.indexOf(query.pattern);
        if (column < 0) return [];
        const end = { endLine: line, endColumn: column + query.pattern.length };
        return [{ line, column, ...end, previewColumn: 0, preview }];
      });
      results += matches.length;
      if (matches.length > 0) listener.found([{ path: name, matches, score: 0 }]);
    }
    return { ...SEARCHED, files: found.length, results };
  }

  async files(path: string, query: FindQuery, listener: SearchListener): Promise<SearchEnd> {
    this.searched = query;
    const found = [...this.tree]
      .filter(([name, { content }]) => name.startsWith(`${path}/`) && content !== undefined)
      .filter(([name]) => name.includes(query.pattern))
      .map(([name]) => ({ path: name, matches: [], score: 0 }));
    listener.found(found);
    return { ...SEARCHED, results: found.length };
  }

  watch(path: string, options: WatchOptions, tell: (changes: readonly Change[]) => void): Watch {
    const watch: Watch = { ready: this.acknowledged, dispose: () => this.watches.delete(watch) };
    this.watches.set(watch, { path, options, tell });
    return watch;
  }

  superblockAt(path: string): SuperblockView | undefined {
    const holds = ({ mountpoint }: SuperblockView) =>
      mountpoint === '/' || path === mountpoint || path.startsWith(`${mountpoint}/`);
    return this.superblocks().findLast(holds);
  }

  superblocks(): readonly SuperblockView[] {
    return [
      {
        mount: {
          sb: SB,
          parent: SB,
          action: MountAction.PRESENT,
          flags: 0,
          major: 8,
          minor: 1,
          mountId: 29,
          backend: 'inotify',
          pollMs: 0,
          mountpoint: Buffer.from('/'),
          fstype: 'ext4',
          source: '/dev/sda1',
          options: 'rw',
          reason: 'no CAP_SYS_ADMIN',
          unwatched: [],
        },
        name: '8:1@29',
        mountpoint: '/',
        ...MOUNT_AT_REST,
      },
    ];
  }

  mountsBelow(): readonly SuperblockView[] {
    return [];
  }

  onSuperblocksChange() {
    return onDispose(() => {});
  }

  dispose(): void {
    this.disposed = true;
  }

  reconnect(): never {
    throw new ErrnoError('ENOSYS');
  }
  readlink(): never {
    throw new ErrnoError('EINVAL', 'no links here');
  }
  async statfs() {
    return { totalBytes: 2_000_000_000n, freeBytes: 500_000_000n };
  }
  statSuperblock(): never {
    throw new ErrnoError('ENOSYS');
  }
  sync(): never {
    throw new ErrnoError('ENOSYS');
  }
  async unfinishedSaves(): Promise<readonly UnfinishedSave[]> {
    return [];
  }
  async settleSave(id: bigint): Promise<void> {
    throw new ErrnoError('ENOENT', `${id}`);
  }
  explain(): never {
    throw new ErrnoError('ENOSYS');
  }

  private node(path: string): { content: Buffer | undefined; revision: bigint } {
    const node = this.tree.get(path);
    if (node !== undefined) return node;
    for (let above = posix.dirname(path); above !== '/'; above = posix.dirname(above))
      if (this.tree.get(above)?.content !== undefined) throw new ErrnoError('ENOTDIR', path);
    throw new ErrnoError('ENOENT', path);
  }

  /** The folder in which something is to be made. */
  private assertFolderOf(path: string): void {
    if (this.node(posix.dirname(path)).content !== undefined) throw new ErrnoError('ENOTDIR', path);
  }
}
