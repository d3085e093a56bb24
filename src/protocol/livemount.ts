/**
 * Livemount's additions to the FUSE protocol: structs and constants. They are spoken only after INIT has agreed on
 * them (lm_magic, lm_version, lm_features in the unused words of fuse_init_in and fuse_init_out); a client that
 * sends zeros there, like the kernel, gets plain FUSE. Opcodes and notification codes start at LM_BASE.
 */
import type { Fh, Generation, Mask, NodeId, SuperblockId, Unique } from './brand';
import { EntryOut } from './fuse';
import { branded, bytes, i32, i64, struct, u16, u32, u64, type Value } from './struct';

/** 'LM' << 16: no opcode or notification of the kernel comes near. */
export const LM_BASE = 0x4c4d0000;
/** fuse_init_*.lm_magic: the bytes "LMNT". */
export const LM_MAGIC = 0x544e4d4c;
/** Raised when a layout below changes; both sides speak the lower one, or plain FUSE if they share none. */
export const LM_VERSION = 1;

/** lm_features: what a side can do; the reply holds the bits both have. */
export const Feature = {
  COMPOUND: 1 << 0,
  WALK: 1 << 1,
  FSNOTIFY: 1 << 2,
  REPLACE: 1 << 3,
  RESUME: 1 << 4,
  TREE: 1 << 5,
  /** Runs processes of the user's; only a daemon of the user's own offers it. */
  PROCESS: 1 << 8,
  /** Searches files and names; only an agent on the host offers it. */
  FIND: 1 << 7,
} as const;
export const ALL_FEATURES = Object.values(Feature).reduce((all, bit) => all | bit, 0);
/**
 * The client passes on what a kernel asks of it (`livemount mount`): new files have the umask that the request brings, a
 * nodeid means the file itself, with or without a name, and locks are taken on the host. It comes on top of all others.
 */
export const FEATURE_KERNEL = 1 << 16;
/** What every server of ours has; without the others a client does without. */
export const NEEDED_FEATURES = ALL_FEATURES & ~(Feature.PROCESS | Feature.FIND);

const nodeid = branded<NodeId>(u64);
const fh = branded<Fh>(u64);
const unique = branded<Unique>(u64);
const superblock = branded<SuperblockId>(u64);
const mask = branded<Mask>(u32);
const generation = branded<Generation>(u64);

/**
 * What tells two contents of a file apart (design: "it knows its own writes by their version").
 * ino is the host's st_ino; times are the host's, in ns since the epoch.
 */
export const Version = struct('lm_version', { ino: u64, size: u64, mtime_ns: i64, ctime_ns: i64 });
export type Version = Value<typeof Version>;

// COMPOUND ---------------------------------------------------------------------------------------------------------
/** Then `count` times: lm_compound_sub, a whole request (fuse_in_header + body), zeros to a multiple of 8. */
export const CompoundIn = struct('lm_compound_in', { count: u32, flags: u32 });
/**
 * Where a request takes what is not known yet. Each is 0 (none) or 1 + the index of an earlier request:
 * `nodeid_from` its entry's nodeid becomes this header's nodeid (WALK: the node it ended at);
 * `fh_from` its open's fh becomes this body's fh; `name_from` the name a WALK with WALK_PARENT ended at;
 * `newdir_from` as nodeid_from, for the body's newdir.
 */
export const CompoundSub = struct('lm_compound_sub', {
  nodeid_from: u16,
  fh_from: u16,
  name_from: u16,
  newdir_from: u16,
});
export type CompoundSub = Value<typeof CompoundSub>;
/** Then `count` whole replies (fuse_out_header + body), each padded to 8; the last may be an error, which ended it. */
export const CompoundOut = struct('lm_compound_out', { count: u32, flags: u32 });
/** Requests in one COMPOUND at most; more is EINVAL. */
export const COMPOUND_MAX = 64;

