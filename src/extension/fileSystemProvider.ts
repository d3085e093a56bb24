import * as vscode from 'vscode';
import { mountsIn } from '../client/superblocks/mountsBelow';
import type { FileKind, Stat, Vfs, WriteOptions } from '../client/vfs';
import type { SuperblockId } from '../protocol/brand';
import { Errno, ErrnoError, errnoOf } from '../protocol/errno';
import type { Doing } from '../client/describe';
import { toEditorError } from './errors';
import type { Hosts } from './hosts/hosts';
import { t } from './l10n';
import type { LookedAt } from './lookedAt';
import { isCrossMount, moveAcross } from './moveAcross';
import { withProgress } from './progress';
import type { Questions } from './questions';
import type { RootSaves } from './rootSaves';
import { SeenVersions } from './seenVersions';
import { setting } from './settings';
import type { CallTrace } from './trace';
import type { UnfinishedSaveOffers } from './unfinishedSaves';
import { isHostsVersion, isOurs, ourFolders, placeOf } from './uris';
import type { ClosedFolders } from './views/closedFolders';
import type { WatchHub } from './watchHub';

/** The provider's calls, as errors are told of them. */
const DOING = {
  stat: 'look',
  readDirectory: 'list',
  readFile: 'read',
  writeFile: 'save',
  createDirectory: 'create',
  delete: 'delete',
  rename: 'rename',
  copy: 'copy',
} as const satisfies Readonly<Record<string, Doing>>;
type Call = keyof typeof DOING;

/** The editor holds a file in one buffer, and its own limit lies here; what is larger is told before a byte is read. */
const MAX_FILE_BYTES = 2n ** 31n;

/**
 * The editor's side of every remote tree: the complete stable FileSystemProvider, over the Vfs of each URI's host.
 * It has no state but what the editor has seen of each file (for save conflicts); all else is the client's.
 */
export class LivemountFileSystem implements vscode.FileSystemProvider {
  private readonly seen = new Map<string, SeenVersions>();
  readonly onDidChangeFile: vscode.Event<vscode.FileChangeEvent[]>;

  constructor(
    private readonly hosts: Hosts,
    private readonly watches: WatchHub,
    private readonly questions: Questions,
    private readonly rootSaves: RootSaves,
    private readonly unfinishedSaves: UnfinishedSaveOffers,
    private readonly trace: CallTrace,
    private readonly lookedAt: LookedAt,
    private readonly closedFolders: ClosedFolders,
  ) {
    this.onDidChangeFile = watches.onDidChangeFile;
  }

  /** The editor's text of a file changed, or was saved or given up. */
  documentChanged({ uri, isDirty }: vscode.TextDocument): void {
    if (isDirty || !isOurs(uri)) return;
    const { host, path } = placeOf(uri);
    this.seen.get(host)?.settled(path);
  }

  watch(
    uri: vscode.Uri,
    options: { readonly recursive: boolean; readonly excludes: readonly string[] },
  ): vscode.Disposable {
    this.trace.note('watch', uri, { recursive: options.recursive, excludes: options.excludes.length });
    return this.watches.watch(uri, options.recursive, options.excludes);
  }

  stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    return this.on('stat', uri, async (vfs, path, seen) => {
      const stat = await vfs.stat(path).catch((error) => {
        if (errnoOf(error) === Errno.ENOENT) seen.sawAbsence(path);
        throw error;
      });
      seen.sawAttributes(path, stat.version);
      if (isHostsVersion(uri)) return toFileStat(stat, true);
      const isLocked =
        stat.readonly && !this.rootSaves.isAwaited(uri) && !(await mayBeDeleted(vfs, path, stat));
      return toFileStat(stat, isLocked);
    });
  }

  readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    return this.on('readDirectory', uri, async (vfs, path) => {
      const entries = await vfs.readDirectory(path).catch((error: unknown) => {
        this.closedFolders.failed(uri, error);
        throw error;
      });
      this.closedFolders.opened(uri);
      this.lookedAt.listed(uri);
      return entries.map(({ name, kind, isSymlink }) => [name, fileType(kind, isSymlink)]);
    });
  }

  readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return this.on('readFile', uri, async (vfs, path, seen) => {
      const content = await withProgress(t('Reading {0}', path), async ({ signal, progress }) => {
        // Other extensions read files, too: that is not what the editor's unsaved text began with.
        const isUnsaved = vscode.workspace.textDocuments.some(
          (document) => document.isDirty && document.uri.toString() === uri.toString(),
        );
        const tooLarge = new AbortController();
        // Asked for first, so that its version is never newer than the content: a save can't miss a change.
        const attributes = vfs.stat(path).then((stat) => {
          if (stat.size < MAX_FILE_BYTES) return stat;
          const error = new ErrnoError('EFBIG', `${path} has ${stat.size} bytes`);
          tooLarge.abort(error);
          throw error;
        });
        const reading = vfs.readFile(path, { progress, signal: AbortSignal.any([signal, tooLarge.signal]) });
        const [stat, bytes] = await Promise.all([attributes, reading]);
        if (isUnsaved) seen.sawBeside(path, stat.version);
        else seen.sawContent(path, stat.version);
        return bytes;
      });
      return content;
    });
  }

  writeFile(
    uri: vscode.Uri,
    content: Uint8Array,
    options: { readonly create: boolean; readonly overwrite: boolean },
  ): Promise<void> {
    // Whoever saves wants the host back now.
    this.hosts.session(placeOf(uri).host).hurry();
    return this.on('writeFile', uri, async (vfs, path, seen) => {
      const basis = seen.basis(path);
      const expected: Pick<WriteOptions, 'expect'> & { readonly overwrite?: false } =
        basis === 'absent' ? { overwrite: false, expect: 'any' } : { expect: basis ?? 'any' };
      const save = (tree: Vfs) =>
        withProgress(t('Saving {0}', path), (running) =>
          tree.writeFile(path, content, { ...options, ...running, ...expected }),
        ).catch((error) => {
          // It was gone when the editor looked, and is there again.
          const isBack = basis === 'absent' && errnoOf(error) === Errno.EEXIST;
          throw isBack ? new ErrnoError('EREMCHG', `${path} is there again`) : error;
        });
      const asRoot = this.rootSaves.take(uri);
      try {
        const { version } = await (asRoot ? this.rootSaves.withRoot(uri, save) : save(vfs));
        seen.sawContent(path, version);
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === Errno.EREMCHG) {
          const theirs = vfs.stat(path).catch(() => undefined);
          this.questions.saveConflict(uri, theirs, () => seen.forget(path));
        } else if (errno === Errno.EACCES && !asRoot) this.rootSaves.offer(uri);
        else if (errno === Errno.ENOTRECOVERABLE) void this.unfinishedSaves.offer(placeOf(uri).host, vfs);
        throw error;
      }
    });
  }

  createDirectory(uri: vscode.Uri): Promise<void> {
    return this.on('createDirectory', uri, (vfs, path) => vfs.mkdir(path));
  }

  delete(uri: vscode.Uri, { recursive }: { readonly recursive: boolean }): Promise<void> {
    return this.on('delete', uri, async (vfs, path, seen) => {
      const trash = setting('livemount.trash', uri);
      const remove = (crossMounts: readonly SuperblockId[]) =>
        withProgress(
          t('Deleting {0}', path),
          (running) => vfs.remove(path, { recursive, trash, crossMounts, ...running }),
          trash ? undefined : t('what was deleted until then is gone'),
        );
      try {
        await remove([]);
      } catch (error) {
        const mounts = mountsIn(vfs, path);
        if (errnoOf(error) !== Errno.EBUSY || mounts.length === 0 || trash) throw error;
        const named = [...new Set(mounts.map(({ mountpoint }) => mountpoint))];
        if (!(await this.questions.deleteMountsToo(path, named))) return this.keptAsWanted(uri);
        // Those that were named, and no other that came meanwhile.
        await remove(mounts.map(({ mount }) => mount.sb));
      }
      seen.forget(path);
    });
  }

  /**
   * The user said no when asked in the middle of a deletion. An error would make the editor ask "Retry?" in a second dialog,
   * so the call ends well, and the editor, which takes the folder out of its tree then, is told that it is there.
   */
  private keptAsWanted(uri: vscode.Uri): void {
    const { host, path } = placeOf(uri);
    setImmediate(() => {
      this.watches.appear(uri);
      this.watches.invalidate(this.hosts.session(host), path.slice(0, path.lastIndexOf('/')) || '/');
    });
  }

  rename(from: vscode.Uri, to: vscode.Uri, { overwrite }: { readonly overwrite: boolean }): Promise<void> {
    return this.on('rename', from, async (vfs, path, seen) => {
      const target = placeOn(from, to);
      try {
        await vfs.rename(path, target, { overwrite });
      } catch (error) {
        if (!isCrossMount(error)) throw error;
        await withProgress(
          t('Moving {0} to another mount', path),
          (running) => moveAcross(vfs, path, target, { ...running, overwrite }),
          t('it was left in place'),
        );
      }
      seen.forget(path);
      seen.forget(target);
    });
  }

  copy(from: vscode.Uri, to: vscode.Uri, { overwrite }: { readonly overwrite: boolean }): Promise<void> {
    return this.on('copy', from, async (vfs, path, seen) => {
      const target = placeOn(from, to);
      await withProgress(t('Copying {0}', path), (running) =>
        vfs.copy(path, target, { ...running, overwrite }),
      );
      seen.forget(target);
    });
  }

  /** Every call of the editor goes through here: the host's Vfs, the trace, and the one translation of errors. */
  private async on<T>(
    call: Call,
    uri: vscode.Uri,
    operation: (vfs: Vfs, path: string, seen: SeenVersions) => Promise<T>,
  ): Promise<T> {
    const { host, path } = placeOf(uri);
    try {
      return await this.trace.measure(call, uri, async () =>
        // Whoever looks at the host's version beside his own has not read it as what he edits.
        operation(
          await this.treeOf(host),
          path,
          isHostsVersion(uri) ? new SeenVersions() : this.seenOn(host),
        ),
      );
    } catch (error) {
      throw toEditorError(error, DOING[call]);
    }
  }

  /** What is asked for a folder of the window waits until its host is there, and so the window heals by itself. */
  private treeOf(host: string): Promise<Vfs> {
    const session = this.hosts.session(host);
    return ourFolders().some(({ uri }) => placeOf(uri).host === host) ? session.awaitVfs() : session.vfs();
  }

  private seenOn(host: string): SeenVersions {
    const known = this.seen.get(host);
    if (known !== undefined) return known;
    const seen = new SeenVersions();
    this.seen.set(host, seen);
    return seen;
  }
}

