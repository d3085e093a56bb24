import { attempt, attempts } from './attempt';
import {
  FILLED_IN,
  CompoundRequest,
  type CompoundResult,
  type Part,
  type Sources,
} from '../session/compoundRequest';
import type { ClientCore } from '../state';
import type { Dentry, Listing } from '../tree/dentries';
import { Errno, ErrnoError } from '../../protocol/errno';
import { type DirEntryPlus, readDirentsPlus } from '../../protocol/dirent';
import { ATTR_SUBMOUNT, S_IFLNK, S_IFMT } from '../../protocol/fuse';
import { decodeFollowed, type FollowedLink } from '../../protocol/follow';
import { RELEASE_AT_END, WALK_FOLLOW } from '../../protocol/livemount';
import { decodeWalk } from '../../protocol/walk';
import { type Fh, NO_FH, type NodeId } from '../../protocol/brand';
import { verifyAttr } from '../../protocol/attributes';
import { isDirectory } from '../tree/inodes';
import { UpdateFirst } from './updateFirst';
import { bytesOf, textOf } from '../../protocol/names';
import { join, type RemotePath } from '../../protocol/paths';
import type { PositiveDentry } from '../tree/resolution';
import { DATA_DEADLINE_MS } from '../session/options';
import { overlap, type Stamp } from '../cache/invalidations';
import type { DirectoryEntry, OperationOptions } from '../vfs';
import { kindOf } from './stat';

/** Asked of one READDIRPLUS: what fits into a frame with the rest, some 5,500 entries. */
const READDIR_BYTES = (1 << 20) - (64 << 10);
/** ... and for where the links among them lead: some 200 of them. */
const FOLLOW_BYTES = 96 << 10;
/** Entries of one directory at most. More would not fit into an editor either. */
const ENTRIES_MAX = 1 << 20;
/** How often a directory is read while it keeps changing. */
const TRIES_MAX = 5;

/** A directory's entries, one round trip cold and none while its listing is cached. ENOTDIR for what is none. */
export async function readDirectory(
  core: ClientCore,
  path: RemotePath,
  options: OperationOptions = {},
): Promise<DirectoryEntry[]> {
  const once = async () => {
    const nowMs = core.clock.now();
    const outcome = core.paths.resolve(path, true, nowMs);
    if (outcome.kind === 'absent') throw new ErrnoError('ENOENT', path);
    if (outcome.kind === 'error') throw new ErrnoError(outcome.errno, path);
    if (outcome.kind === 'found') {
      const { listing, inode } = outcome.dentry;
      if (!isDirectory(inode)) throw new ErrnoError('ENOTDIR', path);
      if (listing !== undefined && core.rights.to(listing, outcome.path, 'names', false, nowMs) !== 'none') {
        return linked(core, outcome.dentry, listing, options.signal);
      }
    }
    const start: Start =
      outcome.kind === 'found'
        ? { from: outcome.dentry, rest: [] }
        : { from: outcome.from, rest: outcome.rest };
    const read = await list(core, path, start, options.signal);
    return read && linked(core, read.dentry, read.listing, options.signal, read.stamp);
  };
  const changing = () => new ErrnoError('ESTALE', `${path} changed while it was read`);
  return attempts(TRIES_MAX, once, changing);
}

interface Start {
  readonly from: PositiveDentry;
  readonly rest: readonly string[];
}

interface Read {
  readonly dentry: Dentry;
  readonly listing: Listing;
  /** Of the reply it came with. */
  readonly stamp: Stamp;
}

/** Some entries of a directory, and where the links among them lead. */
interface Entries {
  readonly entries: readonly DirEntryPlus[];
  readonly links: readonly FollowedLink[];
}

/** Requests for the next entries of an open directory, behind which it is closed if they were the last. */
interface Reading {
  readonly read: Part<'READDIRPLUS'>;
  readonly links: Part<'FOLLOW'>;
  readonly close: Part<'RELEASEDIR'>;
}

function addReading(
  request: CompoundRequest,
  nodeid: NodeId,
  fh: Fh,
  offset: bigint,
  from?: Sources,
): Reading {
  const read = request.add('READDIRPLUS', nodeid, readIn(fh, offset), from && { from });
  const links = request.add('FOLLOW', nodeid, { fh, size: FOLLOW_BYTES, flags: 0 }, from && { from });
  const close = request.add('RELEASEDIR', nodeid, releaseIn(fh), from && { from });
  return { read, links, close };
}

function entriesOf(result: CompoundResult, { read, links }: Reading): Entries {
  return {
    entries: readDirentsPlus(result.get(read)),
    links: result.has(links) ? decodeFollowed(result.get(links)) : [],
  };
}

/**
 * Lists a directory in one frame, with its own attributes: watch what waits to be watched, walk, open, read, follow
 * links, close. Undefined: try again.
 */
