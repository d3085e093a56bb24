import type { NodeId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { HostFile, LockKind } from './hostFs';

/** Owners with locks that one client may have; more is ENOLCK. Each keeps a file open. */
const OWNERS_MAX = 4096;

interface Held {
  readonly key: string;
  readonly file: HostFile;
}

/**
 * The locks of one client: each of its lock owners (a process for fcntl(2), an open file for flock(2)) gets an open
 * file of its own, because the host keeps locks by open file. So the owners exclude each other, other clients, and
 * whoever is on the host. Closing the file gives all of an owner's locks back.
 */
export class LockTable {
  private readonly files = new Map<string, Held>();

  /** The file that holds an owner's locks of a node; undefined if it has none. */
  get(kind: LockKind, nodeid: NodeId, owner: bigint): HostFile | undefined {
    return this.files.get(keyOf(kind, nodeid, owner))?.file;
  }

  /** ENOLCK beyond the bound; `file` is closed then. */
  async add(kind: LockKind, nodeid: NodeId, owner: bigint, file: HostFile): Promise<HostFile> {
    const key = keyOf(kind, nodeid, owner);
    // Two requests of one owner at once: the first one's file is the one.
    const present = this.files.get(key);
    if (present === undefined && this.files.size < OWNERS_MAX) {
      this.files.set(key, { key, file });
      return file;
    }
    await file.close();
    if (present === undefined) throw new ErrnoError('ENOLCK', `${OWNERS_MAX} owners of locks`);
    return present.file;
  }

  /** Gives back all that an owner holds of a node. */
  async drop(kind: LockKind, nodeid: NodeId, owner: bigint): Promise<void> {
    const key = keyOf(kind, nodeid, owner);
    const held = this.files.get(key);
    this.files.delete(key);
    await held?.file.close();
  }

  async closeAll(): Promise<void> {
    const all = [...this.files.values()];
    this.files.clear();
    await Promise.allSettled(all.map(async ({ file }) => file.close()));
  }
}

function keyOf(kind: LockKind, nodeid: NodeId, owner: bigint): string {
  return `${kind}:${nodeid}:${owner}`;
}
