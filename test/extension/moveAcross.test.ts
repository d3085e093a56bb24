import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileKind, Stat, SuperblockView } from '../../src/client/vfs';
import { type MovableTree, moveAcross } from '../../src/extension/moveAcross';
import type { SuperblockId } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';

interface Node {
  readonly kind: FileKind;
  size: bigint;
  mtimeNs: bigint;
  ino: bigint;
}

/** A tree in memory, whose copy can be watched and disturbed. */
class MemoryTree implements MovableTree {
  private readonly nodes = new Map<string, Node>();
  /** What was told of a node, and is told again until somebody asks anew. */
  private readonly cache = new Map<string, Node>();
  private nextIno = 1n;
  mounts: string[] = [];
  /** Runs when everything is copied, before `copy` resolves. */
  whileCopying: () => void = () => undefined;

  add(path: string, kind: FileKind, size = 0n): void {
    this.nodes.set(path, { kind, size, mtimeNs: 1n, ino: this.nextIno++ });
  }

  change(path: string): void {
    const node = this.nodes.get(path);
    assert.ok(node !== undefined, path);
    node.mtimeNs += 1n;
  }

  delete(path: string): void {
    this.nodes.delete(path);
  }

  get paths(): string[] {
    return [...this.nodes.keys()].sort();
  }

  async lstat(path: string, { fresh }: { readonly fresh?: boolean } = {}): Promise<Stat> {
    if (fresh)
      for (const known of this.cache.keys()) if (`${known}/`.startsWith(`${path}/`)) this.cache.delete(known);
    const node = this.cache.get(path) ?? this.nodes.get(path);
    if (node === undefined) throw new ErrnoError('ENOENT', path);
    this.cache.set(path, { ...node });
    const { kind, size, mtimeNs, ino } = node;
    return {
      kind,
      size,
      mtimeNs,
      isSymlink: false,
      mode: 0o644,
      uid: 0,
      gid: 0,
      nlink: 1,
      ctimeNs: mtimeNs,
      readonly: false,
      version: { ino, size, mtime_ns: mtimeNs, ctime_ns: mtimeNs },
      sb: 1n as SuperblockId,
      isMountpoint: false,
    };
  }

  async readDirectory(path: string) {
    const below = [...this.nodes].filter(([name]) => name.startsWith(`${path}/`));
    return below
      .map(([name, { kind }]) => ({
        name: name.slice(path.length + 1),
        kind,
        isSymlink: false,
        isMountpoint: false,
      }))
      .filter(({ name }) => !name.includes('/'));
  }

  async copy(from: string, to: string): Promise<void> {
    for (const [path, { kind, size }] of [...this.nodes]) {
      if (path === from || path.startsWith(`${from}/`))
        this.add(`${to}${path.slice(from.length)}`, kind, size);
    }
    this.whileCopying();
  }

  async remove(path: string): Promise<void> {
    for (const name of this.paths) if (name === path || name.startsWith(`${path}/`)) this.nodes.delete(name);
  }

  mountsBelow(): readonly SuperblockView[] {
    return this.mounts.map((mountpoint) => ({ mountpoint }) as SuperblockView);
  }
}

function sampleTree(): MemoryTree {
  const tree = new MemoryTree();
  tree.add('/a', 'directory');
  tree.add('/a/sub', 'directory', 4096n);
  tree.add('/a/sub/file', 'file', 10n);
  return tree;
}

const source = ['/a', '/a/sub', '/a/sub/file'];
const target = ['/b', '/b/sub', '/b/sub/file'];

function move(tree: MemoryTree, signal = new AbortController().signal): Promise<void> {
  return moveAcross(tree, '/a', '/b', { signal, progress: () => undefined, overwrite: false });
}

const busy = (error: unknown) => error instanceof ErrnoError && error.code === 'EBUSY';

test('a tree is copied, and then removed where it was', async () => {
  const tree = sampleTree();
  await move(tree);
  assert.deepEqual(tree.paths, target);
});

test('a file written to while it was copied keeps the source, and the copy goes', async () => {
  const tree = sampleTree();
  tree.whileCopying = () => tree.change('/a/sub/file');
  await assert.rejects(move(tree), (error) => busy(error) && /\/sub\/file/.test(String(error)));
  assert.deepEqual(tree.paths, source);
});

test('a file that came while the tree was copied keeps the source', async () => {
  const tree = sampleTree();
  tree.whileCopying = () => tree.add('/a/new', 'file');
  await assert.rejects(move(tree), busy);
  assert.deepEqual(tree.paths, ['/a', '/a/new', '/a/sub', '/a/sub/file']);
});

test('a copy that lacks something keeps the source', async () => {
  const tree = sampleTree();
  tree.whileCopying = () => tree.delete('/b/sub/file');
  await assert.rejects(move(tree), busy);
  assert.deepEqual(tree.paths, source);
});

test('cancelled after copying, the source is whole, and the copy goes', async () => {
  const tree = sampleTree();
  const abort = new AbortController();
  tree.whileCopying = () => abort.abort(new ErrnoError('ECANCELED', 'cancelled'));
  await assert.rejects(move(tree, abort.signal), /cancelled/);
  assert.deepEqual(tree.paths, source);
});

test('a folder that holds mounts is not moved, and the mounts are named', async () => {
  const tree = sampleTree();
  tree.mounts = ['/a/sub/mnt'];
  await assert.rejects(move(tree), (error) => busy(error) && /\/a\/sub\/mnt/.test(String(error)));
  assert.deepEqual(tree.paths, source);
});