async function list(
  core: ClientCore,
  path: RemotePath,
  { from, rest }: Start,
  signal: AbortSignal | undefined,
): Promise<Read | undefined> {
  return attempt(core, async (stamp, startsFrom) => {
    const { nodeid } = from.inode;
    const request = new CompoundRequest();
    const update = UpdateFirst.add(core, path, request);
    const walk = request.addWalk(nodeid, rest);
    const at = walk && { nodeid: walk };
    const open = request.add('OPENDIR', nodeid, { flags: 0, open_flags: 0 }, at && { from: at });
    const itself = request.add('GETATTR', nodeid, { getattr_flags: 0, fh: NO_FH }, at && { from: at });
    const reading = addReading(request, nodeid, FILLED_IN, 0n, { ...at, fh: open });

    const ask = () => core.compound(path, request, { signal, deadlineMs: DATA_DEADLINE_MS });
    const result = await update.send(ask, stamp).catch((error: unknown) => {
      startsFrom(from);
      throw error;
    });
    if (result === undefined) return undefined;
    let isOpen = result.has(open) && !result.has(reading.close);
    let reached: Dentry | undefined;
    try {
      const end = walk === undefined ? nodeid : core.paths.walked(result.get(walk), from, path, stamp).nodeid;
      const inode = core.tree.inodes.get(end);
      if (inode !== undefined && !isDirectory(inode)) throw new ErrnoError('ENOTDIR', path);
      const dentry = core.tree.dentryOf(end);
      if (walk !== undefined) reached = dentry;
      const first = entriesOf(result, reading);
      if (dentry?.inode === undefined) {
        giveBack(core, first);
        return undefined;
      }
      const { attr } = result.get(itself);
      core.tree.learn(dentry.inode, dentry.path, verifyAttr(attr, dentry.inode.type), stamp);
      const names = new TakenEntries(core, dentry, stamp);
      names.take(first);
      if (isOpen) {
        isOpen = false;
        await readOn(core, path, dentry.inode.nodeid, result.get(open).fh, first, names, signal);
      }
      return names.finish();
    } catch (error) {
      // What the walk had just found may be covered by now: opening an automount point mounts something on it.
      startsFrom(reached?.inode === undefined ? from : (reached as PositiveDentry));
      throw error;
    } finally {
      if (isOpen) core.returns.closeOpened(result, open, reading.close, 'RELEASEDIR');
    }
  });
}

/**
 * Reads a directory that one reply did not hold to its end, and sees to it that it is closed. EIO for one that goes on
 * without entries, or at the place where it was; EOVERFLOW for more entries than anybody can use.
 */
async function readOn(
  core: ClientCore,
  path: RemotePath,
  nodeid: NodeId,
  fh: Fh,
  first: Entries,
  names: TakenEntries,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { tree } = core;
  try {
    let offset = endOf(first, path);
    for (let closed = false; !closed; ) {
      const request = new CompoundRequest();
      const reading = addReading(request, nodeid, fh, offset);
      const result = await core.compound(path, request, { signal, deadlineMs: DATA_DEADLINE_MS });
      const part = entriesOf(result, reading);
      closed = result.has(reading.close);
      if (core.tree !== tree) throw new ErrnoError('ESTALE', path);
      names.take(part);
      if (names.size > ENTRIES_MAX)
        throw new ErrnoError('EOVERFLOW', `${path} has more than ${ENTRIES_MAX} entries`);
      if (closed) return;
      const next = endOf(part, path);
      if (next === offset) throw new ErrnoError('EIO', `the listing of ${path} does not go on`);
      offset = next;
    }
  } catch (error) {
    // Another agent than the one that opened it may have given the number to others.
    if (core.tree === tree) core.returns.giveBack({ lookups: [], handles: [{ fh, op: 'RELEASEDIR' }] });
    throw error;
  }
}

/** Where a listing that is not at its end goes on. */
function endOf({ entries }: Entries, path: RemotePath): bigint {
  const last = entries.at(-1);
  if (last === undefined) throw new ErrnoError('EIO', `the listing of ${path} does not go on`);
  return last.off;
}

/** Takes a directory's entries in as they come: names, inodes, attributes, and at the end that there are no others. */
class TakenEntries {
  private readonly entries: DirectoryEntry[] = [];
  private readonly path: RemotePath;

  constructor(
    private readonly core: ClientCore,
    private readonly dentry: Dentry,
    private readonly stamp: Stamp,
  ) {
    this.path = dentry.path;
  }

  get size(): number {
    return this.entries.length;
  }

  take({ entries, links }: Entries): void {
    for (const entry of entries) this.entry(entry);
    for (const { name, walk } of links) {
      try {
        this.core.paths.walked(
          walk,
          this.dentry as PositiveDentry,
          join(this.path, textOf(name)),
          this.stamp,
        );
      } catch (error) {
        // What can't be followed is shown as 'other'.
        if (!(error instanceof ErrnoError)) throw error;
      }
    }
  }

