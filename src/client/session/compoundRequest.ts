import { NO_FH, type NodeId, type Unique } from '../../protocol/brand';
import {
  type CompoundPart,
  type CompoundReply,
  decodeCompoundReply,
  encodeCompound,
} from '../../protocol/compound';
import { ErrnoError } from '../../protocol/errno';
import { COMPOUND_MAX, type CompoundSub, WALK_FOLLOW } from '../../protocol/livemount';
import { decodeReplyBody, encodeRequest } from '../../protocol/message';
import { changesHost, type InOf, type OpName, type OutOf } from '../../protocol/opcodes';
import { decodeWalk } from '../../protocol/walk';
import { bytesOf } from '../../protocol/names';

/** A request in a compound, and the place of its reply. */
export interface Part<K extends OpName> {
  readonly index: number;
  readonly op: K;
}

/** Which earlier parts fill in what this one does not know yet. */
export interface Sources {
  readonly nodeid?: Part<OpName>;
  readonly fh?: Part<OpName>;
  readonly name?: Part<OpName>;
  /** The node for the body's `newdir`. */
  readonly newdir?: Part<OpName>;
}

interface Planned {
  readonly op: OpName;
  readonly encode: (unique: Unique) => CompoundPart;
}

/** Several requests that travel in one frame; the server does them in order and stops at the first error. */
export class CompoundRequest {
  private readonly planned: Planned[] = [];

  get size(): number {
    return this.planned.length;
  }

  get ops(): readonly OpName[] {
    return this.planned.map((part) => part.op);
  }

  /** Some part of it changes the host. */
  get changes(): boolean {
    return this.planned.some((part) => changesHost(part.op));
  }

  /** Adds a request. `nodeid`, `fh` (in `fixed`) and the first name may be placeholders where `from` names a source. */
  add<K extends OpName>(
    op: K,
    nodeid: NodeId,
    fixed: InOf<K>,
    rest: { names?: readonly Buffer[]; data?: Buffer; from?: Sources } = {},
  ): Part<K> {
    if (this.planned.length === COMPOUND_MAX) throw new RangeError(`more than ${COMPOUND_MAX} parts`);
    const { names, data, from } = rest;
    const sub: CompoundSub = {
      nodeid_from: oneBased(from?.nodeid),
      fh_from: oneBased(from?.fh),
      name_from: oneBased(from?.name),
      newdir_from: oneBased(from?.newdir),
    };
    this.planned.push({
      op,
      encode: (unique) => ({ sub, frame: encodeRequest(op, unique, nodeid, fixed, names, data) }),
    });
    return { index: this.planned.length - 1, op };
  }

  /** Adds the WALK to what lies below a node, links followed; nothing where the node itself is meant. */
  addWalk(nodeid: NodeId, rest: readonly string[]): Part<'WALK'> | undefined {
    if (rest.length === 0) return undefined;
    return this.add('WALK', nodeid, { flags: WALK_FOLLOW }, { names: [bytesOf(rest.join('/'))] });
  }

  /** The tail of the COMPOUND; every part carries the unique of the whole, so that its progress can be told. */
  encode(unique: Unique): Buffer {
    return encodeCompound(this.planned.map((part) => part.encode(unique)));
  }
}

function oneBased(part: Part<OpName> | undefined): number {
  return part === undefined ? 0 : part.index + 1;
}

/** The replies of a compound, by part. */
export class CompoundResult {
  private readonly replies: readonly CompoundReply[];

  constructor(
    body: Buffer,
    private readonly ops: readonly OpName[],
  ) {
    this.replies = decodeCompoundReply(body);
    if (this.replies.length > ops.length) {
      throw new ErrnoError('EIO', 'a compound was answered with more replies than it has requests');
    }
  }

  /** The part was carried out and succeeded (a WALK: it was answered, whether or not it arrived). */
  has(part: Part<OpName>): boolean {
    return this.replies[part.index]?.error === 0;
  }

  /** A part's reply; throws its error, or that of the earlier part which ended the compound. EIO for a bad reply. */
  get<K extends OpName>(part: Part<K>): OutOf<K> {
    const reply = this.replies[part.index];
    if (reply === undefined) throw this.ending();
    if (reply.error !== 0) throw new ErrnoError(-reply.error, part.op);
    return decodeReplyBody(part.op, reply.body);
  }

  /** Why the compound went no further than it did. */
  private ending(): ErrnoError {
    const index = this.replies.length - 1;
    const last = this.replies[index];
    const op = this.ops[index];
    if (last === undefined || op === undefined) return new ErrnoError('EIO', 'a compound without a reply');
    if (last.error !== 0) return new ErrnoError(-last.error, op);
    const walked = op === 'WALK' ? decodeWalk(last.body).error : 0;
    if (walked !== 0) return new ErrnoError(-walked, 'WALK');
    return new ErrnoError('EIO', 'a compound ended before its end');
  }

  /** Each part that succeeded, with its body. */
  *succeeded(): Generator<{ op: OpName; body: Buffer }, void, void> {
    for (const [index, reply] of this.replies.entries()) {
      const op = this.ops[index];
      if (reply.error === 0 && op !== undefined) yield { op, body: reply.body };
    }
  }
}

/** The `fh` of a body that a compound fills in. */
export const FILLED_IN = NO_FH;
