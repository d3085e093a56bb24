import type { NodeId } from './brand';
import { ErrnoError } from './errno';
import { LIST_TREES_MAX, ListedDirectory, ListTreesOut } from './livemount';
import { packRecord, RecordReader } from './pack';

/** One directory of a LIST_TREES reply. */
export interface ListedTree {
  readonly nodeid: NodeId;
  /** 0 or -errno. */
  readonly error: number;
  /** As of a READDIRPLUS that tells all of it; shares the frame's memory. */
  readonly body: Buffer;
}

/** The tail of a LIST_TREES request. */
export function encodeRoots(roots: readonly NodeId[]): Buffer {
  const data = Buffer.allocUnsafe(roots.length * 8);
  for (const [i, root] of roots.entries()) data.writeBigUInt64LE(root, i * 8);
  return data;
}

/** EINVAL where there are more than LIST_TREES_MAX, or fewer than `count`. */
export function decodeRoots(count: number, data: Buffer): NodeId[] {
  if (count > LIST_TREES_MAX || data.length !== count * 8) throw new ErrnoError('EINVAL', 'LIST_TREES');
  return Array.from({ length: count }, (_, i) => data.readBigUInt64LE(i * 8) as NodeId);
}

/** One directory as it stands in the reply. */
export function packTree({ nodeid, error, body }: ListedTree): Buffer {
  return packRecord(ListedDirectory.encode({ nodeid, error, bytes: body.length }), body);
}

export function encodeTrees(packed: readonly Buffer[]): Buffer {
  return Buffer.concat([ListTreesOut.encode({ count: packed.length, flags: 0 }), ...packed]);
}

export function decodeTrees(body: Buffer): ListedTree[] {
  const reader = new RecordReader(body, 'EIO');
  const { count } = reader.take(ListTreesOut);
  const trees: ListedTree[] = [];
  for (let i = 0; i < count; i++) {
    const { nodeid, error, bytes } = reader.take(ListedDirectory);
    trees.push({ nodeid, error, body: reader.view(bytes) });
    reader.align();
  }
  return trees;
}