  finish(): Read {
    const { core, dentry, path, entries, stamp } = this;
    const names = new Set(entries.map((entry) => entry.name));
    const crossed = this.disagrees(names) || core.invalidations.crossed(stamp, path);
    const listing: Listing = { entries, names, stamp, crossed };
    dentry.listing = listing;
    if (!listing.crossed) {
      // What is known not to be there is right.
      for (const child of [...dentry.children.values()])
        if (child.inode !== undefined && !names.has(child.name)) core.tree.dentries.drop(child);
    }
    return { dentry, listing, stamp };
  }

  /** A reply that was under way at the same time says otherwise, and may be the newer one. */
  private disagrees(names: ReadonlySet<string>): boolean {
    const { dentry, stamp } = this;
    const { listing, children } = dentry;
    if (listing !== undefined && overlap(listing.stamp, stamp)) {
      const isSame = listing.names.size === names.size && [...names].every((name) => listing.names.has(name));
      if (!isSame) return true;
    }
    return [...children.values()].some(
      (child) => (child.inode !== undefined) !== names.has(child.name) && overlap(child.stamp, stamp),
    );
  }

  private entry({ name: bytes, entry, type }: DirEntryPlus): void {
    const { core, dentry } = this;
    const name = textOf(bytes);
    if (name === '.' || name === '..') return;
    const found = entry.nodeid === 0n ? undefined : core.tree.enter(dentry, name, entry, this.stamp);
    const mode = found === undefined ? type << 12 : entry.attr.mode;
    const mounted = core.superblocks.mountedAt(join(this.path, name)) !== undefined;
    this.entries.push({
      name,
      kind: kindOf(mode),
      isSymlink: (mode & S_IFMT) === S_IFLNK,
      isMountpoint: mounted || (entry.attr.flags & ATTR_SUBMOUNT) !== 0,
    });
  }
}

/**
 * The listing with what its links lead to. Those not known, and not told with it (`fresh`, the stamp of a listing that
 * was just read), are looked up, all in one round trip.
 */
async function linked(
  core: ClientCore,
  dentry: Dentry,
  listing: Listing,
  signal: AbortSignal | undefined,
  fresh?: Stamp,
): Promise<DirectoryEntry[]> {
  const links = listing.entries.filter((entry) => entry.isSymlink);
  if (links.length === 0) return [...listing.entries];
  const { path } = dentry;
  const kinds = new Map<string, DirectoryEntry['kind']>();
  const unknown: string[] = [];
  const nowMs = core.clock.now();
  const look = (name: string, stamp: Stamp | undefined): boolean => {
    const outcome = core.paths.resolve(join(path, name), true, nowMs, { stamp });
    if (outcome.kind === 'missing') return false;
    kinds.set(name, outcome.kind === 'found' ? kindOf(outcome.dentry.inode.type) : 'other');
    return true;
  };
  for (const { name } of links) if (!look(name, fresh)) unknown.push(name);
  if (unknown.length > 0) {
    await follow(core, dentry as PositiveDentry, unknown, signal, (stamp) => {
      for (const name of unknown) look(name, stamp);
    });
  }
  return listing.entries.map((entry) =>
    entry.isSymlink ? { ...entry, kind: kinds.get(entry.name) ?? 'other' } : entry,
  );
}

/** Walks links of a directory to their ends: requests of their own, so that one that leads nowhere ends no other, sent together. */
async function follow(
  core: ClientCore,
  dentry: PositiveDentry,
  names: readonly string[],
  signal: AbortSignal | undefined,
  done: (stamp: Stamp) => void,
): Promise<void> {
  const { path, inode } = dentry;
  const walk = async (name: string, stamp: Stamp) => {
    try {
      const names = [bytesOf(name)];
      const body = await core.session.request(
        'WALK',
        inode.nodeid,
        { flags: WALK_FOLLOW },
        { names, signal },
      );
      core.paths.walked(body, dentry, join(path, name), stamp);
    } catch (error) {
      // What can't be followed is shown as 'other'. When the connection is what failed, so does the listing.
      if (!(error instanceof ErrnoError) || OF_THE_CONNECTION.has(error.errno)) throw error;
    }
  };
  await core.paths.stamped(async (stamp) => {
    const all = () => Promise.all(names.map((name) => walk(name, stamp)));
    await core.superblocks.covering(path).run(all, signal);
    done(stamp);
  });
}

const OF_THE_CONNECTION: ReadonlySet<number> = new Set([Errno.ENOTCONN, Errno.ECANCELED, Errno.ECONNRESET]);

function giveBack(core: ClientCore, { entries, links }: Entries): void {
  for (const { entry } of entries) core.forgets.add(entry.nodeid, 1n);
  for (const { walk } of links) {
    for (const { entry } of decodeWalk(walk).steps) core.forgets.add(entry.nodeid, 1n);
  }
}

function readIn(fh: Fh, offset: bigint) {
  return { fh, offset, size: READDIR_BYTES, read_flags: 0, lock_owner: 0n, flags: 0 };
}

function releaseIn(fh: Fh) {
  return { fh, flags: 0, release_flags: RELEASE_AT_END, lock_owner: 0n };
}
