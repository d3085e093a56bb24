import type { Mask, SuperblockId } from './brand';
import { ErrnoError } from './errno';
import {
  BACKENDS,
  type Backend,
  FsErrorOut,
  FsnotifyEvent,
  FsnotifyMark,
  FsnotifyOut,
  MountOut,
  UNWATCHED_BYTES,
  UNWATCHED_PATHS,
  type Version,
} from './livemount';
import { align8, packRecord, RecordReader } from './pack';

/** An object's aggregated mask, as FSNOTIFY_UPDATE carries it. */
export interface MarkUpdate {
  /** Below the superblock's root, without a leading '/'; empty is the root. */
  readonly path: Buffer;
  /** 0 takes the mark away. */
  readonly mask: Mask;
  /** MARK_* bits; (path, MARK_SUBTREE) is the mark's key. */
  readonly flags: number;
  /** Globs relative to `path`; what they match is neither watched nor told. */
  readonly excludes: readonly string[];
}

const NUL = Buffer.alloc(1);

/** The tail of FSNOTIFY_UPDATE. */
export function encodeMarks(marks: readonly MarkUpdate[]): Buffer {
  return Buffer.concat(
    marks.map(({ path, mask, flags, excludes }) => {
      const globs = Buffer.concat(excludes.flatMap((glob) => [Buffer.from(glob), NUL]));
      const fixed = FsnotifyMark.encode({ mask, flags, pathlen: path.length, excludeslen: globs.length });
      return packRecord(fixed, path, globs);
    }),
  );
}

export function decodeMarks(count: number, data: Buffer): MarkUpdate[] {
  const reader = new RecordReader(data, 'EINVAL');
  const marks: MarkUpdate[] = [];
  for (let i = 0; i < count; i++) {
    const { mask, flags, pathlen, excludeslen } = reader.take(FsnotifyMark);
    const path = reader.bytes(pathlen);
    const globs = reader.bytes(excludeslen).toString('utf8').split('\0').slice(0, -1);
    reader.align();
    marks.push({ path, mask, flags, excludes: globs });
  }
  return marks;
}

/** One change of an object of a superblock. */
export interface FsEvent {
  /** Grows with every event of the agent; the journal's cursor. */
  readonly seq: bigint;
  readonly timeNs: bigint;
  /** Exactly one kind of event, and ISDIR. */
  readonly mask: Mask;
  /** Below the superblock's root. */
  readonly path: Buffer;
  /** A rename's new name. */
  readonly path2?: Buffer;
  /** The object when the event was sent; zeros if it was gone. */
  readonly version: Version;
  readonly mode: number;
  /** EVENT_* bits. */
  readonly flags: number;
}

export interface EventBatch {
  readonly sb: SuperblockId;
  /** BATCH_* bits. */
  readonly flags: number;
  readonly events: readonly FsEvent[];
}

const EMPTY = Buffer.alloc(0);

export function encodeEvents(batch: EventBatch): Buffer {
  let size = FsnotifyOut.size;
  for (const event of batch.events) size += sizeOf(event);
  const body = Buffer.allocUnsafe(size);
  FsnotifyOut.write(body, 0, { sb: batch.sb, count: batch.events.length, flags: batch.flags });
  let at = FsnotifyOut.size;
  for (const event of batch.events) at = writeEvent(body, at, event);
  return body;
}

/** The bytes one event takes in a batch. */
function sizeOf({ path, path2 = EMPTY }: FsEvent): number {
  return align8(FsnotifyEvent.size + path.length + path2.length);
}

/** Writes one event of a batch; gives where the next one starts. */
function writeEvent(body: Buffer, start: number, event: FsEvent): number {
  const { path, path2 = EMPTY } = event;
  FsnotifyEvent.write(body, start, {
    seq: event.seq,
    time_ns: event.timeNs,
    version: event.version,
    mask: event.mask,
    mode: event.mode,
    flags: event.flags,
    pathlen: path.length,
    path2len: path2.length,
  });
  let at = start + FsnotifyEvent.size;
  at += path.copy(body, at);
  at += path2.copy(body, at);
  const end = start + sizeOf(event);
  while (at < end) body[at++] = 0;
  return end;
}

/** Reads a FSNOTIFY notification; EIO for a torn one, and for a path that is none below a root. */
export function decodeEvents(body: Buffer): EventBatch {
  const reader = new RecordReader(body, 'EIO');
  const head = reader.take(FsnotifyOut);
  const events: FsEvent[] = [];
  for (let i = 0; i < head.count; i++) {
    const fixed = reader.take(FsnotifyEvent);
    const path = belowRoot(reader.bytes(fixed.pathlen));
    const path2 = belowRoot(reader.bytes(fixed.path2len));
    reader.align();
    events.push({
      seq: fixed.seq,
      timeNs: fixed.time_ns,
      mask: fixed.mask,
      path,
      ...(fixed.path2len > 0 && { path2 }),
      version: fixed.version,
      mode: fixed.mode,
      flags: fixed.flags,
    });
  }
  return { sb: head.sb, flags: head.flags, events };
}

const SLASH = '/'.charCodeAt(0);
const DOTS = '..';

/** The path, if it stays below the root that it is relative to. */
function belowRoot(path: Buffer): Buffer {
  const climbs = path.includes(DOTS) && path.toString('latin1').split('/').includes(DOTS);
  if (path[0] === SLASH || path.includes(0) || climbs) throw new ErrnoError('EIO', 'a path that is none');
  return path;
}

