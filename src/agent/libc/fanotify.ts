/** fanotify(7): groups that report file handles. Events are read by the pump; parseFanotify takes what it read apart. */
import type { FileHandle } from './handles';
import { type Op, syscall } from './op';

const initCall = syscall('fanotify_init', 'uint', 'uint');
const markCall = syscall('fanotify_mark', 'int', 'uint', 'uint64', 'int', 'void *');

/** fanotify_init(2) flags. */
export const FanInit = {
  CLOEXEC: 0x1,
  NONBLOCK: 0x2,
  UNLIMITED_QUEUE: 0x10,
  UNLIMITED_MARKS: 0x20,
  REPORT_FID: 0x200,
  REPORT_DIR_FID: 0x400,
  REPORT_NAME: 0x800,
  REPORT_TARGET_FID: 0x1000,
  REPORT_MNT: 0x4000,
} as const;

/** fanotify_mark(2) flags. */
export const FanMark = {
  ADD: 0x1,
  REMOVE: 0x2,
  DONT_FOLLOW: 0x4,
  ONLYDIR: 0x8,
  MOUNT: 0x10,
  FLUSH: 0x80,
  FILESYSTEM: 0x100,
  MNTNS: 0x110,
  IGNORE: 0x400,
  IGNORED_SURV_MODIFY: 0x40,
  EVICTABLE: 0x200,
} as const;

/** Event bits (linux/fanotify.h); those of inotify have the same numbers. */
export const Fan = {
  MODIFY: 0x2n,
  ATTRIB: 0x4n,
  CLOSE_WRITE: 0x8n,
  MOVED_FROM: 0x40n,
  MOVED_TO: 0x80n,
  CREATE: 0x100n,
  DELETE: 0x200n,
  DELETE_SELF: 0x400n,
  MOVE_SELF: 0x800n,
  Q_OVERFLOW: 0x4000n,
  FS_ERROR: 0x8000n,
  MNT_ATTACH: 0x1000000n,
  MNT_DETACH: 0x2000000n,
  RENAME: 0x10000000n,
  ONDIR: 0x40000000n,
} as const;

export function* fanotifyInit(flags: number, eventFlags: number): Op<number> {
  return Number(yield* initCall(flags, eventFlags));
}

/** `path` null: `dirfd` itself is the object. */
export function* fanotifyMark(
  fd: number,
  flags: number,
  mask: bigint,
  dirfd: number,
  path: Buffer | null,
): Op<void> {
  yield* markCall(fd, flags, mask, dirfd, path);
}

/** An object an event speaks of: its filesystem and handle, and (of the *_NAME kinds) a name in it. */
export interface FanObject {
  readonly fsid: Buffer;
  readonly handle: FileHandle;
  readonly name: Buffer | undefined;
}

export interface FanEvent {
  readonly mask: bigint;
  readonly pid: number;
  /** FID: the object itself. */
  self?: FanObject;
  /** DFID or DFID_NAME: the directory, with the name in it. */
  directory?: FanObject;
  /** OLD_DFID_NAME and NEW_DFID_NAME of a rename. */
  from?: FanObject;
  to?: FanObject;
  error?: { readonly errno: number; readonly count: number };
  /** The unique id of the mount that came or went. */
  mountId?: bigint;
}

const EVENT_BYTES = 24;
const Info = {
  FID: 1,
  DFID_NAME: 2,
  DFID: 3,
  ERROR: 5,
  MNT: 7,
  OLD_DFID_NAME: 10,
  NEW_DFID_NAME: 12,
} as const;

/** struct fanotify_event_metadata and the information records behind it. Bytes share the chunk's memory. */
export function* parseFanotify(chunk: Buffer): Generator<FanEvent, void, void> {
  for (let at = 0; at + EVENT_BYTES <= chunk.length; ) {
    const length = chunk.readUInt32LE(at);
    if (length < EVENT_BYTES) return;
    const event: FanEvent = { mask: chunk.readBigUInt64LE(at + 8), pid: chunk.readInt32LE(at + 20) };
    const end = at + length;
    for (let record = at + chunk.readUInt16LE(at + 6); record + 4 <= end; ) {
      const size = chunk.readUInt16LE(record + 2);
      if (size < 4) break;
      addRecord(event, chunk.readUInt8(record), chunk.subarray(record + 4, record + size));
      record += size;
    }
    yield event;
    at = end;
  }
}

function addRecord(event: FanEvent, type: number, body: Buffer): void {
  switch (type) {
    case Info.FID:
      event.self = objectOf(body, false);
      break;
    case Info.DFID:
      event.directory = objectOf(body, false);
      break;
    case Info.DFID_NAME:
      event.directory = objectOf(body, true);
      break;
    case Info.OLD_DFID_NAME:
      event.from = objectOf(body, true);
      break;
    case Info.NEW_DFID_NAME:
      event.to = objectOf(body, true);
      break;
    case Info.ERROR:
      event.error = { errno: body.readInt32LE(0), count: body.readUInt32LE(4) };
      break;
    case Info.MNT:
      event.mountId = body.readBigUInt64LE(4);
      break;
  }
}

/** fsid (8 bytes), struct file_handle, and for the named kinds the name with its NUL. */
function objectOf(body: Buffer, named: boolean): FanObject {
  const length = body.readUInt32LE(8);
  const bytes = body.subarray(16, 16 + length);
  const rest = named ? body.subarray(16 + length) : undefined;
  const nul = rest?.indexOf(0) ?? -1;
  return {
    fsid: body.subarray(0, 8),
    handle: { type: body.readInt32LE(12), bytes },
    name: rest && nul > 0 ? rest.subarray(0, nul) : undefined,
  };
}
