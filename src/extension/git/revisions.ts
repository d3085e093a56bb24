import * as vscode from 'vscode';
import { BoundedMap } from '../../base/boundedMap';
import { type LfsPointer, lfsPointer } from '../../client/git/lfs';
import type { Blob, GitRepository } from '../../client/git/repository';
import { ErrnoError } from '../../protocol/errno';
import { editorErrorOf, toEditorError } from '../errors';
import { t } from '../l10n';
import { gitInWords } from './failures';
import type { OpenRepository } from './openRepository';
import type { Repositories } from './repositories';
import { GIT_SCHEME, revisionOf } from './uris';

/** Contents that are kept: what an object is named for never changes. */
const KEPT_OBJECTS = 100;
const KEPT_BYTES = 512 << 10;

/** The contents of revisions, as files that can only be read. */
export class Revisions implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  private readonly objects = new BoundedMap<string, Buffer>(KEPT_OBJECTS);
  /** What was looked at is read next: the editor does both, and the content that belongs to the time it saw is this one. */
  private readonly looked = new BoundedMap<string, Blob>(KEPT_OBJECTS);
  private readonly lifetime: vscode.Disposable[];

  readonly onDidChangeFile = this.changed.event;

  constructor(private readonly repositories: Repositories) {
    this.lifetime = [
      repositories.onDidChange((repository) => this.refresh(repository)),
      vscode.workspace.registerFileSystemProvider(GIT_SCHEME, this, {
        isReadonly: true,
        isCaseSensitive: true,
      }),
    ];
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const blob = await this.blob(uri);
    if (blob.bytes.length <= KEPT_BYTES) this.looked.set(uri.toString(), blob);
    const { oid, bytes } = blob;
    // A time of its own for each content, so that the editor sees a new one.
    const mtime = Number.parseInt(oid.slice(0, 11), 16);
    return { type: vscode.FileType.File, ctime: 0, mtime, size: bytes.length };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const looked = this.looked.get(uri.toString());
    this.looked.delete(uri.toString());
    return (looked ?? (await this.blob(uri))).bytes;
  }

  readDirectory(uri: vscode.Uri): never {
    throw toEditorError(new ErrnoError('ENOTDIR', uri.path), 'list');
  }
  createDirectory(uri: vscode.Uri): never {
    throw toEditorError(new ErrnoError('EROFS', uri.path), 'save');
  }
  writeFile(uri: vscode.Uri): never {
    throw toEditorError(new ErrnoError('EROFS', uri.path), 'save');
  }
  delete(uri: vscode.Uri): never {
    throw toEditorError(new ErrnoError('EROFS', uri.path), 'save');
  }
  rename(uri: vscode.Uri): never {
    throw toEditorError(new ErrnoError('EROFS', uri.path), 'save');
  }

  dispose(): void {
    for (const part of this.lifetime) part.dispose();
    this.changed.dispose();
  }

  private async blob(uri: vscode.Uri): Promise<Blob> {
    const revision = revisionOf(uri);
    const repository = revision && this.repositories.at(revision.host, revision.root);
    if (!revision || !repository || !revision.path.startsWith(prefixOf(repository.root))) {
      throw toEditorError(new ErrnoError('ENOTCONN', uri.path), 'read');
    }
    const path = revision.path.slice(prefixOf(repository.root).length);
    const stage = /^:([123])$/.exec(revision.ref)?.[1];
    const at =
      revision.ref === ''
        ? ({ stage: 0 } as const)
        : stage !== undefined
          ? { stage: Number(stage) as 1 | 2 | 3 }
          : { ref: revision.ref };
    try {
      const blob = await this.content(repository, at, path);
      if (!blob) throw new ErrnoError('ENOENT', path);
      const pointer = lfsPointer(blob.bytes);
      return pointer ? { oid: blob.oid, bytes: Buffer.from(pointerInWords(pointer)) } : blob;
    } catch (error) {
      const sentence = gitInWords(error);
      throw sentence === undefined ? toEditorError(error, 'read') : editorErrorOf(sentence);
    }
  }

  /** Whether the index has only a pointer to a file's content: then nothing can be compared with it. */
  async isKeptElsewhere(repository: OpenRepository, path: string): Promise<boolean> {
    const blob = await this.content(repository, { stage: 0 }, path).catch(() => undefined);
    return blob !== undefined && lfsPointer(blob.bytes) !== undefined;
  }

  private async content(
    { git }: OpenRepository,
    at: Parameters<GitRepository['objectOf']>[0],
    path: string,
  ): Promise<Blob | undefined> {
    const oid = await git.objectOf(at, path);
    if (oid === undefined) return undefined;
    const known = this.objects.get(oid);
    if (known) return { oid, bytes: known };
    const bytes = await git.object(oid);
    if (bytes.length <= KEPT_BYTES) this.objects.set(oid, bytes);
    return { oid, bytes };
  }

  /** What shows the index or a ref may have another content now. */
  private refresh(repository: OpenRepository): void {
    this.looked.clear();
    const open = vscode.workspace.textDocuments
      .map(({ uri }) => uri)
      .filter((uri) => {
        const revision = revisionOf(uri);
        return (
          revision?.host === repository.session.host &&
          revision.root === repository.root &&
          !/^[0-9a-f]{40,64}(\^|~1)?$/.test(revision.ref)
        );
      });
    if (open.length > 0) {
      this.changed.fire(open.map((uri) => ({ type: vscode.FileChangeType.Changed, uri })));
    }
  }
}

/** What stands before the relative paths of a work tree. */
export function prefixOf(root: string): string {
  return root === '/' ? '/' : `${root}/`;
}

function pointerInWords({ oid, size }: LfsPointer): string {
  return `${t('This version is kept by Git LFS: {0} bytes. The repository has only its name.', String(size))}\nsha256 ${oid}\n`;
}