// WALK -------------------------------------------------------------------------------------------------------------
/** Then a path, '/' between names, NUL at the end; it starts at the header's nodeid ('/' first: at the root). */
export const WalkIn = struct('lm_walk_in', { flags: u32, _padding: u32 });
/** Follow a symbolic link at the end of the path (those before are always followed). */
export const WALK_FOLLOW = 1 << 0;
/** End at the directory that holds, or would hold, what the path names once links are followed (for saves). */
export const WALK_PARENT = 1 << 1;
/**
 * Then `count` steps. `error` is 0, or -errno: the walk ended there, and the steps show how far it came (a missing
 * name is a last step with nodeid 0). In a COMPOUND an error of the walk ends the compound, except that with
 * WALK_PARENT a missing last name is no error. Each step's nonzero nodeid counts one lookup.
 */
export const WalkOut = struct('lm_walk_out', { nodeid, count: u32, error: i32 });
/** Then the name, then (if it is a link that was read) its target, then zeros to a multiple of 8. */
export const WalkStep = struct('lm_walk_step', {
  parent: nodeid,
  entry: EntryOut,
  namelen: u16,
  targetlen: u16,
  _padding: u32,
});
/** Links followed in one walk at most (path_resolution(7)); more is ELOOP. */
export const WALK_LINKS_MAX = 40;

// FOLLOW, and reading a directory to its end -------------------------------------------------------------------------
/**
 * Follows the symbolic links among the entries that the last READDIRPLUS of `fh` told, each as a WALK would, in a reply
 * of `size` bytes at most. What is not answered in FOLLOW_MS, or does not fit, is left out.
 */
export const FollowIn = struct('lm_follow_in', { fh, size: u32, flags: u32 });
/** Then `count` times: lm_follow_link, the name, the reply of a WALK, zeros to a multiple of 8. */
export const FollowOut = struct('lm_follow_out', { count: u32, flags: u32 });
export const FollowLink = struct('lm_follow_link', { namelen: u32, walklen: u32 });
/** What leads to a mount that hangs must not hold a listing up, in ms. */
export const FOLLOW_MS = 500;
/**
 * fuse_release_in.release_flags of RELEASEDIR: only if READDIRPLUS has told all entries; else the answer is EAGAIN, and
 * the handle stays open.
 */
export const RELEASE_AT_END = 1 << 16;

// REREAD -----------------------------------------------------------------------------------------------------------
/**
 * Reads a file of which the client has the first `have` bytes, whose SHA-256 is `hash`. If the host's are the same, the
 * reply goes on behind them, else it begins at the start; it holds `size` bytes of the file at most.
 */
export const RereadIn = struct('lm_reread_in', { fh, have: u64, size: u32, flags: u32, hash: bytes(32) });
/** Then the bytes. */
export const RereadOut = struct('lm_reread_out', { flags: u32, _padding: u32 });
/** The first `have` bytes are what the client has. */
export const REREAD_SAME = 1 << 0;

// FSNOTIFY_UPDATE --------------------------------------------------------------------------------------------------
/** The aggregated masks of one superblock that changed; then `count` marks. */
export const FsnotifyUpdateIn = struct('lm_fsnotify_update_in', {
  sb: superblock,
  generation,
  count: u32,
  flags: u32,
});
/** All marks of this session on the superblock go first: the list is complete, not a change. */
export const UPDATE_RESET = 1 << 0;
/**
 * One object's aggregated mask; 0 removes the mark. Then the path below the superblock's root (empty: the root; it
 * need not exist yet), then the excludes (globs relative to that path, or absolute with the superblock's root as '/',
 * each with a NUL), then zeros to 8. EINVAL for excludes beyond the bounds of excludes.ts.
 */
export const FsnotifyMark = struct('lm_fsnotify_mark', {
  mask,
  flags: u32,
  pathlen: u32,
  excludeslen: u32,
});
/** The mark covers everything below the path on this superblock, not just the inode and its children. */
export const MARK_SUBTREE = 1 << 0;
/** Somebody looks at it: it is watched first when watches run short, and polled faster. */
export const MARK_VISIBLE = 1 << 1;
/** Acknowledges the generation in force; every event after `seq` is, or will be, told. */
export const FsnotifyUpdateOut = struct('lm_fsnotify_update_out', { generation, seq: u64 });

