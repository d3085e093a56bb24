import { ROOT_ID, type Fh, type NodeId } from '../../protocol/brand';
import { decodeCompound, encodeCompoundReply, type CompoundPart } from '../../protocol/compound';
import { ErrnoError, errnoOf } from '../../protocol/errno';
import { encodeReplyFrame } from '../../protocol/frame';
import { InHeader } from '../../protocol/fuse';
import { decodeHeader, decodeRequest, encodeReplyBody, type Request } from '../../protocol/message';
import { ops } from '../../protocol/opcodes';
import type { Struct } from '../../protocol/struct';
import { decodeWalk } from '../../protocol/walk';
import type { ClientState } from '../connection/handler';

/** What later requests of the same compound may take from one that is done. */
interface Found {
  nodeid?: NodeId;
  fh?: Fh;
  name?: Buffer;
}

/**
 * Carries out the requests of a COMPOUND one after another, filling in what earlier ones found; stops at the first
 * error. The reply holds the replies of those that were done. (After the fuse_compound proposal; ours counts nothing twice.)
 */
export async function runCompound(
  session: ClientState,
  request: Request<'COMPOUND'>,
  perform: (part: Request) => unknown,
): Promise<Buffer> {
  const parts = decodeCompound(request.in, request.data);
  const found: Found[] = [];
  const replies: Buffer[] = [];
  let room = session.agreement.maxFrame;
  for (const part of parts) {
    const { header, frame } = filledIn(part, found);
    try {
      if (header.opcode === ops.COMPOUND.code) throw new ErrnoError('EINVAL', 'a compound in a compound');
      const inner = named(decodeRequest(frame, header, session.agreement.dialect), part, found);
      const value = await perform(inner);
      const body = encodeReplyBody(inner.op, value as never, session.agreement.dialect);
      room -= body?.length ?? 0;
      if (room < 0) throw new ErrnoError('EOVERFLOW', 'the reply of a compound is larger than a frame');
      replies.push(encodeReplyFrame(header.unique, 0, body));
      const result = findings(inner, value);
      found.push(result);
      if (result === ENDED) break;
    } catch (error) {
      replies.push(encodeReplyFrame(header.unique, -errnoOf(error)));
      break;
    }
  }
  return encodeCompoundReply(replies);
}

/** A walk that did not arrive: its own reply says why, and nothing follows it. */
const ENDED: Found = {};

function filledIn(part: CompoundPart, found: readonly Found[]): { header: InHeader; frame: Buffer } {
  const { frame, sub } = part;
  if (sub.nodeid_from > 0) {
    frame.writeBigUInt64LE(found[sub.nodeid_from - 1]?.nodeid ?? 0n, InHeader.offsetOf('nodeid'));
  }
  if (sub.fh_from > 0) writeField(frame, 'fh', found[sub.fh_from - 1]?.fh ?? 0n);
  if (sub.newdir_from > 0) writeField(frame, 'newdir', found[sub.newdir_from - 1]?.nodeid ?? 0n);
  return { header: decodeHeader(frame), frame };
}

/** Puts a handle or a node where the operation's body has it. */
function writeField(frame: Buffer, name: 'fh' | 'newdir', value: bigint): void {
  const opcode = frame.readUInt32LE(InHeader.offsetOf('opcode'));
  const spec = Object.values(ops).find((candidate) => candidate.code === opcode);
  const fixed: Struct<unknown> | undefined = spec?.in;
  const at = fixed?.layout.find((place) => place.name === name)?.at;
  if (at === undefined || InHeader.size + at + 8 > frame.length) return;
  frame.writeBigUInt64LE(value, InHeader.size + at);
}

function named(inner: Request, part: CompoundPart, found: readonly Found[]): Request {
  if (part.sub.name_from === 0) return inner;
  const name = found[part.sub.name_from - 1]?.name;
  if (name === undefined) throw new ErrnoError('EINVAL', 'the request a name was to come from found none');
  return { ...inner, names: [name, ...inner.names.slice(1)] };
}

function findings(request: Request, value: unknown): Found {
  if (request.op === 'WALK') {
    const walked = decodeWalk(value as Buffer);
    if (walked.error !== 0) return ENDED;
    const name = walked.steps.at(-1)?.name;
    return { nodeid: walked.nodeid, ...(name && { name }) };
  }
  const reply = value as
    | { nodeid?: NodeId; fh?: Fh; entry?: { nodeid: NodeId }; open?: { fh: Fh } }
    | undefined;
  if (reply === undefined || Buffer.isBuffer(reply)) return {};
  const nodeid = reply.nodeid ?? reply.entry?.nodeid;
  const fh = reply.fh ?? reply.open?.fh;
  return { ...(nodeid !== undefined && nodeid >= ROOT_ID && { nodeid }), ...(fh !== undefined && { fh }) };
}
