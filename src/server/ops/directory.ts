import { direntSize, writeDirent } from '../../protocol/dirent';
import { ErrnoError } from '../../protocol/errno';
import { type EntryOut, FSYNC_FDATASYNC, NO_ENTRY, S_IFDIR, S_IFLNK, S_IFMT } from '../../protocol/fuse';
import { RELEASE_AT_END } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import type { Handle } from '../host/handleTable';
import type { Handlers, ClientState } from '../connection/handler';
import type { HostDirent, HostStat, OperationContext } from '../host/hostFs';
import type { Inode } from '../host/inodeTable';
import { entryOf, statInode } from './attributes';
import { OpenFlag } from './openFlags';

/**
 * The entries of an open directory as they were at OPENDIR or the last rewind. An entry's offset is its place in this
 * list plus one, so it stays valid while others create and delete. An entry keeps its place over a rewind: a program may
 * come back to a position that it remembered before. (seekdir(3) promises less, but filesystems of the kernel do it.)
 */
interface Snapshot {
  /** Undefined: the place of an entry that is gone. */
  readonly entries: readonly (HostDirent | undefined)[];
  /** Behind the last entry that was returned. */
  next: number;
  /** The symbolic links among the entries of the last READDIRPLUS. */
  links: readonly Buffer[];
}

/** Places of entries that are gone that are kept at most, beyond as many as there are entries. */
const GONE_MAX = 1024;

/** The entries of now, each in the place it had. */
function inTheirPlaces(before: Snapshot['entries'], now: readonly HostDirent[]): Snapshot['entries'] {
  const fresh = new Map(now.map((entry) => [entry.name.toString('latin1'), entry]));
  const placed = before.map((entry) => {
    const key = entry?.name.toString('latin1') ?? '';
    const present = fresh.get(key);
    fresh.delete(key);
    return present;
  });
  placed.push(...fresh.values());
  return placed.length > 2 * now.length + GONE_MAX ? now : placed;
}

/** The symbolic links among the entries that the last READDIRPLUS of a handle returned. */
export function toldLinks(handle: Handle): readonly Buffer[] {
  return (handle.snapshot as Snapshot | undefined)?.links ?? [];
}

const DOT = Buffer.from('.');
const DOTDOT = Buffer.from('..');
const DT_DIR = S_IFDIR >>> 12;

async function snapshotOf(
  session: ClientState,
  handle: Handle,
  rewind: boolean,
  context: OperationContext,
): Promise<Snapshot> {
  const present = handle.snapshot as Snapshot | undefined;
  if (present !== undefined && !rewind) return present;
  const inode = session.inodes.get(handle.nodeid);
  const here = await statInode(session, inode, context);
  const above = session.inodes.parentOf(inode.nodeid);
  const parent = above === undefined ? here : await identityOf(session, session.inodes.get(above), context);
  const listed = await handle.file.list(context);
  const now: HostDirent[] = [
    { name: DOT, ino: session.inodeNumber(here), type: DT_DIR },
    { name: DOTDOT, ino: session.inodeNumber(parent), type: DT_DIR },
  ];
  // The numbers that stat gives: each mount has its own.
  for (const entry of listed) {
    const ino = session.inodeNumber({ sb: here.sb, ino: entry.ino });
    now.push(ino === entry.ino ? entry : { ...entry, ino });
  }
  const entries = present === undefined ? now : inTheirPlaces(present.entries, now);
  const snapshot: Snapshot = { entries, next: 0, links: [] };
  handle.snapshot = snapshot;
  return snapshot;
}

/** The root is looked at on first use: until then nobody knows its number. */
async function identityOf(
  session: ClientState,
  inode: Inode,
  context: OperationContext,
): Promise<Pick<HostStat, 'sb' | 'ino'>> {
  return inode === session.inodes.root ? statInode(session, inode, context) : inode.identity;
}

/** How many entries of READDIRPLUS are looked up at a time: about what one reply of 128 KiB holds. */
const LOOKUP_BATCH = 512;

