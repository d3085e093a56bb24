import type { SuperblockId } from './brand';
import { ErrnoError } from './errno';
import { BACKENDS, type Backend, MountOut, UNWATCHED_BYTES, UNWATCHED_PATHS } from './livemount';
import { packRecord, RecordReader } from './pack';

const SLASH = '/'.charCodeAt(0);
const NUL = Buffer.alloc(1);

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
