import { attempt, attempts } from './attempt';
import { OpenFlag } from '../../protocol/openFlags';
import type { RemotePath } from '../../protocol/paths';
import { createHash } from 'node:crypto';
import { NO_FH } from '../../protocol/brand';
import { Errno, ErrnoError } from '../../protocol/errno';
import { type Attr, GETATTR_FH, S_IFDIR, S_IFMT, S_IFREG } from '../../protocol/fuse';
import { REREAD_SAME, RereadOut } from '../../protocol/livemount';
import { verifyAttr } from '../../protocol/attributes';
import type { Channel } from '../session/channel';
import { contentVersion, sameContent } from '../cache/content';
import type { Stamp } from '../cache/invalidations';
import { CompoundRequest, FILLED_IN } from '../session/compoundRequest';
import type { ClientCore } from '../state';
import type { Found } from '../tree/lookup';
import { isStale } from '../../protocol/errno';
import { UpdateFirst } from './updateFirst';
import type { Inode } from '../tree/inodes';
import { addWholeRead } from './wholeRead';
import type { PositiveDentry } from '../tree/resolution';
import { DATA_DEADLINE_MS } from '../session/options';
import { inWindow } from '../transfer/transferWindow';
import type { OperationOptions } from '../vfs';

/** What one round trip fetches, and the parts a larger file is read in. */
const FIRST_BYTES = 1 << 20;
/** Cached content from this size on is verified by its attributes before it is fetched again. */
const VERIFY_BYTES = 64 << 10;
/** How often a file is read that changes under the read. */
const TRIES_MAX = 8;
/** A Buffer can hold no more on every host. */
const FILE_MAX = 2n ** 31n - 1n;
/** A file that does not say how long it is may never end. */
const UNSIZED_MAX = 256 << 20;

export interface FileRead {
  readonly bytes: Buffer;
  readonly attr: Attr;
}

/**
 * A file's content with the attributes it belongs to: one version of it, whole. One round trip cold up to 1 MiB, none
 * under a lease. Of a larger file that only grows meanwhile it is what the file held when the read began. EISDIR, EAGAIN
 * for a file that changes faster than it can be read.
 */
export async function readFile(
  core: ClientCore,
  path: RemotePath,
  options: OperationOptions = {},
): Promise<FileRead> {
  const once = async () => (await fromCache(core, path, options)) ?? fetchOnce(core, path, options);
  return attempts(TRIES_MAX, once, () => {
    return new ErrnoError('EAGAIN', `${path} changes faster than it can be read`);
  });
}

/** The cached content, if the cache vouches for it, or the host says that it is still what it was. */
async function fromCache(
  core: ClientCore,
  path: RemotePath,
  options: OperationOptions,
): Promise<FileRead | undefined> {
  const nowMs = core.clock.now();
  const outcome = core.paths.resolve(path, true, nowMs);
  if (outcome.kind !== 'found') return undefined;
  const { inode } = outcome.dentry;
  const content = core.contents.get(inode);
  if (content === undefined || content.doubtful) return undefined;
  let { attr } = inode;
  if (!core.rights.toAttributes(inode, outcome.path, nowMs)) {
    if (content.bytes.length < VERIFY_BYTES) return undefined;
    await core.paths.find(path, true, options.signal);
    ({ attr } = inode);
  }
  if (
    attr === undefined ||
    inode.content !== content ||
    !sameContent(content.version, contentVersion(attr.value))
  ) {
    return undefined;
  }
  return { bytes: content.bytes, attr: attr.value };
}

/** Asks the host. Undefined: something changed meanwhile, ask again. */
async function fetchOnce(
  core: ClientCore,
  path: RemotePath,
  options: OperationOptions,
): Promise<FileRead | undefined> {
  const outcome = core.paths.resolve(path, true, core.clock.now());
  if (outcome.kind === 'absent') throw new ErrnoError('ENOENT', path);
  if (outcome.kind === 'error') throw new ErrnoError(outcome.errno, path);
  if (outcome.kind === 'found') {
    const { dentry } = outcome;
    const size = dentry.inode.attr?.value.size ?? 0n;
    // What the file began with when it was read last, if it may still do so.
    const base = core.contents.get(dentry.inode)?.bytes;
    const isBase = base !== undefined && (size === 0n || BigInt(base.length) <= size);
    const missing = size - BigInt(isBase ? base.length : 0);
    if (missing > BigInt(FIRST_BYTES)) return fetchLarge(core, path, options);
    return fetchSmall(core, path, dentry, [], isBase ? base : undefined, options);
  }
  return fetchSmall(core, path, outcome.from, outcome.rest, undefined, options);
}