/** The target's path, which must be on the same host: between hosts of one provider the editor does not copy by itself. */
function placeOn(from: vscode.Uri, to: vscode.Uri): string {
  const source = placeOf(from);
  const target = placeOf(to);
  if (source.host !== target.host) {
    throw new ErrnoError(
      'EOPNOTSUPP',
      `${source.host} and ${target.host} are different hosts; copy between them with \`livemount cat\` and \`livemount put\``,
    );
  }
  return target.path;
}

/**
 * The editor takes "may not be written" for "may not be deleted" and refuses by itself. A file in a folder that its user
 * may write can be deleted, however it is protected itself: there a save is what the host refuses, not the editor.
 */
async function mayBeDeleted(vfs: Vfs, path: string, stat: Stat): Promise<boolean> {
  if (stat.kind === 'directory' || path === '/') return false;
  const folder = await vfs.stat(path.slice(0, path.lastIndexOf('/')) || '/').catch(() => undefined);
  return folder !== undefined && !folder.readonly && folder.sb === stat.sb;
}

function toFileStat(stat: Stat, isLocked: boolean): vscode.FileStat {
  return {
    type: fileType(stat.kind, stat.isSymlink),
    ctime: milliseconds(stat.ctimeNs),
    mtime: milliseconds(stat.mtimeNs),
    size: Number(stat.size),
    ...(isLocked && { permissions: vscode.FilePermission.Readonly }),
  };
}

function fileType(kind: FileKind, isSymlink: boolean): vscode.FileType {
  const type = {
    file: vscode.FileType.File,
    directory: vscode.FileType.Directory,
    other: vscode.FileType.Unknown,
  }[kind];
  return isSymlink ? type | vscode.FileType.SymbolicLink : type;
}

function milliseconds(ns: bigint): number {
  return Number(ns / 1_000_000n);
}