async function readdirplus(
  session: ClientState,
  request: Request<'READDIRPLUS'>,
  context: OperationContext,
): Promise<Buffer> {
  const { fh, offset, size } = request.in;
  const handle = session.handles.get(fh);
  const inode = session.inodes.get(handle.nodeid);
  const snapshot = await snapshotOf(session, handle, offset === 0n, context);
  const { entries } = snapshot;
  const body = Buffer.allocUnsafe(
    roomFor(entries, Number(offset), Math.min(size, session.agreement.maxWrite)),
  );
  const links: Buffer[] = [];
  let next = Number(offset);
  let end = 0;
  while (next < entries.length) {
    const { batch, after } = fitting(entries, next, body.length - end);
    if (after === next) break;
    const stats = await handle.file.lookupMany(
      batch.map(({ entry }) => entry.name),
      context,
    );
    for (const [i, { entry, place }] of batch.entries()) {
      const dirent = { ...entry, off: BigInt(place + 1) };
      end = writeDirent(body, end, dirent, looked(session, inode, entry, stats[i])) ?? end;
      if (((stats[i]?.mode ?? 0) & S_IFMT) === S_IFLNK) links.push(entry.name);
    }
    next = after;
  }
  snapshot.next = next;
  snapshot.links = links;
  return body.subarray(0, end);
}

/** What the entries from `from` on take, `most` at most: a small directory needs no large reply. */
function roomFor(entries: Snapshot['entries'], from: number, most: number): number {
  let bytes = 0;
  for (let i = from; i < entries.length && bytes < most; i++) {
    const entry = entries[i];
    if (entry !== undefined) bytes += direntSize(entry.name, true);
  }
  return Math.min(bytes, most);
}

/** The entries from `next` on that fit into `room` bytes, at most one batch, with their places; and the place behind them. */
function fitting(
  entries: Snapshot['entries'],
  next: number,
  room: number,
): { batch: { entry: HostDirent; place: number }[]; after: number } {
  const batch: { entry: HostDirent; place: number }[] = [];
  let left = room;
  let place = next;
  for (; place < entries.length && batch.length < LOOKUP_BATCH; place++) {
    const entry = entries[place];
    if (entry === undefined) continue;
    left -= direntSize(entry.name, true);
    if (left < 0) break;
    batch.push({ entry, place });
  }
  return { batch, after: place };
}

/** The lookup that goes with an entry, counted; none for "." and "..", and for what could not be had. */
function looked(
  session: ClientState,
  parent: Inode,
  entry: HostDirent,
  stat: HostStat | undefined,
): EntryOut {
  if (stat === undefined || entry.name.equals(DOT) || entry.name.equals(DOTDOT)) return NO_ENTRY;
  return entryOf(session, parent, session.inodes.claim(parent, entry.name, stat), stat);
}

export const directoryHandlers: Handlers = {
  async OPENDIR(session, request, context) {
    const inode = session.inodes.get(request.header.nodeid);
    const flags = OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.NOFOLLOW;
    const file = await session.host.open(session.inodes.locate(inode), flags, context);
    const handle = session.handles.add(inode.nodeid, file, flags);
    return { fh: handle.fh, open_flags: 0, backing_id: 0 };
  },

  async READDIR(session, request, context) {
    const { fh, offset, size } = request.in;
    const { entries } = await snapshotOf(session, session.handles.get(fh), offset === 0n, context);
    const body = Buffer.alloc(Math.min(size, session.agreement.maxWrite));
    let end = 0;
    for (let i = Number(offset); i < entries.length; i++) {
      const entry = entries[i];
      if (entry === undefined) continue;
      const after = writeDirent(body, end, { ...entry, off: BigInt(i + 1) });
      if (after === undefined) break;
      end = after;
    }
    return body.subarray(0, end);
  },

  READDIRPLUS: readdirplus,

  async RELEASEDIR(session, request) {
    const { fh, release_flags } = request.in;
    const snapshot = session.handles.get(fh).snapshot as Snapshot | undefined;
    if (release_flags & RELEASE_AT_END && snapshot !== undefined && snapshot.next < snapshot.entries.length) {
      throw new ErrnoError('EAGAIN', 'there are more entries');
    }
    await session.handles.remove(fh).file.close();
    return undefined;
  },

  async FSYNCDIR(session, request, context) {
    const dataOnly = (request.in.fsync_flags & FSYNC_FDATASYNC) !== 0;
    await session.handles.get(request.in.fh).file.sync(dataOnly, context);
    return undefined;
  },
};
