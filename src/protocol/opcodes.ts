import * as fuse from './fuse';
import * as lm from './livemount';
import type { Struct } from './struct';

/** What a reply carries: a struct, bytes of any length up to what was asked, nothing, or there is no reply at all. */
type Out = Struct<unknown> | 'bytes' | 'empty' | 'none';
/** What stands behind the fixed part and the names of a request: nothing, or bytes. */
type Tail = 'none' | 'bytes';

/**
 * What an operation that succeeds changes on the host, as an event of the name or object that it is about would say. 'unseen':
 * it changes something that no event of this kind tells of. Nobody may guess whether such an operation happened: it waits
 * for the link as long as it takes, and when the session is lost its outcome is said to be unknown.
 */
export type HostChange = 'create' | 'delete' | 'modify' | 'attrib' | 'rename' | 'unseen';

/**
 * What a reply hands to the client, which is to give it back: lookups ('entry' one, 'walk', 'links' and 'listing' many), an
 * open file or directory, or both.
 */
export type Gift =
  | 'entry'
  | 'file'
  | 'directory'
  | 'entry and file'
  | 'replaced'
  | 'walk'
  | 'links'
  | 'listing'
  | 'trees';

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
  /** Undefined: nothing that others see. (TMPFILE changes nothing: its file has no name.) */
  readonly changes: HostChange | undefined;
  /** Undefined: nothing. */
  readonly gives: Gift | undefined;
}

interface OpSpec<I, O> {
  in?: Struct<I>;
  names?: number;
  tail?: Tail;
  out: Struct<O> | 'bytes' | 'empty' | 'none';
  repeatable?: boolean;
  changes?: HostChange;
  gives?: Gift;
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
    changes: spec.changes,
    gives: spec.gives,
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
  LOOKUP: op(1, { names: 1, out: fuse.EntryOut, gives: 'entry' }),
  FORGET: op(2, { in: fuse.ForgetIn, out: 'none' }),
  GETATTR: op(3, { in: fuse.GetattrIn, out: fuse.AttrOut, ...again }),
  SETATTR: op(4, { in: fuse.SetattrIn, out: fuse.AttrOut, changes: 'attrib' }),
  READLINK: bytesOp(5, again),
  SYMLINK: op(6, { names: 2, out: fuse.EntryOut, changes: 'create', gives: 'entry' }),
  MKNOD: op(8, { in: fuse.MknodIn, names: 1, out: fuse.EntryOut, changes: 'create', gives: 'entry' }),
  MKDIR: op(9, { in: fuse.MkdirIn, names: 1, out: fuse.EntryOut, changes: 'create', gives: 'entry' }),
  UNLINK: op(10, { names: 1, out: 'empty', changes: 'delete' }),
  RMDIR: op(11, { names: 1, out: 'empty', changes: 'delete' }),
  RENAME: op(12, { in: fuse.RenameIn, names: 2, out: 'empty', changes: 'rename' }),
  LINK: op(13, { in: fuse.LinkIn, names: 1, out: fuse.EntryOut, changes: 'create', gives: 'entry' }),
  OPEN: op(14, { in: fuse.OpenIn, out: fuse.OpenOut, gives: 'file' }),
  READ: bytesOp(15, { in: fuse.ReadIn, ...again }),
  WRITE: op(16, { in: fuse.WriteIn, tail: 'bytes', out: fuse.WriteOut, changes: 'modify' }),
  STATFS: op(17, { out: fuse.Kstatfs, ...again }),
  RELEASE: op(18, { in: fuse.ReleaseIn, out: 'empty' }),
  FSYNC: op(20, { in: fuse.FsyncIn, out: 'empty', ...again }),
  SETXATTR: op(21, { in: fuse.SetxattrIn, names: 1, tail: 'bytes', out: 'empty', changes: 'unseen' }),
  GETXATTR: bytesOp(22, { in: fuse.GetxattrIn, names: 1, ...again }),
  LISTXATTR: bytesOp(23, { in: fuse.GetxattrIn, ...again }),
  REMOVEXATTR: op(24, { names: 1, out: 'empty', changes: 'unseen' }),
  FLUSH: op(25, { in: fuse.FlushIn, out: 'empty', ...again }),
  INIT: op(26, { in: fuse.InitIn, out: fuse.InitOut, ...again }),
  OPENDIR: op(27, { in: fuse.OpenIn, out: fuse.OpenOut, gives: 'directory' }),
  READDIR: bytesOp(28, { in: fuse.ReadIn, ...again }),
  RELEASEDIR: op(29, { in: fuse.ReleaseIn, out: 'empty' }),
  FSYNCDIR: op(30, { in: fuse.FsyncIn, out: 'empty', ...again }),
  GETLK: op(31, { in: fuse.LkIn, out: fuse.LkOut, ...again }),
  SETLK: op(32, { in: fuse.LkIn, out: 'empty' }),
  SETLKW: op(33, { in: fuse.LkIn, out: 'empty' }),
  ACCESS: op(34, { in: fuse.AccessIn, out: 'empty', ...again }),
  CREATE: op(35, {
    in: fuse.CreateIn,
    names: 1,
    out: fuse.CreateOut,
    changes: 'create',
    gives: 'entry and file',
  }),
  INTERRUPT: op(36, { in: fuse.InterruptIn, out: 'none' }),
  BMAP: op(37, { in: fuse.BmapIn, out: fuse.BmapOut, ...again }),
  DESTROY: op(38, { out: 'empty' }),
  IOCTL: bytesOp(39, { in: fuse.IoctlIn, tail: 'bytes' }),
  POLL: op(40, { in: fuse.PollIn, out: fuse.PollOut, ...again }),
  NOTIFY_REPLY: op(41, { tail: 'bytes', out: 'none' }),
  BATCH_FORGET: op(42, { in: fuse.BatchForgetIn, tail: 'bytes', out: 'none' }),
  FALLOCATE: op(43, { in: fuse.FallocateIn, out: 'empty', changes: 'modify' }),
  READDIRPLUS: bytesOp(44, { in: fuse.ReadIn, gives: 'listing' }),
  RENAME2: op(45, { in: fuse.Rename2In, names: 2, out: 'empty', changes: 'rename' }),
  LSEEK: op(46, { in: fuse.LseekIn, out: fuse.LseekOut, ...again }),
  COPY_FILE_RANGE: op(47, { in: fuse.CopyFileRangeIn, out: fuse.WriteOut, changes: 'unseen' }),
  SYNCFS: op(50, { in: fuse.SyncfsIn, out: 'empty', ...again }),
  TMPFILE: op(51, { in: fuse.CreateIn, names: 1, out: fuse.CreateOut, gives: 'entry and file' }),
  STATX: op(52, { in: fuse.StatxIn, out: fuse.StatxOut, ...again }),
  COPY_FILE_RANGE_64: op(53, { in: fuse.CopyFileRangeIn, out: fuse.CopyFileRangeOut, changes: 'unseen' }),