// FSNOTIFY notification --------------------------------------------------------------------------------------------
/** A batch of events of one superblock; then `count` events. */
export const FsnotifyOut = struct('lm_fsnotify_out', { sb: superblock, count: u32, flags: u32 });
/** The batch is replayed from the journal after a RESUME. */
export const BATCH_REPLAY = 1 << 0;
/**
 * One event: exactly one kind in `mask` (mask.ts; a rename is MOVED_FROM|MOVED_TO with both paths), and ISDIR.
 * `version` and `mode` are the object's when the event was sent (zeros: gone). Then path and path2 (the rename's
 * new name), both relative to the superblock's root, then zeros to 8.
 */
export const FsnotifyEvent = struct('lm_fsnotify_event', {
  seq: u64,
  time_ns: i64,
  version: Version,
  mask,
  mode: u32,
  flags: u32,
  pathlen: u16,
  path2len: u16,
});
/** With Q_OVERFLOW: what changed is not known any more below `path`; whoever keeps a copy compares it all. */
export const EVENT_FRESH = 1 << 0;
/** The event was found by comparing (after an overflow, or by polling), so its time is when it was seen. */
export const EVENT_COMPARED = 1 << 1;
/** Made by a request of another session through this agent. */
export const EVENT_PUBLISHED = 1 << 2;

// MOUNT notification -----------------------------------------------------------------------------------------------
/**
 * Then mountpoint, fstype, source, options, reason (UTF-8 but for the mountpoint and source), each as long as said; then
 * the directories below the superblock's root of which nothing is seen, each with a NUL ("" is the root itself): what
 * lies at or below them is not told of, so no watch vouches for it.
 */
export const MountOut = struct('lm_mount_out', {
  sb: superblock,
  parent: superblock,
  action: u32,
  flags: u32,
  major: u32,
  minor: u32,
  mount_id: u32,
  backend: u32,
  mountpointlen: u16,
  fstypelen: u16,
  sourcelen: u16,
  optionslen: u16,
  reasonlen: u16,
  unwatchedlen: u16,
  /** Where changes are found by comparing: how long that takes at most, in ms; 0: the host tells them. */
  poll_ms: u32,
});
/** A MOUNT record names that many unwatched directories, and no more bytes of them; what is beyond is named by what it lies in. */
export const UNWATCHED_PATHS = 64;
export const UNWATCHED_BYTES = 16 << 10;
export const MountAction = { PRESENT: 0, CAME: 1, WENT: 2, CHANGED: 3 } as const;
export const MOUNT_READONLY = 1 << 0;
/** Writes made on other hosts, or under another mount of it, can be missed by the way it is watched. */
export const MOUNT_FOREIGN_WRITES = 1 << 1;
/** Another mount stands over it: it has no path now. */
export const MOUNT_HIDDEN = 1 << 2;
/** It does not answer within its deadline. */
export const MOUNT_NOT_RESPONDING = 1 << 3;
/** How a superblock is watched: the index is what travels. */
export const BACKENDS = ['none', 'poll', 'inotify', 'fanotify', 'inotify+poll'] as const;
export type Backend = (typeof BACKENDS)[number];

// FS_ERROR notification --------------------------------------------------------------------------------------------
/** The first error whole, the number of those merged into it since; then the path, if it is known. */
export const FsErrorOut = struct('lm_fs_error_out', {
  sb: superblock,
  seq: u64,
  time_ns: i64,
  ino: u64,
  errno: i32,
  count: u32,
  flags: u32,
  pathlen: u32,
});
/** The superblock died (shut down, device gone, emergency read-only): the last record about it. */
export const FS_ERROR_DIED = 1 << 0;

