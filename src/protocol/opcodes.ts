import * as fuse from './fuse';
import * as lm from './livemount';
import type { Struct } from './struct';

/** What a reply carries: a struct, bytes of any length up to what was asked, nothing, or there is no reply at all. */
type Out = Struct<unknown> | 'bytes' | 'empty' | 'none';
/** What stands behind the fixed part and the names of a request: nothing, or bytes. */
type Tail = 'none' | 'bytes';

export interface Op {
  readonly code: number;
  /** The fixed part of the body. */
  readonly in: Struct<unknown> | undefined;
  /** NUL-terminated byte strings behind it. */
  readonly names: number;
  readonly tail: Tail;
  readonly out: Out;
  /** Does not change anything on the host: a repeat after a reconnect is simply done again. */
  readonly repeatable: boolean;
}

interface OpSpec<I, O> {
  in?: Struct<I>;
  names?: number;
  tail?: Tail;
  out: Struct<O> | 'bytes' | 'empty' | 'none';
  repeatable?: boolean;
}

export interface TypedOp<I, O> extends Op {
  /** Types only, never set: what `in` and `out` are made of. */
  readonly types?: { readonly in: I; readonly out: O };
}

/** An operation with a struct reply, or one of the others. */
function op<I = undefined, O = undefined>(code: number, spec: OpSpec<I, O>): TypedOp<I, O> {
  return {
    code,
    in: spec.in as Struct<unknown> | undefined,
    names: spec.names ?? 0,
    tail: spec.tail ?? 'none',
    out: spec.out as Out,
    repeatable: spec.repeatable ?? false,
  };
}
/** An operation whose reply is bytes. */
function bytesOp<I = undefined>(code: number, spec: Omit<OpSpec<I, Buffer>, 'out'>): TypedOp<I, Buffer> {
  return op<I, Buffer>(code, { ...spec, out: 'bytes' });
}

const again = { repeatable: true } as const;

/**
 * Every operation, once: codec, dispatch, the documentation's table and the tests are made from this.
 * Numbers and bodies: enum fuse_opcode and the structs of linux/fuse.h; from LM_BASE up they are ours.
 */
