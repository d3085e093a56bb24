import type { Mask } from '../../protocol/brand';
import type { FsEvent } from '../../protocol/events';
import { EVENT_FRESH, type Version } from '../../protocol/livemount';
import { In } from '../../protocol/mask';
import { isTemporaryPath } from '../host/temporaryName';
import { type BytePath, ROOT_PATH, toBytes } from './bytePath';
import { Kind } from './change';
import type { Coverage } from './arming/coverage';
import type { JournalEntry } from './journal';

const NO_VERSION: Version = { ino: 0n, size: 0n, mtime_ns: 0n, ctime_ns: 0n };

/** The mask bits that ask for an event of each kind. */
const ASKED = {
  create: In.CREATE | In.MOVED_TO,
  gone: In.DELETE | In.MOVED_FROM | In.DELETE_SELF | In.MOVE_SELF,
  written: In.MODIFY | In.CLOSE_WRITE,
} as const;

/**
 * Adds to `events` what one session gets of a change. A rename with one end outside its marks is a create or a delete;
 * a marked path that went away with a directory above it is deleted; what nobody of it asked for is nothing.
 */
export function translate(entry: JournalEntry, coverage: Coverage, events: FsEvent[]): void {
  const { kind, path } = entry.change;
  switch (kind) {
    case Kind.OVERFLOW:
    case Kind.UNMOUNT:
      events.push(event(entry, kind, path));
      break;
    case Kind.CREATE:
      if (asked(coverage, path, ASKED.create)) events.push(event(entry, kind, path));
      break;
    case Kind.MODIFY:
      if (asked(coverage, path, ASKED.written)) events.push(event(entry, kind, path));
      break;
    case Kind.ATTRIB:
      if (asked(coverage, path, In.ATTRIB)) events.push(event(entry, kind, path));
      break;
    case Kind.DELETE:
      gone(entry, coverage, events);
      break;
    default:
      renamed(entry, coverage, events);
  }
}

function gone(entry: JournalEntry, coverage: Coverage, events: FsEvent[]): void {
  const { path, lost } = entry.change;
  if (asked(coverage, path, ASKED.gone)) events.push(event(entry, Kind.DELETE, path));
  else {
    for (const below of lost ?? [])
      if (asked(coverage, below, ASKED.gone)) events.push(event(entry, Kind.DELETE, below));
  }
}

function renamed(entry: JournalEntry, coverage: Coverage, events: FsEvent[]): void {
  const { path, path2, isDir } = entry.change;
  if (path2 === undefined) return;
  const leaves = asked(coverage, path, In.MOVED_FROM);
  const arrives = asked(coverage, path2, In.MOVED_TO);
  if (leaves && arrives) {
    events.push(event(entry, Kind.RENAME, path, path2));
    return;
  }
  gone(entry, coverage, events);
  if (!asked(coverage, path2, ASKED.create)) return;
  events.push(event(entry, Kind.CREATE, path2));
  if (isDir) events.push({ ...event(entry, Kind.OVERFLOW, path2), flags: EVENT_FRESH });
}

function asked(coverage: Coverage, path: BytePath, bits: number): boolean {
  return (coverage.maskOf(path) & bits) !== 0 && !isTemporaryPath(path);
}

function event(entry: JournalEntry, kind: number, path: BytePath, path2?: BytePath): FsEvent {
  const { seq, timeNs, change } = entry;
  const seen = kind === Kind.DELETE ? undefined : change.seen;
  const mask = ((kind | (change.isDir ? In.ISDIR : 0)) >>> 0) as Mask;
  const version = seen?.version ?? NO_VERSION;
  const mode = seen?.mode ?? 0;
  const { flags } = change;
  const from = toBytes(path);
  if (path2 === undefined) return { seq, timeNs, mask, path: from, version, mode, flags };
  return { seq, timeNs, mask, path: from, path2: toBytes(path2), version, mode, flags };
}

/** Says that the events between were too many to keep: whoever has a copy of this superblock compares it. */
export function freshRecord(seq: bigint, timeNs: bigint): FsEvent {
  return {
    seq,
    timeNs,
    mask: In.Q_OVERFLOW as Mask,
    path: toBytes(ROOT_PATH),
    version: NO_VERSION,
    mode: 0,
    flags: EVENT_FRESH,
  };
}