// REPLACE ----------------------------------------------------------------------------------------------------------
/**
 * Commits what was written to `fh` (of TMPFILE with CREATE_STAGED, in the same directory) as `name` in the header's
 * directory. With EXPECT the present file must have the version given; else EREMCHG and nothing is changed. With
 * EXPECT_ABSENT there must be none; else EEXIST. Success closes `fh`; after an error it is still open, so that the same
 * content can be committed with another expectation.
 */
export const ReplaceIn = struct('lm_replace_in', { fh, flags: u32, mode: u32, expect: Version });
export const REPLACE_EXPECT = 1 << 0;
export const REPLACE_EXPECT_ABSENT = 1 << 1;
/** File and directory are on disk before the reply. */
export const REPLACE_FSYNC = 1 << 2;
/** `mode` is to be used for a new file; else 0666 less the server's umask. */
export const REPLACE_MODE = 1 << 3;
export const ReplaceOut = struct('lm_replace_out', {
  entry: EntryOut,
  version: Version,
  how: u32,
  flags: u32,
});
export const ReplaceHow = { CREATED: 1, RENAMED: 2, IN_PLACE: 3 } as const;
/** fuse_create_in.open_flags of a TMPFILE that will be REPLACEd: the server may stage it elsewhere, or under a name. */
export const CREATE_STAGED = 1 << 16;

// RECOVER ----------------------------------------------------------------------------------------------------------
/**
 * What saves left that an earlier agent did not live to finish. LIST: lm_recover_out and its entries. RESTORE puts the
 * content kept back into the file, DISCARD removes it; both take the entry's id, and ENOENT is one that is settled.
 */
export const RecoverIn = struct('lm_recover_in', { id: u64, action: u32, _padding: u32 });
export const RecoverAction = { LIST: 0, RESTORE: 1, DISCARD: 2 } as const;
export const RecoverOut = struct('lm_recover_out', { count: u32, flags: u32 });
/** Then the file's path and the path of what is kept of it, then zeros to 8. `time_ns`: when the save began, 0 if unknown. */
export const RecoverEntry = struct('lm_recover_entry', {
  id: u64,
  time_ns: i64,
  size: u64,
  kind: u32,
  pathlen: u16,
  keptlen: u16,
});
export const RecoverKind = {
  /** The file was being written in place, and may hold a part of the new content; kept: what it held before. */
  INTERRUPTED: 1,
  /** The file was replaced; kept: what another program had put there at the same moment. */
  DISPLACED: 2,
} as const;

// RESUME -----------------------------------------------------------------------------------------------------------
/**
 * First request after INIT; then `count` cursors. A zero `session` asks for a new one. With ATTACH this channel carries
 * more requests of a session that has a channel already (striping).
 */
export const ResumeIn = struct('lm_resume_in', {
  session: bytes(16),
  token: bytes(16),
  count: u32,
  flags: u32,
  /** Seconds the session is kept without a channel; 0: the agent's default. */
  grace: u32,
  _padding: u32,
});
/** The seq of the last event of a superblock that the client has. Those of another superblock may have been lost. */
export const ResumeCursor = struct('lm_resume_cursor', { sb: superblock, seq: u64 });
export type ResumeCursor = Value<typeof ResumeCursor>;
export const RESUME_ATTACH = 1 << 0;
/** `instance` names this run of the agent, `boot` the host's boot (boot_id): another one tells a restart from a drop. */
export const ResumeOut = struct('lm_resume_out', {
  session: bytes(16),
  token: bytes(16),
  instance: bytes(16),
  boot: bytes(16),
  seq: u64,
  status: u32,
  grace: u32,
});
/** Seconds a session is kept without a channel, and a daemon without one, where nobody asks for another time. */
export const DEFAULT_GRACE_S = 30 * 60;
/** What may be asked for at most. */
export const MAX_GRACE_S = 3 * 60 * 60;
export const ResumeStatus = { NEW: 1, RESUMED: 2, GONE: 3 } as const;

