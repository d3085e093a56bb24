import { CompoundRequest, FILLED_IN } from '../../client/session/compoundRequest';
import { direntSize, readDirentsPlus, writeDirent } from '../../protocol/dirent';
import { Fopen, NO_ENTRY, S_IFDIR } from '../../protocol/fuse';
import { RELEASE_AT_END } from '../../protocol/livemount';
import { OpenFlag } from '../../protocol/openFlags';
import type { Request } from '../../protocol/message';
import type { Stamp } from '../../client/cache/invalidations';
import type { Call } from '../call';
import type { DirectoryEntry, OpenDirectory } from '../handles';
import type { Mount } from '../mount';
import type { Node } from '../nodes';
import { entryOut } from '../reply';
import type { MountHandlers } from './types';

/** What one reply of a listing holds at most: the largest frame's data. */
const LISTING_BYTES = 1 << 20;
const DT_DIR = S_IFDIR >>> 12;

/** Reads a directory to its end and keeps what it holds: one round trip for some 5,500 entries. */
export async function list(mount: Mount, node: Node, call: Call | undefined): Promise<void> {
  const { host, core } = mount;
  await host.stamped((stamp) =>
    host.onNode(node, call, async (remote) => {
      const flags = OpenFlag.RDONLY | OpenFlag.DIRECTORY;
      const frame = new CompoundRequest();
      const opened = frame.add('OPENDIR', remote, { flags, open_flags: 0 });
      const from = { fh: opened };
      const attr = frame.add('GETATTR', remote, { getattr_flags: 0, fh: FILLED_IN });
      const first = frame.add('READDIRPLUS', remote, readFrom(FILLED_IN, 0n), { from });
      const closed = frame.add('RELEASEDIR', remote, closing(FILLED_IN, RELEASE_AT_END), { from });
      const result = await core.session.compound(frame, { patient: true, signal: call?.signal });
      const { fh } = result.get(opened);
      if (!result.has(first)) core.returns.closeOpened(result, opened, closed, 'RELEASEDIR');
      const seen = new Set<string>();
      let next = takeIn(mount, node, result.get(first), stamp, seen);
      if (!result.has(closed)) {
        try {
          while (next !== undefined) {
            const options = { patient: true, signal: call?.signal };
            const body = await core.session.request('READDIRPLUS', remote, readFrom(fh, next), options);
            next = takeIn(mount, node, body, stamp, seen);
          }
        } finally {
          core.session.request('RELEASEDIR', remote, closing(fh, 0)).catch(() => undefined);
        }
      }
      if (result.has(attr)) {
        const path = mount.nodes.pathOf(node);
        host.learn(node, result.get(attr).attr, host.factOf(stamp, path));
      }
      complete(mount, node, stamp, seen);
    }),
  );
}

function readFrom(fh: typeof FILLED_IN, offset: bigint) {
  return { fh, offset, size: LISTING_BYTES, read_flags: 0, lock_owner: 0n, flags: 0 };
}

function closing(fh: typeof FILLED_IN, release_flags: number) {
  return { fh, flags: 0, release_flags, lock_owner: 0n };
}

/** Takes in a part of a listing; gives where the next one begins, undefined at the end. */
export function takeIn(
  mount: Mount,
  node: Node,
  body: Buffer,
  stamp: Stamp,
  seen: Set<string>,
): bigint | undefined {
  let next: bigint | undefined;
  for (const { name, off, entry } of readDirentsPlus(body)) {
    next = off;
    const key = name.toString('latin1');
    if (key === '.' || key === '..') continue;
    seen.add(key);
    // Without a lookup: it went meanwhile, or hangs. The kernel looks it up when somebody asks.
    if (entry.nodeid === 0n) mount.unsure(node, key);
    else mount.host.claim(node, key, entry, stamp);
  }
  return next;
}

/** All names are known: those that were not told are gone. */
export function complete(mount: Mount, node: Node, stamp: Stamp, seen: ReadonlySet<string>): void {
  const path = mount.nodes.pathOf(node);
  const fact = mount.host.factOf(stamp, path);
  if (fact.crossed) {
    node.listing = undefined;
    return;
  }
  for (const name of [...node.children.values()]) {
    if (seen.has(name.key) || name.stamp.start > stamp.start) continue;
    if (name.node !== undefined) mount.nodes.unlink(name);
    else node.children.delete(name.key);
  }
  node.listing = fact;
}

/** The names of a directory are known, or asked for. */
async function know(mount: Mount, node: Node, call: Call): Promise<void> {
  if (mount.host.listingMs(node) <= 0) await mount.ahead.list(node, call);
}