  COMPOUND: bytesOp(lm.LM_BASE + 1, { in: lm.CompoundIn, tail: 'bytes' }),
  WALK: bytesOp(lm.LM_BASE + 2, { in: lm.WalkIn, names: 1, gives: 'walk' }),
  FSNOTIFY_UPDATE: op(lm.LM_BASE + 3, {
    in: lm.FsnotifyUpdateIn,
    tail: 'bytes',
    out: lm.FsnotifyUpdateOut,
    ...again,
  }),
  REPLACE: op(lm.LM_BASE + 4, {
    in: lm.ReplaceIn,
    names: 1,
    out: lm.ReplaceOut,
    changes: 'modify',
    gives: 'replaced',
  }),
  RESUME: op(lm.LM_BASE + 5, { in: lm.ResumeIn, tail: 'bytes', out: lm.ResumeOut, ...again }),
  REMOVE: op(lm.LM_BASE + 6, { in: lm.RemoveIn, names: 1, tail: 'bytes', out: 'empty', changes: 'delete' }),
  COPY: op(lm.LM_BASE + 7, {
    in: lm.CopyIn,
    names: 2,
    out: fuse.EntryOut,
    changes: 'create',
    gives: 'entry',
  }),
  SBSTAT: op(lm.LM_BASE + 8, { in: lm.SbstatIn, out: lm.SbstatOut, ...again }),
  RECOVER: bytesOp(lm.LM_BASE + 9, { in: lm.RecoverIn }),
  FOLLOW: bytesOp(lm.LM_BASE + 10, { in: lm.FollowIn, gives: 'links' }),
  REREAD: bytesOp(lm.LM_BASE + 11, { in: lm.RereadIn, ...again }),

  PROCESS_START: op(lm.LM_BASE + 32, {
    in: lm.ProcessStartIn,
    names: 1,
    tail: 'bytes',
    out: lm.ProcessStartOut,
    changes: 'unseen',
  }),
  PROCESS_WRITE: op(lm.LM_BASE + 33, {
    in: lm.ProcessWriteIn,
    tail: 'bytes',
    out: lm.ProcessWriteOut,
    ...again,
  }),
  PROCESS_CREDIT: op(lm.LM_BASE + 34, { in: lm.ProcessCreditIn, out: 'none' }),
  PROCESS_RESIZE: op(lm.LM_BASE + 35, { in: lm.ProcessResizeIn, out: 'empty', ...again }),
  PROCESS_SIGNAL: op(lm.LM_BASE + 36, { in: lm.ProcessSignalIn, out: 'empty', changes: 'unseen' }),
  PROCESS_RELEASE: op(lm.LM_BASE + 37, { in: lm.ProcessReleaseIn, out: 'empty', ...again }),
  PROCESS_ADOPT: op(lm.LM_BASE + 38, { in: lm.ProcessAdoptIn, out: lm.ProcessAdoptOut }),
  PROCESS_ANSWER: op(lm.LM_BASE + 39, { in: lm.ProcessAnswerIn, tail: 'bytes', out: 'empty' }),
  PROCESS_PORTS: bytesOp(lm.LM_BASE + 40, again),
  SEARCH: bytesOp(lm.LM_BASE + 48, { in: lm.FindIn, tail: 'bytes', ...again }),
  FILES: bytesOp(lm.LM_BASE + 49, { in: lm.FindIn, tail: 'bytes', ...again }),

  LIST_TREES: bytesOp(lm.LM_BASE + 64, { in: lm.ListTreesIn, tail: 'bytes', gives: 'trees' }),
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

/** The operation changes what others see of the host. */
export function changesHost(op: OpName): boolean {
  return ops[op].changes !== undefined;
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
  FOUND: lm.LM_BASE + 48,
} as const;
