import type { Fh, NodeId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { HostFile } from './hostFs';

/** An open file or directory of one client. */
export interface Handle {
  readonly fh: Fh;
  readonly nodeid: NodeId;
  readonly file: HostFile;
  /** open(2) flags it was opened with. */
  readonly flags: number;
  /** A directory's entries, read at OPENDIR or rewind, so that offsets stay valid while others change it. */
  snapshot?: unknown;
}

/** The client's open handles, by fh and by node: an unlinked file is reached through any handle that is still open. */
export class HandleTable {
  private readonly byFh = new Map<Fh, Handle>();
  private readonly byNode = new Map<NodeId, Set<Handle>>();
  private next = 1n;

  /** @param most handles at a time: each costs a descriptor of the process, which all its clients share. */
  constructor(private readonly most = Number.POSITIVE_INFINITY) {}

  get size(): number {
    return this.byFh.size;
  }

  /** Takes an open file over; EMFILE, and it is closed, where the client has all it may have. */
  add(nodeid: NodeId, file: HostFile, flags: number): Handle {
    if (this.byFh.size >= this.most) {
      void Promise.resolve(file.close()).catch(() => undefined);
      throw new ErrnoError('EMFILE', `the client has ${this.most} files open`);
    }
    const handle: Handle = { fh: this.next++ as Fh, nodeid, file, flags };
    this.byFh.set(handle.fh, handle);
    let ofNode = this.byNode.get(nodeid);
    if (ofNode === undefined) {
      ofNode = new Set();
      this.byNode.set(nodeid, ofNode);
    }
    ofNode.add(handle);
    return handle;
  }

  /** EBADF for a handle that is not open. */
  get(fh: Fh): Handle {
    const handle = this.byFh.get(fh);
    if (handle === undefined) throw new ErrnoError('EBADF', `handle ${fh} is not open`);
    return handle;
  }

  /** The handles open on a node. */
  of(nodeid: NodeId): Iterable<Handle> {
    return this.byNode.get(nodeid) ?? [];
  }

  /** Takes a handle out; the caller closes its file. EBADF for one that is not open. */
  remove(fh: Fh): Handle {
    const handle = this.get(fh);
    this.byFh.delete(fh);
    const ofNode = this.byNode.get(handle.nodeid);
    ofNode?.delete(handle);
    if (ofNode?.size === 0) this.byNode.delete(handle.nodeid);
    return handle;
  }

  /** Closes everything: the client is gone. */
  async closeAll(): Promise<void> {
    const files = [...this.byFh.values()].map((handle) => handle.file);
    this.byFh.clear();
    this.byNode.clear();
    await Promise.allSettled(files.map(async (file) => file.close()));
  }
}