// REMOVE, COPY, SBSTAT ---------------------------------------------------------------------------------------------
/**
 * Removes `name` of the header's directory. Behind the name stand the ids (u64) of `mounts` superblocks that may be
 * emptied, too. EBUSY: another mount stands in the tree, and nothing was removed; or those were emptied, and their mount
 * points, which only an unmount frees, are left.
 */
export const RemoveIn = struct('lm_remove_in', { flags: u32, mounts: u32 });
export const REMOVE_RECURSIVE = 1 << 0;
/** To the freedesktop trash of the same superblock, or the home trash on the home's; EOPNOTSUPP where there is none. */
export const REMOVE_TRASH = 1 << 1;
/** Copies the tree `name` of the header's directory to `newname` of `newdir`, staged, and appearing at once. */
export const CopyIn = struct('lm_copy_in', { newdir: nodeid, flags: u32, _padding: u32 });
export const COPY_OVERWRITE = 1 << 0;
/** How far the request `unique` has come (REMOVE, COPY). */
export const ProgressOut = struct('lm_progress_out', { unique, done: u64, total: u64 });
/** What the views show of a superblock. */
export const SbstatIn = struct('lm_sbstat_in', { sb: superblock });
export const SbstatOut = struct('lm_sbstat_out', {
  events: u64,
  overflows: u64,
  errors: u64,
  watches: u64,
  polled: u64,
  queued: u64,
  dirty: u64,
  aggregated: mask,
  _padding: u32,
});
export type SbstatOut = Value<typeof SbstatOut>;

// LIST_TREES -------------------------------------------------------------------------------------------------------
/**
 * Lists directories with what is below them, each before its subdirectories: the `count` nodeids (u64) behind it, and
 * then deeper, up to `directories` of them in a reply of `size` bytes at most. Mounts below are left out.
 */
export const ListTreesIn = struct('lm_list_trees_in', {
  count: u32,
  size: u32,
  directories: u32,
  flags: u32,
});
/** Then `count` times: lm_listed_directory, the body of a READDIRPLUS that tells all of it, zeros to a multiple of 8. */
export const ListTreesOut = struct('lm_list_trees_out', { count: u32, flags: u32 });
/** `error` is 0, or -errno of a directory that can't be listed, which has no body then. */
export const ListedDirectory = struct('lm_listed_directory', { nodeid, error: i32, bytes: u32 });
/** Directories that one request may name. */
export const LIST_TREES_MAX = 256;

// PROCESSES --------------------------------------------------------------------------------------------------------
/**
 * PROCESS_START: starts a process in the directory whose path is the name ('': the home), under an `id` that the client
 * has not in use. The tail holds `args` arguments and then `env` variables (`NAME=value`), each with a NUL. `credit` is
 * what may be sent of each of its streams before PROCESS_CREDIT allows more. ENOENT, ENOTDIR, EACCES: the directory;
 * EEXIST: the id; EAGAIN: the session has PROCESSES_MAX of them; E2BIG: the arguments.
 */
export const ProcessStartIn = struct('lm_process_start_in', {
  id: u64,
  flags: u32,
  credit: u32,
  cols: u16,
  rows: u16,
  args: u32,
  env: u32,
  _padding: u32,
});
/** On a terminal of `cols` times `rows`; else on pipes. */
export const PROCESS_PTY = 1 << 0;
/** The user's login shell, with its argument as a command if there is one; else the arguments are the program's. */
export const PROCESS_SHELL = 1 << 1;
/** It may outlive its session for ORPHAN_S after DESTROY, so that another one can adopt it by its key. */
export const PROCESS_KEEP = 1 << 2;
/** A login shell on a terminal marks its prompts and commands (OSC 633), with the nonce of LIVEMOUNT_NONCE, and finds `lm`. */
export const PROCESS_MARKS = 1 << 3;
/**
 * What it starts can ask the client for a password: GIT_ASKPASS and SSH_ASKPASS lead to a program that does. On pipes only:
 * on a terminal programs ask there.
 */
