import type { Fh, NodeId } from '../../protocol/brand';
import { readDirentsPlus } from '../../protocol/dirent';
import { decodeFollowed } from '../../protocol/follow';
import type { EntryOut } from '../../protocol/fuse';
import { decodeReplyBody } from '../../protocol/message';
import type { OpName } from '../../protocol/opcodes';
import { decodeWalk } from '../../protocol/walk';
import { CompoundResult } from './compoundRequest';

/** What a reply gave the client: lookups to count, and open handles. Where nobody wants the reply any more, it goes back. */
export interface Leftovers {
  readonly lookups: readonly NodeId[];
  readonly handles: readonly { readonly fh: Fh; readonly op: 'RELEASE' | 'RELEASEDIR' }[];
}

const NOTHING: Leftovers = { lookups: [], handles: [] };

/** The lookups and handles in one successful reply. */
export function leftoversOf(op: OpName, body: Buffer): Leftovers {
  switch (op) {
    case 'LOOKUP':
    case 'SYMLINK':
    case 'MKNOD':
    case 'MKDIR':
    case 'LINK':
    case 'COPY':
      return { lookups: [(decodeReplyBody(op, body) as EntryOut).nodeid], handles: [] };
    case 'REPLACE':
      return { lookups: [decodeReplyBody(op, body).entry.nodeid], handles: [] };
    case 'OPEN':
      return { lookups: [], handles: [{ fh: decodeReplyBody(op, body).fh, op: 'RELEASE' }] };
    case 'OPENDIR':
      return { lookups: [], handles: [{ fh: decodeReplyBody(op, body).fh, op: 'RELEASEDIR' }] };
    case 'CREATE':
    case 'TMPFILE': {
      const { entry, open } = decodeReplyBody(op, body);
      return { lookups: [entry.nodeid], handles: [{ fh: open.fh, op: 'RELEASE' }] };
    }
    case 'WALK':
      return { lookups: decodeWalk(body).steps.map((step) => step.entry.nodeid), handles: [] };
    case 'FOLLOW': {
      const steps = decodeFollowed(body).flatMap(({ walk }) => decodeWalk(walk).steps);
      return { lookups: steps.map((step) => step.entry.nodeid), handles: [] };
    }
    case 'READDIRPLUS':
      return { lookups: readDirentsPlus(body).map(({ entry }) => entry.nodeid), handles: [] };
    default:
      return NOTHING;
  }
}

/** Those of a compound's parts that were carried out; handles that the compound itself released are none. */
export function leftoversOfCompound(ops: readonly OpName[], body: Buffer): Leftovers {
  const parts = [...new CompoundResult(body, ops).succeeded()];
  const all = parts.map(({ op, body: part }) => leftoversOf(op, part));
  const released = parts.some(({ op }) => op === 'RELEASE' || op === 'RELEASEDIR');
  return {
    lookups: all.flatMap((part) => part.lookups),
    handles: released ? [] : all.flatMap((part) => part.handles),
  };
}
