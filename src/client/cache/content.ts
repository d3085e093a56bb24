import type { SuperblockId } from '../../protocol/brand';
import type { Attr } from '../../protocol/fuse';
import { timeNs } from '../../protocol/attributes';
import type { Inode } from '../tree/inodes';
import type { Stamp } from './invalidations';

/** What tells one content of an inode from another: POSIX changes mtime with every write. */
export interface ContentVersion {
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

export function contentVersion(attr: Attr): ContentVersion {
  return { size: attr.size, mtimeNs: timeNs(attr.mtime, attr.mtimensec) };
}

export function sameContent(a: ContentVersion, b: ContentVersion): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/** A file's bytes, whole, as of a version. */
export interface Content {
  readonly bytes: Buffer;
  readonly version: ContentVersion;
  readonly stamp: Stamp;
  readonly crossed: boolean;
  /** The file was written to since: it may begin with these bytes, and its version proves nothing any more. */
  readonly doubtful?: true;
}

/** Design: "bounded memory (default 64 MiB)". */
export const CONTENT_BYTES = 64 << 20;
/** What a file costs beside its bytes. */
const OVERHEAD = 256;

/** File contents within a bound of bytes; the least recently used goes first. */
export class ContentCache {
  private readonly recent = new Map<Inode, number>();
  private bytes = 0;

  constructor(readonly bound: number = CONTENT_BYTES) {}

  get size(): number {
    return this.bytes;
  }

  /** Bytes held of each superblock's files; nothing is held of others. */
  sizes(): ReadonlyMap<SuperblockId, number> {
    const sums = new Map<SuperblockId, number>();
    for (const [{ sb }, cost] of this.recent) sums.set(sb, (sums.get(sb) ?? 0) + cost);
    return sums;
  }

  /** Whether contents of so many bytes are kept at all: one file must not push out everything else. */
  keeps(bytes: number): boolean {
    return bytes + OVERHEAD <= this.bound / 4;
  }

  put(inode: Inode, content: Content): void {
    this.drop(inode);
    if (!this.keeps(content.bytes.length)) return;
    const cost = content.bytes.length + OVERHEAD;
    inode.content = content;
    this.recent.set(inode, cost);
    this.bytes += cost;
    for (const [oldest] of this.recent) {
      if (this.bytes <= this.bound) break;
      this.drop(oldest);
    }
  }

  /** The content, which counts as used now. */
  get(inode: Inode): Content | undefined {
    const cost = this.recent.get(inode);
    if (cost === undefined) return undefined;
    this.recent.delete(inode);
    this.recent.set(inode, cost);
    return inode.content;
  }

  /** The file was written to: what is kept of it can only be what it begins with. */
  doubt(inode: Inode): void {
    if (inode.content !== undefined) inode.content = { ...inode.content, doubtful: true };
  }

  drop(inode: Inode): void {
    const cost = this.recent.get(inode);
    if (cost === undefined) return;
    this.recent.delete(inode);
    this.bytes -= cost;
    inode.content = undefined;
  }
}