export const ops = {
  LOOKUP: op(1, { names: 1, out: fuse.EntryOut }),
  FORGET: op(2, { in: fuse.ForgetIn, out: 'none' }),
  GETATTR: op(3, { in: fuse.GetattrIn, out: fuse.AttrOut, ...again }),
  SETATTR: op(4, { in: fuse.SetattrIn, out: fuse.AttrOut }),
  READLINK: bytesOp(5, again),
  SYMLINK: op(6, { names: 2, out: fuse.EntryOut }),
  MKNOD: op(8, { in: fuse.MknodIn, names: 1, out: fuse.EntryOut }),
  MKDIR: op(9, { in: fuse.MkdirIn, names: 1, out: fuse.EntryOut }),
  UNLINK: op(10, { names: 1, out: 'empty' }),
  RMDIR: op(11, { names: 1, out: 'empty' }),
  RENAME: op(12, { in: fuse.RenameIn, names: 2, out: 'empty' }),
  LINK: op(13, { in: fuse.LinkIn, names: 1, out: fuse.EntryOut }),
  OPEN: op(14, { in: fuse.OpenIn, out: fuse.OpenOut }),
  READ: bytesOp(15, { in: fuse.ReadIn, ...again }),
  WRITE: op(16, { in: fuse.WriteIn, tail: 'bytes', out: fuse.WriteOut }),
  STATFS: op(17, { out: fuse.Kstatfs, ...again }),
  RELEASE: op(18, { in: fuse.ReleaseIn, out: 'empty' }),
  FSYNC: op(20, { in: fuse.FsyncIn, out: 'empty', ...again }),
  SETXATTR: op(21, { in: fuse.SetxattrIn, names: 1, tail: 'bytes', out: 'empty' }),
  GETXATTR: bytesOp(22, { in: fuse.GetxattrIn, names: 1, ...again }),
  LISTXATTR: bytesOp(23, { in: fuse.GetxattrIn, ...again }),
  REMOVEXATTR: op(24, { names: 1, out: 'empty' }),
  FLUSH: op(25, { in: fuse.FlushIn, out: 'empty', ...again }),
  INIT: op(26, { in: fuse.InitIn, out: fuse.InitOut, ...again }),
  OPENDIR: op(27, { in: fuse.OpenIn, out: fuse.OpenOut }),
  READDIR: bytesOp(28, { in: fuse.ReadIn, ...again }),
  RELEASEDIR: op(29, { in: fuse.ReleaseIn, out: 'empty' }),
  FSYNCDIR: op(30, { in: fuse.FsyncIn, out: 'empty', ...again }),
  GETLK: op(31, { in: fuse.LkIn, out: fuse.LkOut, ...again }),
  SETLK: op(32, { in: fuse.LkIn, out: 'empty' }),
  SETLKW: op(33, { in: fuse.LkIn, out: 'empty' }),
  ACCESS: op(34, { in: fuse.AccessIn, out: 'empty', ...again }),
  CREATE: op(35, { in: fuse.CreateIn, names: 1, out: fuse.CreateOut }),
  INTERRUPT: op(36, { in: fuse.InterruptIn, out: 'none' }),
  BMAP: op(37, { in: fuse.BmapIn, out: fuse.BmapOut, ...again }),
  DESTROY: op(38, { out: 'empty' }),
  IOCTL: bytesOp(39, { in: fuse.IoctlIn, tail: 'bytes' }),
  POLL: op(40, { in: fuse.PollIn, out: fuse.PollOut, ...again }),
  NOTIFY_REPLY: op(41, { tail: 'bytes', out: 'none' }),
  BATCH_FORGET: op(42, { in: fuse.BatchForgetIn, tail: 'bytes', out: 'none' }),
  FALLOCATE: op(43, { in: fuse.FallocateIn, out: 'empty' }),
  READDIRPLUS: bytesOp(44, { in: fuse.ReadIn }),
  RENAME2: op(45, { in: fuse.Rename2In, names: 2, out: 'empty' }),
  LSEEK: op(46, { in: fuse.LseekIn, out: fuse.LseekOut, ...again }),
  COPY_FILE_RANGE: op(47, { in: fuse.CopyFileRangeIn, out: fuse.WriteOut }),
  SYNCFS: op(50, { in: fuse.SyncfsIn, out: 'empty', ...again }),
  TMPFILE: op(51, { in: fuse.CreateIn, names: 1, out: fuse.CreateOut }),
  STATX: op(52, { in: fuse.StatxIn, out: fuse.StatxOut, ...again }),
  COPY_FILE_RANGE_64: op(53, { in: fuse.CopyFileRangeIn, out: fuse.CopyFileRangeOut }),

  COMPOUND: bytesOp(lm.LM_BASE + 1, { in: lm.CompoundIn, tail: 'bytes' }),
  WALK: bytesOp(lm.LM_BASE + 2, { in: lm.WalkIn, names: 1 }),
  FSNOTIFY_UPDATE: op(lm.LM_BASE + 3, {
    in: lm.FsnotifyUpdateIn,
    tail: 'bytes',
    out: lm.FsnotifyUpdateOut,
    ...again,
  }),
  REPLACE: op(lm.LM_BASE + 4, { in: lm.ReplaceIn, names: 1, out: lm.ReplaceOut }),
  RESUME: op(lm.LM_BASE + 5, { in: lm.ResumeIn, tail: 'bytes', out: lm.ResumeOut, ...again }),
  REMOVE: op(lm.LM_BASE + 6, { in: lm.RemoveIn, names: 1, tail: 'bytes', out: 'empty' }),
  COPY: op(lm.LM_BASE + 7, { in: lm.CopyIn, names: 2, out: fuse.EntryOut }),
  SBSTAT: op(lm.LM_BASE + 8, { in: lm.SbstatIn, out: lm.SbstatOut, ...again }),
  RECOVER: bytesOp(lm.LM_BASE + 9, { in: lm.RecoverIn }),
  FOLLOW: bytesOp(lm.LM_BASE + 10, { in: lm.FollowIn }),
  REREAD: bytesOp(lm.LM_BASE + 11, { in: lm.RereadIn, ...again }),

  PROCESS_START: op(lm.LM_BASE + 32, {
    in: lm.ProcessStartIn,
    names: 1,
    tail: 'bytes',
    out: lm.ProcessStartOut,
  }),
  PROCESS_WRITE: op(lm.LM_BASE + 33, {
    in: lm.ProcessWriteIn,
    tail: 'bytes',
    out: lm.ProcessWriteOut,
    ...again,
  }),
  PROCESS_CREDIT: op(lm.LM_BASE + 34, { in: lm.ProcessCreditIn, out: 'none' }),
  PROCESS_RESIZE: op(lm.LM_BASE + 35, { in: lm.ProcessResizeIn, out: 'empty', ...again }),
  PROCESS_SIGNAL: op(lm.LM_BASE + 36, { in: lm.ProcessSignalIn, out: 'empty' }),
  PROCESS_RELEASE: op(lm.LM_BASE + 37, { in: lm.ProcessReleaseIn, out: 'empty', ...again }),
  PROCESS_ADOPT: op(lm.LM_BASE + 38, { in: lm.ProcessAdoptIn, out: lm.ProcessAdoptOut }),
  PROCESS_ANSWER: op(lm.LM_BASE + 39, { in: lm.ProcessAnswerIn, tail: 'bytes', out: 'empty' }),
  PROCESS_PORTS: bytesOp(lm.LM_BASE + 40, again),
} as const;

export type OpName = keyof typeof ops;
type TypesOf<K extends OpName> =
  (typeof ops)[K] extends TypedOp<infer I, infer O> ? { in: I; out: O } : never;
/** The fixed part of an operation's request. */
export type InOf<K extends OpName> = TypesOf<K>['in'];
/** What an operation's reply carries: a struct's value, bytes, or undefined. */
export type OutOf<K extends OpName> = TypesOf<K>['out'];

const byCode = new Map<number, OpName>((Object.keys(ops) as OpName[]).map((name) => [ops[name].code, name]));

/** The operation an opcode stands for, or undefined: the server answers ENOSYS. */
export function opByCode(code: number): OpName | undefined {
  return byCode.get(code);
}

/** Notification codes (fuse_out_header.error of a reply with unique 0). */
export const Notify = {
  POLL: 1,
  INVAL_INODE: 2,
  INVAL_ENTRY: 3,
  STORE: 4,
  RETRIEVE: 5,
  DELETE: 6,
  RESEND: 7,
  INC_EPOCH: 8,
  PRUNE: 9,
  FSNOTIFY: lm.LM_BASE + 1,
  MOUNT: lm.LM_BASE + 2,
  FS_ERROR: lm.LM_BASE + 3,
  PROGRESS: lm.LM_BASE + 4,
  PROCESS_OUTPUT: lm.LM_BASE + 32,
  PROCESS_TAKEN: lm.LM_BASE + 33,
  PROCESS_EXIT: lm.LM_BASE + 34,
  PROCESS_ASK: lm.LM_BASE + 35,
} as const;