async function fetchSmall(
  core: ClientCore,
  path: RemotePath,
  from: PositiveDentry,
  rest: readonly string[],
  base: Buffer | undefined,
  options: OperationOptions,
): Promise<FileRead | undefined> {
  const { signal } = options;
  let isFull = false;
  const fetched = await attempt(core, async (stamp, startsFrom) => {
    startsFrom(from);
    const { nodeid } = from.inode;
    const request = new CompoundRequest();
    const update = UpdateFirst.add(core, path, request);
    const walk = request.addWalk(nodeid, rest);
    const at = walk && { nodeid: walk };
    const before =
      walk === undefined ? request.add('GETATTR', nodeid, { getattr_flags: 0, fh: NO_FH }) : undefined;
    const open = request.add('OPEN', nodeid, READ_ONLY, at && { from: at });
    const handle = { from: { ...at, fh: open } };
    const read = addWholeRead(request, nodeid, handle, FIRST_BYTES, base);
    const after = request.add('GETATTR', nodeid, { getattr_flags: GETATTR_FH, fh: FILLED_IN }, handle);
    const close = request.add('RELEASE', nodeid, RELEASED, handle);
    const ask = () => core.compound(path, request, { signal, deadlineMs: DATA_DEADLINE_MS });
    const result = await update.send(ask, stamp);
    if (result === undefined) return undefined;
    core.returns.closeOpened(result, open, close, 'RELEASE');
    const end = walk === undefined ? nodeid : core.paths.walked(result.get(walk), from, path, stamp).nodeid;
    const inode = core.tree.inodes.get(end);
    const known = before === undefined ? inode?.attr?.value : result.get(before).attr;
    if (known !== undefined) refuseOthers(known, path);
    const { bytes, full } = read.take(result);
    isFull = full;
    const { attr } = result.get(after);
    if (inode === undefined || known === undefined) return undefined;
    verifyAttr(attr, inode.type);
    if (!isVersionOf(known, attr)) return undefined;
    const place = core.tree.dentryOf(end)?.path ?? path;
    core.tree.learn(inode, place, attr, stamp);
    keep(core, inode, place, bytes, attr, stamp);
    return { bytes, attr };
  });
  // A full read may be only the beginning; also of files whose size is not told (proc).
  if (fetched === undefined || !isFull) return fetched;
  return fetched.attr.size === BigInt(fetched.bytes.length) ? fetched : fetchLarge(core, path, options);
}

/** Reads a large file in parts, each opened and closed for itself: no handle is left whatever happens. */
async function fetchLarge(
  core: ClientCore,
  path: RemotePath,
  options: OperationOptions,
): Promise<FileRead | undefined> {
  const found = await core.paths.find(path, true, options.signal);
  refuseOthers(found.attr, path);
  if (found.attr.size > FILE_MAX) throw new ErrnoError('EFBIG', path);
  if (found.attr.size < BigInt(FIRST_BYTES)) return fetchUnsized(core, found, options);
  const size = Number(found.attr.size);
  const whole = Buffer.allocUnsafe(size);
  let done = 0;
  const carrier = core.stripes.carrier(size);
  try {
    return await core.paths.stamped(async (stamp) => {
      let newest = found.attr;
      await inWindow(size, carrier, async (from, to) => {
        const part = await readPart(core, found, from, to - from, options, carrier.next());
        if (part.attr.size < found.attr.size || part.bytes.length !== to - from) throw CHANGED;
        if (!isVersionOf(part.attr, found.attr) && part.attr.size === found.attr.size) throw CHANGED;
        part.bytes.copy(whole, from);
        if (part.attr.size > newest.size) newest = part.attr;
        done += to - from;
        options.progress?.(done, size);
      });
      // That it is longer may mean that it was appended to, or that it is another file by now.
      const grew = newest.size > found.attr.size;
      if (grew && !(await beginsWith(core, found, whole, options))) throw CHANGED;
      core.tree.learn(found.inode, found.path, newest, stamp);
      keep(core, found.inode, found.path, whole, found.attr, stamp);
      return { bytes: whole, attr: found.attr };
    });
  } catch (error) {
    if (error !== CHANGED && !isStale(error)) throw error;
    core.known.drop(found.path);
    return undefined;
  } finally {
    carrier.leave();
  }
}

/** The file is not the one any more whose reading began. */
const CHANGED = new ErrnoError('EAGAIN', 'the file changed while it was read');

/** A file that is longer than its attributes say, as those of proc are: read until it ends. */
async function fetchUnsized(
  core: ClientCore,
  found: Found,
  options: OperationOptions,
): Promise<FileRead | undefined> {
  const parts: Buffer[] = [];
  for (let from = 0; ; ) {
    const part = await readPart(core, found, from, FIRST_BYTES, options, undefined);
    if (!isVersionOf(part.attr, found.attr)) return undefined;
    if (part.bytes.length === 0) return { bytes: Buffer.concat(parts), attr: part.attr };
    // A short part must not hold the whole chunk of the stream that it came in.
    parts.push(owned(part.bytes, 0));
    from += part.bytes.length;
    if (from > UNSIZED_MAX) throw new ErrnoError('EFBIG', `${found.path} does not end`);
  }
}

