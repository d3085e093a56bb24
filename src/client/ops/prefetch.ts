import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import type { ClientCore } from '../state';
import { readDirectory } from './readDirectory';
import { readFile } from './readFile';
import { join, type RemotePath } from '../../protocol/paths';

/** What an editor looks into as soon as a folder is opened, whatever the language. */
const FOLDERS: ReadonlySet<string> = new Set(['.vscode']);
const FILES: ReadonlySet<string> = new Set([
  'package.json',
  'tsconfig.json',
  'jsconfig.json',
  '.editorconfig',
  '.gitignore',
]);
/** Files beyond this size are not fetched ahead. */
const FILE_BYTES = 64n << 10n;
/** Files fetched ahead for one folder at most: 1 MiB altogether. */
const FILES_MAX = 16;
/** With more requests of the user than this under way, the link has better things to carry. */
const BUSY = 24;

/**
 * Fetches what the editor asks next when a folder is opened: its listing, which answers for every name that is not
 * there, and the few files that are read first. It is bounded, stops when the user keeps the link busy, and only fills
 * the cache: what is watched stays, the rest is good for a second.
 */
export class Prefetch implements Disposable {
  private readonly life = new AbortController();

  constructor(private readonly core: ClientCore) {}

  /** A folder is opened. Call it in the turn in which its watch is asked for: both go in one frame. */
  folder(path: RemotePath): void {
    void this.run(path);
  }

  dispose(): void {
    this.life.abort();
  }

  private async run(path: RemotePath): Promise<void> {
    try {
      const files = await this.look(path);
      await Promise.all(files.slice(0, FILES_MAX).map((file) => this.file(file)));
    } catch (error) {
      // Whoever really asks gets the error.
      if (!(error instanceof ErrnoError)) throw error;
    }
  }

  /** Lists a folder, and those in it that are looked into; gives the files worth fetching. */
  private async look(path: RemotePath): Promise<RemotePath[]> {
    const entries = await readDirectory(this.core, path, this.options);
    if (this.isBusy) return [];
    const files = entries.filter(({ name, kind }) => kind === 'file' && FILES.has(name));
    const folders = entries.filter(({ name, kind }) => kind === 'directory' && FOLDERS.has(name));
    const inside = folders.map(async ({ name }) => {
      const folder = join(path, name);
      const found = await readDirectory(this.core, folder, this.options);
      return found.filter(({ kind }) => kind === 'file').map((entry) => join(folder, entry.name));
    });
    return [...files.map(({ name }) => join(path, name)), ...(await Promise.all(inside)).flat()];
  }

  private async file(path: RemotePath): Promise<void> {
    const known = this.core.paths.resolve(path, true, this.core.clock.now());
    const size = known.kind === 'found' ? known.dentry.inode.attr?.value.size : undefined;
    if (this.isBusy || size === undefined || size > FILE_BYTES) return;
    await readFile(this.core, path, this.options);
  }

  private get options() {
    return { signal: this.life.signal };
  }

  private get isBusy(): boolean {
    return this.life.signal.aborted || this.core.session.unanswered > BUSY;
  }
}