/** A superblock as the host shows it: one mount. */
export interface MountRecord {
  readonly sb: SuperblockId;
  /** The superblock it is mounted on; its own for the topmost. */
  readonly parent: SuperblockId;
  /** MountAction */
  readonly action: number;
  /** MOUNT_* bits */
  readonly flags: number;
  readonly major: number;
  readonly minor: number;
  /** The id of /proc/self/mountinfo (may be used again after an unmount; `sb` is not). */
  readonly mountId: number;
  readonly backend: Backend;
  /** Where changes are found by comparing: how long that takes at most, in ms; 0: the host tells them. */
  readonly pollMs: number;
  /** Absolute on the host. */
  readonly mountpoint: Buffer;
  readonly fstype: string;
  readonly source: string;
  readonly options: string;
  /** Why it is watched as it is, and what can't be seen; one sentence for people. */
  readonly reason: string;
  /** Directories below its root of which nothing is seen; empty is the root. What lies at or below them has no lease. */
  readonly unwatched: readonly Buffer[];
}

export function encodeMount(mount: MountRecord): Buffer {
  const fstype = Buffer.from(mount.fstype);
  const source = clipped(mount.source);
  const options = clipped(mount.options);
  const reason = clipped(mount.reason);
  const unwatched = Buffer.concat(mount.unwatched.flatMap((path) => [path, NUL]));
  const fixed = MountOut.encode({
    sb: mount.sb,
    parent: mount.parent,
    action: mount.action,
    flags: mount.flags,
    major: mount.major,
    minor: mount.minor,
    mount_id: mount.mountId,
    backend: BACKENDS.indexOf(mount.backend),
    mountpointlen: mount.mountpoint.length,
    fstypelen: fstype.length,
    sourcelen: source.length,
    optionslen: options.length,
    reasonlen: reason.length,
    unwatchedlen: unwatched.length,
    poll_ms: mount.pollMs,
  });
  return packRecord(fixed, mount.mountpoint, fstype, source, options, reason, unwatched);
}

/** An overlay's options can be longer than a u16 tells; what is cut is only shown to people. */
function clipped(text: string): Buffer {
  const whole = Buffer.from(text);
  return whole.length > 0xffff ? whole.subarray(0, 0xffff) : whole;
}

/** What is kept of a text that is only shown to people, in bytes. */
const SHOWN_BYTES = 1024;

/** Reads a MOUNT notification, its texts cut to what anybody reads; EIO for a torn one, and for a place that is none. */
export function decodeMount(body: Buffer): MountRecord {
  const reader = new RecordReader(body, 'EIO');
  const fixed = reader.take(MountOut);
  const backend = BACKENDS[fixed.backend];
  if (backend === undefined) throw new ErrnoError('EIO', `backend ${fixed.backend} of a mount is unknown`);
  const mountpoint = reader.bytes(fixed.mountpointlen);
  if (mountpoint[0] !== SLASH || mountpoint.includes(0))
    throw new ErrnoError('EIO', 'a mount point that is no path');
  const shown = (length: number) => reader.view(length).subarray(0, SHOWN_BYTES).toString();
  return {
    sb: fixed.sb,
    parent: fixed.parent,
    action: fixed.action,
    flags: fixed.flags,
    major: fixed.major,
    minor: fixed.minor,
    mountId: fixed.mount_id,
    backend,
    pollMs: fixed.poll_ms,
    mountpoint,
    fstype: shown(fixed.fstypelen),
    source: shown(fixed.sourcelen),
    options: shown(fixed.optionslen),
    reason: shown(fixed.reasonlen),
    unwatched: unwatchedIn(reader.bytes(fixed.unwatchedlen)),
  };
}

/** Paths, each with a NUL behind it; more than a record may name stand for the whole superblock. */
function unwatchedIn(bytes: Buffer): Buffer[] {
  const paths: Buffer[] = [];
  for (let at = 0, end = bytes.indexOf(0); end >= 0; at = end + 1, end = bytes.indexOf(0, at))
    paths.push(bytes.subarray(at, end));
  const isTooMuch = paths.length > UNWATCHED_PATHS || bytes.length > UNWATCHED_BYTES;
  return isTooMuch ? [Buffer.alloc(0)] : paths;
}

/** "major:minor@mountid", the name a superblock has in logs, views and the command line's JSON. */
export function superblockName(mount: Pick<MountRecord, 'major' | 'minor' | 'mountId'>): string {
  return `${mount.major}:${mount.minor}@${mount.mountId}`;
}

/** Errors the host's kernel reported of a filesystem: the first whole, further ones counted. (fanotify(7), FAN_FS_ERROR) */
export interface FsErrorRecord {
  readonly sb: SuperblockId;
  readonly seq: bigint;
  readonly timeNs: bigint;
  readonly ino: bigint;
  readonly errno: number;
  readonly count: number;
  /** FS_ERROR_* bits */
  readonly flags: number;
  readonly path: Buffer;
}

export function encodeFsError(record: FsErrorRecord): Buffer {
  const { sb, seq, timeNs, ino, errno, count, flags, path } = record;
  return packRecord(
    FsErrorOut.encode({ sb, seq, time_ns: timeNs, ino, errno, count, flags, pathlen: path.length }),
    path,
  );
}

/** Reads a FS_ERROR notification; EIO for a torn one. */
export function decodeFsError(body: Buffer): FsErrorRecord {
  const reader = new RecordReader(body, 'EIO');
  const { sb, seq, time_ns, ino, errno, count, flags, pathlen } = reader.take(FsErrorOut);
  return { sb, seq, timeNs: time_ns, ino, errno, count, flags, path: belowRoot(reader.bytes(pathlen)) };
}
