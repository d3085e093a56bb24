import type { Fh } from '../protocol/brand';
import type { Node } from './nodes';

/** An open file of the kernel's. The agent's handle is made anew when the agent is another one. */
export interface OpenFile {
  readonly fh: Fh;
  readonly node: Node;
  /** open(2) flags, without those that only matter once. */
  readonly flags: number;
  /** The agent's handle, as of `epoch`; undefined: it was not needed yet. */
  remote: Fh | undefined;
  epoch: number;
  opening: Promise<Fh> | undefined;
  /** It was opened by the echo thread: nothing of it reaches the host. */
  readonly isEcho: boolean;
  /** Owners of fcntl(2) locks taken through it, and of its flock(2) lock. */
  readonly lockOwners: Set<bigint>;
  flockOwner: bigint | undefined;
  /** Data that came with the opening, from the beginning of the file. */
  ahead: { readonly data: Buffer; readonly isWhole: boolean; readonly at: number } | undefined;
  /** What a write that nobody waited for came to; told at close or fsync. */
  failure: Error | undefined;
}

/** An open directory: its entries as they were when it was opened or last rewound. */
export interface OpenDirectory {
  readonly fh: Fh;
  readonly node: Node;
  entries: readonly DirectoryEntry[] | undefined;
  /** The directory's `changes` when the entries were taken. */
  changes: number;
  /** It was read from its beginning. */
  begun: boolean;
}

export interface DirectoryEntry {
  readonly key: string;
  readonly ino: bigint;
  readonly type: number;
}

/** What the kernel has open. */
export class Handles {
  private readonly files = new Map<Fh, OpenFile>();
  private readonly directories = new Map<Fh, OpenDirectory>();
  private next = 1n;

  get size(): number {
    return this.files.size + this.directories.size;
  }

  allFiles(): Iterable<OpenFile> {
    return this.files.values();
  }

  file(fh: Fh): OpenFile | undefined {
    return this.files.get(fh);
  }

  directory(fh: Fh): OpenDirectory | undefined {
    return this.directories.get(fh);
  }

  openFile(node: Node, flags: number, remote: Fh | undefined, epoch: number, isEcho = false): OpenFile {
    const file: OpenFile = {
      fh: this.next++ as Fh,
      node,
      flags,
      remote,
      epoch,
      opening: undefined,
      isEcho,
      lockOwners: new Set(),
      flockOwner: undefined,
      ahead: undefined,
      failure: undefined,
    };
    this.files.set(file.fh, file);
    node.open.add(file);
    return file;
  }

  openDirectory(node: Node, entries?: readonly DirectoryEntry[]): OpenDirectory {
    const directory: OpenDirectory = {
      fh: this.next++ as Fh,
      node,
      entries,
      changes: node.changes,
      begun: false,
    };
    this.directories.set(directory.fh, directory);
    node.readers.add(directory);
    return directory;
  }

  closeFile(file: OpenFile): void {
    this.files.delete(file.fh);
    file.node.open.delete(file);
  }

  closeDirectory(fh: Fh): void {
    const directory = this.directories.get(fh);
    directory?.node.readers.delete(directory);
    this.directories.delete(fh);
  }
}
