import type { NodeId } from '../../protocol/brand';
import type { Request } from '../../protocol/message';
import type { InOf, OpName } from '../../protocol/opcodes';

/** A request of the server's own making, for an operation that is built from others (WALK from LOOKUPs). */
export function innerRequest<K extends OpName>(
  outer: Request,
  op: K,
  nodeid: NodeId,
  fixed: InOf<K>,
  names: readonly Buffer[] = [],
): Request<K> {
  return { op, header: { ...outer.header, nodeid }, in: fixed, names, data: NO_DATA };
}

const NO_DATA = Buffer.alloc(0);
