import type { NodeId, Unique } from './brand';
import { ErrnoError } from './errno';
import { FrameError } from './frame';
import {
  AttrOut,
  EntryOut,
  INIT_IN_COMPAT_SIZE,
  InHeader,
  InitIn,
  InitOut,
  Kstatfs,
  OutHeader,
} from './fuse';
import { type InOf, type OpName, type OutOf, opByCode, ops } from './opcodes';
import type { Struct } from './struct';

/** What INIT agreed on that changes the layout of later frames. */
export interface Dialect {
  readonly minor: number;
  /** fuse_setxattr_in has its second half (FUSE_SETXATTR_EXT). */
  readonly setxattrExt: boolean;
}

/** Everything of today; what our own client speaks. */
export const NEWEST: Dialect = { minor: 45, setxattrExt: true };

/** A request, decoded. `names` and `data` share the frame's memory. */
export interface Request<K extends OpName = OpName> {
  readonly op: K;
  readonly header: InHeader;
  readonly in: InOf<K>;
  readonly names: readonly Buffer[];
  readonly data: Buffer;
  /** Supplementary groups of the caller, from a fuse_supp_groups extension (7.38). */
  readonly groups?: readonly number[];
}

const NOTHING = Buffer.alloc(0);

/** Size of an operation's fixed part in a dialect (the FUSE_COMPAT_*_SIZE of linux/fuse.h). */
function inSize(op: OpName, fixed: Struct<unknown>, dialect: Dialect): number {
  if (op === 'WRITE' && dialect.minor < 9) return 24;
  if (op === 'READ' && dialect.minor < 9) return 24;
  if (op === 'MKNOD' && dialect.minor < 12) return 8;
  if (op === 'SETXATTR' && !dialect.setxattrExt) return 8;
  return fixed.size;
}

/** Reads a fixed part that may be shorter in an older dialect: what is missing reads as zeros. */
function readFixed(fixed: Struct<unknown>, body: Buffer, size: number): unknown {
  if (body.length < size) {
    throw new ErrnoError('EINVAL', `${fixed.name} needs ${size} bytes, the request has ${body.length}`);
  }
  if (size === fixed.size) return fixed.read(body, 0);
  const whole = Buffer.alloc(fixed.size);
  body.copy(whole, 0, 0, size);
  return fixed.read(whole, 0);
}

/** The header of a request frame. Throws FrameError: without it nobody can be answered. */
export function decodeHeader(frame: Buffer): InHeader {
  if (frame.length < InHeader.size)
    throw new FrameError(`a request of ${frame.length} bytes has no whole header`);
  const header = InHeader.read(frame, 0);
  if (header.len !== frame.length) {
    throw new FrameError(`a request says ${header.len} bytes and has ${frame.length}`);
  }
  return header;
}

/**
 * Decodes a request behind its header. Throws ErrnoError ENOSYS for an unknown opcode and EINVAL for a body that is
 * not of the operation's form: the caller answers that to the header's unique.
 */
export function decodeRequest(frame: Buffer, header: InHeader, dialect: Dialect): Request {
  const op = opByCode(header.opcode);
  if (op === undefined) throw new ErrnoError('ENOSYS', `opcode ${header.opcode}`);
  const spec = ops[op];
  const end = frame.length - header.total_extlen * 8;
  if (end < InHeader.size) throw new ErrnoError('EINVAL', 'the extensions are longer than the request');
  let body = frame.subarray(InHeader.size, end);
  const groups = header.total_extlen === 0 ? undefined : suppGroups(frame.subarray(end));

  let fixed: unknown;
  if (op === 'INIT') {
    fixed = readFixed(
      InitIn,
      body,
      body.length >= InitIn.size ? InitIn.size : Math.min(body.length, INIT_IN_COMPAT_SIZE),
    );
    if (body.length < 8) throw new ErrnoError('EINVAL', 'INIT without a version');
    body = NOTHING;
  } else if (spec.in !== undefined) {
    const size = inSize(op, spec.in, dialect);
    fixed = readFixed(spec.in, body, size);
    body = body.subarray(size);
  }
  const names: Buffer[] = [];
  for (let i = 0; i < spec.names; i++) {
    const nul = body.indexOf(0);
    if (nul < 0) throw new ErrnoError('EINVAL', `${op} without the end of its name`);
    names.push(body.subarray(0, nul));
    body = body.subarray(nul + 1);
  }
  if (spec.tail === 'none' && body.length > 0 && op !== 'INIT') {
    throw new ErrnoError('EINVAL', `${op} with ${body.length} bytes too many`);
  }
  // The table gives `in` its type per operation; the switch over names in the handlers brings it back.
  return { op, header, in: fixed as never, names, data: body, ...(groups && { groups }) };
}

/** Type of the extension that carries supplementary groups (FUSE_EXT_GROUPS). */
const EXT_GROUPS = 32;