export const PROCESS_ASKS = 1 << 4;
/** Processes of one session at most. */
export const PROCESSES_MAX = 256;
/** How long a kept process waits to be adopted, in s: a window that is loaded anew is back within a few. */
export const ORPHAN_S = 300;
/** `key` is what PROCESS_ADOPT takes. */
export const ProcessStartOut = struct('lm_process_start_out', { key: bytes(16), pid: u32, _padding: u32 });
/**
 * PROCESS_WRITE: what the process is to read, which begins at `offset` of all it was given. What was given before is
 * ignored, so a repeat does no harm; EINVAL where something is left out, EAGAIN beyond PROCESS_INPUT_MAX bytes that the
 * process has not taken. The reply says how far the agent has it.
 */
export const ProcessWriteIn = struct('lm_process_write_in', {
  id: u64,
  offset: u64,
  flags: u32,
  _padding: u32,
});
/** Nothing comes behind it. On a terminal: what control-D does. */
export const PROCESS_EOF = 1 << 0;
export const ProcessWriteOut = struct('lm_process_write_out', { offset: u64 });
/** Bytes that a client may give beyond what the process has taken. */
export const PROCESS_INPUT_MAX = 256 << 10;
/**
 * PROCESS_CREDIT: the client has the bytes of a stream before `from`, and takes those before `limit`. With RESTART the
 * agent sends again from there, and says again how far the input was taken and how the process ended.
 */
export const ProcessCreditIn = struct('lm_process_credit_in', {
  id: u64,
  from: u64,
  limit: u64,
  stream: u32,
  flags: u32,
});
export const PROCESS_RESTART = 1 << 0;
/** The streams: a terminal has one. */
export const ProcessStream = { OUTPUT: 0, ERRORS: 1 } as const;
/** PROCESS_RESIZE: the terminal's new size; its foreground group gets SIGWINCH. */
export const ProcessResizeIn = struct('lm_process_resize_in', {
  id: u64,
  cols: u16,
  rows: u16,
  _padding: u32,
});
/** PROCESS_SIGNAL: to its group, or the foreground group of its terminal. ESRCH: it has ended. */
export const ProcessSignalIn = struct('lm_process_signal_in', { id: u64, signal: u32, _padding: u32 });
/** PROCESS_RELEASE: the client is done with it. What still runs gets SIGHUP, and after 5 s SIGKILL, with its group. */
export const ProcessReleaseIn = struct('lm_process_release_in', { id: u64 });
/**
 * PROCESS_ADOPT: a kept process with this key is this session's from here on, as `id`, and its former session's no
 * more. Of what it has printed `history` bytes at most are sent again. ENOENT: there is none.
 */
export const ProcessAdoptIn = struct('lm_process_adopt_in', {
  id: u64,
  key: bytes(16),
  history: u32,
  credit: u32,
});
/** The first bytes come from `from`; `received` are what it was given to read so far. */
export const ProcessAdoptOut = struct('lm_process_adopt_out', {
  from: u64,
  received: u64,
  taken: u64,
  pid: u32,
  flags: u32,
});
/** Notification: bytes of a stream, which begin at `offset` of all that it carried. */
export const ProcessOutputOut = struct('lm_process_output_out', {
  id: u64,
  offset: u64,
  stream: u32,
  _padding: u32,
});
/** Notification: the process has taken its input up to `offset`. */
export const ProcessTakenOut = struct('lm_process_taken_out', { id: u64, offset: u64 });
/**
 * Notification, when all output was sent: the process ended with `code`, or by `signal` (not 0). `output` and `errors`
 * are what its streams carried.
 */