/** One part of a file, with what the file's attributes are now. */
async function readPart(
  core: ClientCore,
  found: Found,
  from: number,
  bytes: number,
  options: OperationOptions,
  channel: Channel | undefined,
): Promise<FileRead> {
  const { nodeid } = found.inode;
  const request = new CompoundRequest();
  const open = request.add('OPEN', nodeid, READ_ONLY);
  const handle = { from: { fh: open } };
  const read = request.add('READ', nodeid, readIn(from, bytes), handle);
  const after = request.add('GETATTR', nodeid, { getattr_flags: GETATTR_FH, fh: FILLED_IN }, handle);
  const close = request.add('RELEASE', nodeid, RELEASED, handle);
  const { signal } = options;
  const result = await core.compound(found.path, request, {
    signal,
    deadlineMs: DATA_DEADLINE_MS,
    channel,
    background: true,
  });
  core.returns.closeOpened(result, open, close, 'RELEASE');
  const { attr } = result.get(after);
  verifyAttr(attr, found.inode.type);
  return { bytes: result.get(read), attr };
}

/** Both are attributes of the same content of a file. */
function isVersionOf(a: Attr, b: Attr): boolean {
  return sameContent(contentVersion(a), contentVersion(b));
}

/** What a hash takes at a time, so that others are served in between. */
const HASHED_BYTES = 4 << 20;
/** The slowest host or link that may take its time to read a file once more, in bytes per ms. */
const REREAD_BYTES_PER_MS = 1000;

/** The host finds that the file still begins with these bytes: they were read in parts, at different times. */
async function beginsWith(
  core: ClientCore,
  { inode, path }: Found,
  bytes: Buffer,
  { signal }: OperationOptions,
): Promise<boolean> {
  const hashing = createHash('sha256');
  for (let at = 0; at < bytes.length; at += HASHED_BYTES) {
    hashing.update(bytes.subarray(at, at + HASHED_BYTES));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { nodeid } = inode;
  const request = new CompoundRequest();
  const open = request.add('OPEN', nodeid, READ_ONLY);
  const handle = { from: { fh: open } };
  const fixed = { fh: FILLED_IN, have: BigInt(bytes.length), size: 0, flags: 0, hash: hashing.digest() };
  const reread = request.add('REREAD', nodeid, fixed, handle);
  const close = request.add('RELEASE', nodeid, RELEASED, handle);
  const deadlineMs = DATA_DEADLINE_MS + bytes.length / REREAD_BYTES_PER_MS;
  const result = await core.compound(path, request, { signal, deadlineMs, background: true });
  core.returns.closeOpened(result, open, close, 'RELEASE');
  return (RereadOut.decode(result.get(reread)).flags & REREAD_SAME) !== 0;
}

/** Keeps a content that is whole: what its attributes say, and not longer or shorter. */
function keep(
  core: ClientCore,
  inode: Inode,
  path: RemotePath,
  bytes: Buffer,
  attr: Attr,
  stamp: Stamp,
): void {
  if (BigInt(bytes.length) !== attr.size) return;
  core.contents.put(inode, {
    bytes: owned(bytes, VERIFY_BYTES),
    version: contentVersion(attr),
    stamp,
    crossed: core.invalidations.crossed(stamp, path),
  });
}

/** Bytes that hold no more than `spare` others in memory with them. */
function owned(bytes: Buffer, spare: number): Buffer {
  return bytes.buffer.byteLength > bytes.length + spare ? Buffer.from(bytes) : bytes;
}

function refuseOthers(attr: Attr, path: RemotePath): void {
  const type = attr.mode & S_IFMT;
  if (type === S_IFDIR) throw new ErrnoError(Errno.EISDIR, path);
  // Opening a pipe or a device could wait for ever, or do something.
  if (type !== S_IFREG) throw new ErrnoError(Errno.EINVAL, `${path} is no regular file`);
}

function readIn(offset: number, size: number) {
  return { fh: FILLED_IN, offset: BigInt(offset), size, read_flags: 0, lock_owner: 0n, flags: 0 };
}

/** A pipe that took the file's place must not be waited for. (open(2)) */
const READ_ONLY = { flags: OpenFlag.RDONLY | OpenFlag.NONBLOCK, open_flags: 0 };

const RELEASED = { fh: FILLED_IN, flags: 0, release_flags: 0, lock_owner: 0n };
