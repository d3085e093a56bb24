import type { Fh, NodeId } from '../../protocol/brand';
import { readDirentsPlus } from '../../protocol/dirent';
import { decodeFollowed } from '../../protocol/follow';
import { CreateOut, EntryOut, OpenOut } from '../../protocol/fuse';
import { ReplaceOut } from '../../protocol/livemount';
import { type OpName, ops } from '../../protocol/opcodes';
import { decodeTrees } from '../../protocol/trees';
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
  switch (ops[op].gives) {
    case 'entry':
      return { lookups: [EntryOut.decode(body).nodeid], handles: [] };
    case 'replaced':
      return { lookups: [ReplaceOut.decode(body).entry.nodeid], handles: [] };
    case 'file':
      return { lookups: [], handles: [{ fh: OpenOut.decode(body).fh, op: 'RELEASE' }] };
    case 'directory':
      return { lookups: [], handles: [{ fh: OpenOut.decode(body).fh, op: 'RELEASEDIR' }] };
    case 'entry and file': {
      const { entry, open } = CreateOut.decode(body);
      return { lookups: [entry.nodeid], handles: [{ fh: open.fh, op: 'RELEASE' }] };
    }
    case 'walk':
      return { lookups: decodeWalk(body).steps.map((step) => step.entry.nodeid), handles: [] };
    case 'links': {
      const steps = decodeFollowed(body).flatMap(({ walk }) => decodeWalk(walk).steps);
      return { lookups: steps.map((step) => step.entry.nodeid), handles: [] };
    }
    case 'listing':
      return { lookups: readDirentsPlus(body).map(({ entry }) => entry.nodeid), handles: [] };
    case 'trees': {
      const entries = decodeTrees(body).flatMap((directory) => readDirentsPlus(directory.body));
      return { lookups: entries.map(({ entry }) => entry.nodeid), handles: [] };
    }
    case undefined:
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