function suppGroups(extensions: Buffer): number[] | undefined {
  let at = 0;
  while (at + 8 <= extensions.length) {
    const size = extensions.readUInt32LE(at);
    const type = extensions.readUInt32LE(at + 4);
    if (size < 8 || at + size > extensions.length)
      throw new ErrnoError('EINVAL', 'an extension of the wrong size');
    if (type === EXT_GROUPS) {
      if (size < 12) throw new ErrnoError('EINVAL', 'an extension of the wrong size');
      const count = extensions.readUInt32LE(at + 8);
      if (12 + count * 4 > size)
        throw new ErrnoError('EINVAL', 'more groups than the extension has room for');
      return Array.from({ length: count }, (_, i) => extensions.readUInt32LE(at + 12 + i * 4));
    }
    at += (size + 7) & ~7;
  }
  return undefined;
}

/** The caller a request speaks for; our own client leaves it zero (the agent's user). */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}
const NOBODY: Caller = { uid: 0, gid: 0, pid: 0 };

/** Encodes a request of the newest dialect as one frame. */
export function encodeRequest<K extends OpName>(
  op: K,
  unique: Unique,
  nodeid: NodeId,
  fixed: InOf<K>,
  names: readonly Buffer[] = [],
  data: Buffer = NOTHING,
  caller: Caller = NOBODY,
): Buffer {
  const spec = ops[op];
  if (names.length !== spec.names) throw new TypeError(`${op} takes ${spec.names} names`);
  const inStruct = spec.in as Struct<unknown> | undefined;
  let size = InHeader.size + (inStruct?.size ?? 0) + data.length;
  for (const name of names) size += name.length + 1;
  const frame = Buffer.allocUnsafe(size);
  InHeader.write(frame, 0, { len: size, opcode: spec.code, unique, nodeid, ...caller, total_extlen: 0 });
  let at = InHeader.size;
  if (inStruct !== undefined) {
    inStruct.write(frame, at, fixed);
    at += inStruct.size;
  }
  for (const name of names) {
    if (name.includes(0)) throw new ErrnoError('EINVAL', 'a name with a NUL byte');
    at += name.copy(frame, at);
    frame[at++] = 0;
  }
  data.copy(frame, at);
  return frame;
}

/** The body of a successful reply, in the sizes that the dialect's client expects. */
export function encodeReplyBody<K extends OpName>(
  op: K,
  value: OutOf<K>,
  dialect: Dialect,
): Buffer | undefined {
  const out = ops[op].out as Struct<unknown> | 'bytes' | 'empty' | 'none';
  if (out === 'empty' || out === 'none') return undefined;
  if (out === 'bytes') return value as Buffer;
  const body = out.encode(value);
  return dialect.minor >= 23 ? body : olderBody(out, body, dialect.minor);
}

/** FUSE_COMPAT_ENTRY_OUT_SIZE and the like: older clients take exactly the size they know. */
function olderBody(out: Struct<unknown>, body: Buffer, minor: number): Buffer {
  if ((out as unknown) === InitOut) return body.subarray(0, minor < 5 ? 8 : 24);
  if ((out as unknown) === Kstatfs) return minor < 4 ? body.subarray(0, 48) : body;
  if (minor >= 9) return body;
  if ((out as unknown) === EntryOut) return body.subarray(0, 120);
  if ((out as unknown) === AttrOut) return body.subarray(0, 96);
  return body;
}

export interface ReplyHeader {
  readonly unique: Unique;
  /** 0 or -errno; a notification's code where unique is 0. */
  readonly error: number;
  readonly body: Buffer;
}

/** The header and the body of a frame from the server. Throws FrameError where it is not one. */
export function decodeReply(frame: Buffer): ReplyHeader {
  if (frame.length < OutHeader.size)
    throw new FrameError(`a reply of ${frame.length} bytes has no whole header`);
  const header = OutHeader.read(frame, 0);
  if (header.len !== frame.length)
    throw new FrameError(`a reply says ${header.len} bytes and has ${frame.length}`);
  const body = frame.subarray(OutHeader.size);
  if (header.unique !== 0n) {
    if (header.error > 0 || header.error <= -512) throw new FrameError(`a reply with error ${header.error}`);
    if (header.error !== 0 && body.length > 0) throw new FrameError('a reply with an error and a body');
  }
  return { unique: header.unique, error: header.error, body };
}

/** Decodes a successful reply's body; one of the wrong size is EIO for that request. */
export function decodeReplyBody<K extends OpName>(op: K, body: Buffer): OutOf<K> {
  const out = ops[op].out as Struct<unknown> | 'bytes' | 'empty' | 'none';
  if (out === 'bytes') return body as OutOf<K>;
  if (out === 'empty' || out === 'none') {
    if (body.length > 0)
      throw new ErrnoError('EIO', `${op} was answered with ${body.length} bytes, none belong there`);
    return undefined as OutOf<K>;
  }
  if (body.length !== out.size) {
    throw new ErrnoError('EIO', `${op} was answered with ${body.length} bytes instead of ${out.size}`);
  }
  return out.decode(body) as OutOf<K>;
}
