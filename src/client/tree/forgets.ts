import { NO_NODE, type NodeId, ROOT_ID } from '../../protocol/brand';
import { BatchForgetIn, ForgetOne, InHeader } from '../../protocol/fuse';
import { MAX_FRAME } from '../../protocol/frame';
import type { InOf } from '../../protocol/opcodes';

/** Pairs in one BATCH_FORGET at most. */
const BATCH_MAX = Math.floor((MAX_FRAME - InHeader.size - BatchForgetIn.size) / ForgetOne.size);

/** Sends a request without a reply; false while there is no link. */
export type PostForget = (
  op: 'BATCH_FORGET',
  nodeid: NodeId,
  fixed: InOf<'BATCH_FORGET'>,
  data: Buffer,
) => boolean;

/** Lookups to give back, gathered over one turn of the event loop and sent as one BATCH_FORGET. */
export class Forgets {
  private counts = new Map<NodeId, bigint>();
  private scheduled = false;

  constructor(private readonly post: PostForget) {}

  /** Nodeids that wait to be given back. */
  get waiting(): number {
    return this.counts.size;
  }

  add(nodeid: NodeId, nlookup: bigint): void {
    if (nlookup === 0n || nodeid === NO_NODE || nodeid === ROOT_ID) return;
    this.counts.set(nodeid, (this.counts.get(nodeid) ?? 0n) + nlookup);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Sends what waits; without a link it keeps waiting. */
  flush(): void {
    this.scheduled = false;
    const all = [...this.counts];
    for (let from = 0; from < all.length; from += BATCH_MAX) {
      const batch = all.slice(from, from + BATCH_MAX);
      const data = Buffer.concat(batch.map(([nodeid, nlookup]) => ForgetOne.encode({ nodeid, nlookup })));
      if (!this.post('BATCH_FORGET', NO_NODE, { count: batch.length }, data)) return;
      for (const [nodeid] of batch) this.counts.delete(nodeid);
    }
  }

  /** The agent knows none of them any more. */
  clear(): void {
    this.counts.clear();
  }
}