export const ProcessExitOut = struct('lm_process_exit_out', {
  id: u64,
  output: u64,
  errors: u64,
  code: i32,
  signal: u32,
});
/** Notification: `lm` was called in the process's terminal; then what it wants, in JSON. It waits for PROCESS_ANSWER. */
export const ProcessAskOut = struct('lm_process_ask_out', { id: u64, request: u64 });
/** PROCESS_ANSWER: how `lm` ends, and what it prints on standard error. ENOENT: it is gone. */
export const ProcessAnswerIn = struct('lm_process_answer_in', {
  id: u64,
  request: u64,
  status: u32,
  _padding: u32,
});

// SEARCH, FILES, FOUND ---------------------------------------------------------------------------------------------
/**
 * Searches below the header's node, which is a directory: SEARCH in files for `pattern`, FILES for names. Then the pattern
 * (UTF-8, `patternlen` bytes) and `globs` globs, each with a NUL behind it, relative to that directory; `!glob` leaves
 * out. What is found comes in FOUND notifications with the same `id`; the reply is the last that is sent.
 */
export const FindIn = struct('lm_find_in', {
  id: u64,
  flags: u32,
  /** Matches or names at most. */
  results: u32,
  globs: u32,
  patternlen: u32,
});
/** The pattern is a regular expression, of JavaScript; else it is text. */
export const FIND_REGEX = 1 << 0;
export const FIND_MATCH_CASE = 1 << 1;
export const FIND_WHOLE_WORD = 1 << 2;
/** A match may reach over line ends. */
export const FIND_MULTILINE = 1 << 3;
/** .gitignore, .ignore and .rgignore below the directory are honoured. */
export const FIND_IGNORE_FILES = 1 << 4;
/** Names that begin with a dot are looked into as well. */
export const FIND_HIDDEN = 1 << 5;
/** Files without a byte order mark are Latin-1, not UTF-8. */
export const FIND_LATIN1 = 1 << 6;
/** FILES: the pattern is matched as a picker does, best first, from a list that the agent keeps; else all names are told. */
export const FIND_RANKED = 1 << 7;
/** Then a message (UTF-8, `messagelen` bytes): with FIND_BAD_PATTERN why, in the words of who refused it. */
export const FindOut = struct('lm_find_out', {
  /** FOUND notifications that were sent: a client that missed one asks again. */
  batches: u32,
  flags: u32,
  /** Files searched, as far as that is known; names in the list. */
  files: u64,
  results: u32,
  /** With FIND_BAD_PATTERN: where in the pattern, in UTF-16 units; 0xffffffff where that is not known. */
  at: u32,
  messagelen: u32,
  _padding: u32,
});
/** More was there than `results`, or than the agent sends. */
export const FIND_LIMITED = 1 << 0;
/** The pattern, or a glob, cannot be read: nothing was searched. */
export const FIND_BAD_PATTERN = 1 << 1;
/** It took too long and was ended. */
export const FIND_OUT_OF_TIME = 1 << 2;
/** FILES: the list is being made; ask again for the rest. */
export const FIND_BUILDING = 1 << 3;
/** The host's ripgrep searched. */
export const FIND_BY_RIPGREP = 1 << 4;
/** `count` files follow, each with its path below the directory; `seq` counts the notifications of a search from 0. */
export const FoundOut = struct('lm_found_out', { id: u64, seq: u32, count: u32 });
/** Then the path, padded to 8, and `count` matches. A `note` says why what is at the path was not searched. */
export const FoundFile = struct('lm_found_file', { pathlen: u32, count: u32, note: u32, score: i32 });
export const FoundNote = {
  NONE: 0,
  /** No permission, or gone. */
  UNREADABLE: 1,
  /** The filesystem does not answer. */
  SILENT: 2,
  /** The expression took too long in this file. */
  ENDLESS: 3,
  /** The file is too large. */
  LARGE: 4,
} as const;
/** Lines and columns from 0, columns in UTF-16 units. Then the preview (UTF-8), padded to 8. */
export const FoundMatch = struct('lm_found_match', {
  line: u32,
  column: u32,
  end_line: u32,
  end_column: u32,
  /** The column of the line at which the preview begins. */
  preview_column: u32,
  previewlen: u32,
});
