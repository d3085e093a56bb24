import type { NodeId } from './brand';
import type { EntryOut } from './fuse';
import { WalkOut, WalkStep } from './livemount';
import { packRecord, RecordReader } from './pack';

/** One name looked up on the way of a WALK. */
export interface Step {
  readonly parent: NodeId;
  readonly name: Buffer;
  readonly entry: EntryOut;
  /** Where the name is a symbolic link that the walk read: its target. */
  readonly target?: Buffer;
}

export interface WalkResult {
  /** Where the walk ended (with WALK_PARENT: the directory); 0 if it did not arrive. */
  readonly nodeid: NodeId;
  /** 0 or -errno. */
  readonly error: number;
  readonly steps: readonly Step[];
}

/** The body of a WALK reply. */
export function encodeWalk(result: WalkResult): Buffer {
  const head = WalkOut.encode({ nodeid: result.nodeid, count: result.steps.length, error: result.error });
  const steps = result.steps.map((step) => {
    const target = step.target ?? Buffer.alloc(0);
    const fixed = WalkStep.encode({
      parent: step.parent,
      entry: step.entry,
      namelen: step.name.length,
      targetlen: target.length,
    });
    return packRecord(fixed, step.name, target);
  });
  return Buffer.concat([head, ...steps]);
}

/** Reads the body of a WALK reply; EIO for a torn one. */
export function decodeWalk(body: Buffer): WalkResult {
  const reader = new RecordReader(body, 'EIO');
  const head = reader.take(WalkOut);
  const steps: Step[] = [];
  for (let i = 0; i < head.count; i++) {
    const { parent, entry, namelen, targetlen } = reader.take(WalkStep);
    const name = reader.bytes(namelen);
    const target = reader.bytes(targetlen);
    reader.align();
    steps.push({ parent, name, entry, ...(targetlen > 0 && { target }) });
  }
  return { nodeid: head.nodeid, error: head.error, steps };
}