function entriesKnown(mount: Mount, node: Node): readonly DirectoryEntry[] {
  const parent = [...node.names][0]?.parent ?? node;
  const entries: DirectoryEntry[] = [
    { key: '.', ino: node.shownIno, type: DT_DIR },
    { key: '..', ino: parent.shownIno, type: DT_DIR },
  ];
  for (const { key, node: child } of node.children.values()) {
    if (child !== undefined) entries.push({ key, ino: child.shownIno, type: child.type >>> 12 });
  }
  for (const key of mount.unsureOf(node)) {
    if (!node.children.has(key)) entries.push({ key, ino: UNKNOWN_INO, type: 0 });
  }
  return entries;
}
/** FUSE_UNKNOWN_INO */
const UNKNOWN_INO = 0xffffffffn;

async function readDirectory(
  mount: Mount,
  request: Request<'READDIR' | 'READDIRPLUS'>,
  call: Call,
): Promise<Buffer> {
  const { fh, offset, size } = request.in;
  const directory = mount.directory(fh);
  const { node } = directory;
  const isRewound = offset === 0n && directory.begun;
  directory.begun ||= offset === 0n;
  if (directory.entries === undefined || isRewound) {
    await know(mount, node, call);
    directory.entries = entriesKnown(mount, node);
    directory.changes = node.changes;
    node.kernelListing = undefined;
  }
  const plus = request.op === 'READDIRPLUS';
  const body = Buffer.allocUnsafe(size);
  let end = 0;
  for (let i = Number(offset); i < directory.entries.length; i++) {
    const { key, ino, type } = directory.entries[i] as DirectoryEntry;
    const name = Buffer.from(key, 'latin1');
    const dirent = { ino, type, name, off: BigInt(i + 1) };
    if (end + direntSize(name, plus) > body.length) break;
    end = writeDirent(body, end, dirent, plus ? plusEntry(mount, node, key) : undefined) ?? end;
  }
  return body.subarray(0, end);
}

/** The lookup that goes with an entry, if what it says is known. */
function plusEntry(mount: Mount, parent: Node, key: string) {
  const name = parent.children.get(key);
  const node = name?.node;
  if (name === undefined || node === undefined || mount.host.nameMs(name) <= 0) return NO_ENTRY;
  const known = mount.host.knownAttr(node);
  return known === undefined ? NO_ENTRY : entryOut(mount, name, node, known.attr);
}

/**
 * The kernel keeps what it reads through a handle, also behind an invalidation that came while it read: what it has kept
 * is good only where no handle of an older listing may have filled it.
 */
function cacheFlags(mount: Mount, { node, changes }: OpenDirectory): number {
  const keeps = mount.host.listingMs(node) > 0;
  const has = keeps && node.kernelListing === changes;
  const alike = [...node.readers].every((reader) => reader.changes === changes);
  node.kernelListing = keeps && alike ? changes : undefined;
  return keeps ? Fopen.CACHE_DIR | (has ? Fopen.KEEP_CACHE : 0) : 0;
}

export const directoryHandlers: MountHandlers = {
  async OPENDIR(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    if (mount.echo.isEcho(call))
      return { fh: mount.handles.openDirectory(node).fh, open_flags: 0, backing_id: 0 };
    // Whether it may be read is the host's to say, so it is read now.
    await know(mount, node, call);
    mount.ahead.opened(node);
    const directory = mount.handles.openDirectory(node, entriesKnown(mount, node));
    return { fh: directory.fh, open_flags: cacheFlags(mount, directory), backing_id: 0 };
  },

  READDIR: readDirectory,
  READDIRPLUS: readDirectory,

  RELEASEDIR(mount, request) {
    mount.handles.closeDirectory(request.in.fh);
    return undefined;
  },

  async FSYNCDIR(mount, request, call) {
    const { node } = mount.directory(request.in.fh);
    // Of a removed directory there is nothing to be kept.
    if (node.names.size === 0 && node !== mount.nodes.root) return undefined;
    // The host's handle is opened for this alone: between times none keeps its filesystem busy.
    await mount.host.onNode(node, call, async (remote) => {
      const frame = new CompoundRequest();
      const flags = OpenFlag.RDONLY | OpenFlag.DIRECTORY;
      const opened = frame.add('OPENDIR', remote, { flags, open_flags: 0 });
      const from = { fh: opened };
      const synced = frame.add(
        'FSYNCDIR',
        remote,
        { fh: FILLED_IN, fsync_flags: request.in.fsync_flags },
        { from },
      );
      const closed = frame.add('RELEASEDIR', remote, closing(FILLED_IN, 0), { from });
      const result = await mount.core.session.compound(frame, { patient: true, signal: call.signal });
      mount.core.returns.closeOpened(result, opened, closed, 'RELEASEDIR');
      result.get(synced);
    });
    return undefined;
  },
};
