import type { Fh, NodeId } from '../../protocol/brand';
import { Errno, ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFMT } from '../../protocol/fuse';
import {
  CREATE_STAGED,
  REPLACE_EXPECT,
  REPLACE_EXPECT_ABSENT,
  REPLACE_FSYNC,
  REPLACE_MODE,
  ReplaceHow,
  type Version,
  WALK_PARENT,
} from '../../protocol/livemount';
import type { OutOf } from '../../protocol/opcodes';
import { OpenFlag } from '../../protocol/openFlags';
import { contentVersion } from '../cache/content';
import type { Stamp } from '../cache/invalidations';
import { CompoundRequest, type CompoundResult, FILLED_IN, type Part } from '../session/compoundRequest';
import type { ClientCore } from '../state';
import type { Found } from '../tree/lookup';
import type { Dentry } from '../tree/dentries';
import { bytesOf, textOf } from '../../protocol/names';
import { join, type RemotePath, ROOT_PATH } from '../../protocol/paths';
import type { PositiveDentry } from '../tree/resolution';
import { DATA_DEADLINE_MS, type RequestOptions } from '../session/options';
import { attempt, attempts } from './attempt';
import { inWindow } from '../transfer/transferWindow';
import type { WriteOptions } from '../vfs';

/** What one round trip saves, with its name and conflict check. */
const ONE_TRIP_BYTES = 1 << 20;
const TRIES_MAX = 5;
const NO_VERSION: Version = { ino: 0n, size: 0n, mtime_ns: 0n, ctime_ns: 0n };

/** Where a save goes: a directory, and the name in it. */
type Target =
  | { readonly known: true; readonly parent: PositiveDentry; readonly name: string }
  /** The host must be asked which: the rest of the path from a directory. */
  | { readonly known: false; readonly from: PositiveDentry; readonly rest: readonly string[] };

/** What the file must be like for the save to happen. */
interface Condition {
  readonly flags: number;
  readonly expect: Version;
}

/**
 * Saves a file: staged beside its target and committed by one REPLACE, so it holds the old or the new content, whole.
 * One round trip up to 1 MiB. EREMCHG: the host's file is another version than expected; EEXIST and ENOENT as
 * `create` and `overwrite` say; nothing was written then.
 */
export async function writeFile(
  core: ClientCore,
  path: RemotePath,
  content: Uint8Array,
  options: WriteOptions,
): Promise<Found> {
  if (path === ROOT_PATH) throw new ErrnoError('EISDIR', path);
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const condition = await conditionOf(core, path, options);
  const once = () => {
    const save: Save = { path, target: targetOf(core, path), bytes, condition, options };
    return attempt(core, async (stamp, startsFrom) => {
      const staging = stage(save.target);
      startsFrom(staging.start);
      try {
        const isSmall = bytes.length <= ONE_TRIP_BYTES;
        return await (isSmall ? saveSmall : saveLarge)(core, save, staging, stamp);
      } catch (error) {
        return followed(core, save.target, error);
      }
    });
  };
  const changing = () => new ErrnoError('ESTALE', `${path} changed while it was saved`);
  return attempts(TRIES_MAX, once, changing);
}

/** One attempt to save a file: what goes where, and on what condition. */
interface Save {
  readonly path: RemotePath;
  readonly target: Target;
  readonly bytes: Buffer;
  readonly condition: Condition;
  readonly options: WriteOptions;
}

async function conditionOf(core: ClientCore, path: RemotePath, options: WriteOptions): Promise<Condition> {
  const given =
    (core.durability === 'fsync' ? REPLACE_FSYNC : 0) | (options.mode === undefined ? 0 : REPLACE_MODE);
  const { create, overwrite, expect } = options;
  if (create && !overwrite) return { flags: given | REPLACE_EXPECT_ABSENT, expect: NO_VERSION };
  if (expect !== 'any') return { flags: given | REPLACE_EXPECT, expect };
  // There must be a file, whichever it is.
  if (!create) await core.paths.find(path, true, options.signal);
  return { flags: given, expect: NO_VERSION };
}

/** What the cache knows of the place. Links are followed: a save goes to the file they lead to. */
function targetOf(core: ClientCore, path: RemotePath): Target {
  const outcome = core.paths.resolve(path, true, core.clock.now());
  switch (outcome.kind) {
    case 'found': {
      const { dentry } = outcome;
      if ((dentry.inode.type & S_IFMT) === S_IFDIR) throw new ErrnoError('EISDIR', path);
      return { known: true, parent: dentry.parent as PositiveDentry, name: dentry.name };
    }
    case 'absent':
      if (outcome.parent === undefined) throw new ErrnoError('ENOENT', path);
      return { known: true, parent: outcome.parent as PositiveDentry, name: outcome.name };
    case 'error':
      throw new ErrnoError(outcome.errno, path);
    case 'missing':
      return { known: false, from: outcome.from, rest: outcome.rest };
  }
}

/** The first requests of a save: the place, and a staged file there. */
interface Staging {
  readonly request: CompoundRequest;
  readonly start: PositiveDentry;
  readonly walk: Part<'WALK'> | undefined;
  readonly staged: Part<'TMPFILE'>;
}

function stage(target: Target): Staging {
  const request = new CompoundRequest();
  const start = target.known ? target.parent : target.from;
  const { nodeid } = start.inode;
  const walk = target.known
    ? undefined
    : request.add('WALK', nodeid, { flags: WALK_PARENT }, { names: [bytesOf(target.rest.join('/'))] });
  const staged = request.add(
    'TMPFILE',
    nodeid,
    { flags: OpenFlag.RDWR, mode: 0o600, umask: 0, open_flags: CREATE_STAGED },
    { names: [Buffer.alloc(0)], ...(walk && { from: { nodeid: walk } }) },
  );
  return { request, start, walk, staged };
}

async function saveSmall(
  core: ClientCore,
  { path, target, bytes, condition: { flags, expect }, options }: Save,
  { request, start, walk, staged }: Staging,
  stamp: Stamp,
): Promise<Found | undefined> {
  const { nodeid } = start.inode;
  const handle = { from: { nodeid: staged, fh: staged } };
  const written =
    bytes.length > 0
      ? request.add('WRITE', nodeid, writeIn(FILLED_IN, 0, bytes), { data: bytes, ...handle })
      : undefined;
  const replaced = request.add(
    'REPLACE',
    nodeid,
    { fh: FILLED_IN, flags, mode: options.mode ?? 0, expect },
    {
      names: [target.known ? bytesOf(target.name) : Buffer.alloc(0)],
      from: { fh: staged, ...(walk && { nodeid: walk, name: walk }) },
    },
  );
  // The name of a link's target is only known when the reply is here.
  const holding = core.events.hold(target.known ? join(target.parent.path, target.name) : path);
  try {
    const result = await core.compound(path, request, {
      signal: options.signal,
      deadlineMs: DATA_DEADLINE_MS,
      progress: options.progress,
    });
    // A commit closes the staged file, a refusal leaves it open.
    if (result.has(replaced)) core.forgets.add(result.get(staged).entry.nodeid, 1n);
    else abandonStaged(core, result, staged);
    const place = placeOf(core, result, target, walk, path, stamp);
    if (place === undefined && !result.has(replaced)) return undefined;
    if (written !== undefined && result.get(written).size !== bytes.length) throw new ErrnoError('EIO', path);
    const reply = result.get(replaced);
    return place === undefined
      ? await takenByPath(core, path, reply, options)
      : taken(core, place, reply, bytes, stamp);
  } finally {
    holding.dispose();
  }
}

async function saveLarge(
  core: ClientCore,
  { path, target, bytes, condition: { flags, expect }, options }: Save,
  { request, start, walk, staged }: Staging,
  stamp: Stamp,
): Promise<Found | undefined> {
  const { signal } = options;
  const { tree } = core;
  let fh: Fh | undefined;
  let holding: { dispose(): void } | undefined;
  const carrier = core.stripes.carrier(bytes.length);
  try {
    const result = await core.compound(path, request, { signal, patient: true });
    const place = placeOf(core, result, target, walk, path, stamp);
    if (place === undefined) {
      abandonStaged(core, result, staged);
      return undefined;
    }
    const { entry, open } = result.get(staged);
    fh = open.fh;
    core.forgets.add(entry.nodeid, 1n);
    let done = 0;
    await inWindow(bytes.length, carrier, async (from, to) => {
      const part = { nodeid: entry.nodeid, fh: open.fh, offset: from, bytes: bytes.subarray(from, to) };
      await writePart(core, path, part, { signal, channel: carrier.next() });
      done += to - from;
      options.progress?.(done, bytes.length);
    });
    const parent = place.parent.inode?.nodeid ?? start.inode.nodeid;
    holding = core.events.hold(join(place.parent.path, place.name));
    const reply = await core.superblocks
      .covering(path)
      .run(
        () =>
          core.session.request(
            'REPLACE',
            parent,
            { fh: open.fh, flags, mode: options.mode ?? 0, expect },
            { names: [bytesOf(place.name)], signal, deadlineMs: DATA_DEADLINE_MS },
          ),
        signal,
      );
    fh = undefined;
    return taken(core, place, reply, bytes, stamp);
  } finally {
    carrier.leave();
    holding?.dispose();
    // Another agent than the one that opened it may have given the number to another file.
    if (fh !== undefined && core.tree === tree)
      core.returns.giveBack({ lookups: [], handles: [{ fh, op: 'RELEASE' }] });
  }
}

/** A part of a staged file. */
interface StagedPart {
  readonly nodeid: NodeId;
  readonly fh: Fh;
  readonly offset: number;
  readonly bytes: Buffer;
}

async function writePart(
  core: ClientCore,
  path: RemotePath,
  { nodeid, fh, offset, bytes }: StagedPart,
  { signal, channel }: Pick<RequestOptions, 'signal' | 'channel'>,
): Promise<void> {
  const ask = () =>
    core.session.request('WRITE', nodeid, writeIn(fh, offset, bytes), {
      data: bytes,
      signal,
      deadlineMs: DATA_DEADLINE_MS,
      channel,
      background: true,
    });
  const { size } = await core.superblocks.covering(path).run(ask, signal);
  if (size !== bytes.length) throw new ErrnoError('ENOSPC', `${size} of ${bytes.length} bytes were written`);
}

/** Where the file is: the directory and the name the walk came to. Undefined: the directory is not known by name any more. */
interface Place {
  readonly parent: Dentry;
  readonly name: string;
}

function placeOf(
  core: ClientCore,
  result: CompoundResult,
  target: Target,
  walk: Part<'WALK'> | undefined,
  path: RemotePath,
  stamp: Stamp,
): Place | undefined {
  if (target.known || walk === undefined) return target.known ? target : undefined;
  const { nodeid, steps, error } = core.paths.walked(result.get(walk), target.from, path, stamp);
  if (error !== 0 && error !== -Errno.ESTALE) throw new ErrnoError(-error, path);
  const parent = core.tree.dentryOf(nodeid);
  const name = steps.at(-1)?.name;
  return parent === undefined || name === undefined ? undefined : { parent, name: textOf(name) };
}

/** The save is done: the reply says what the file is now, and the content is what was written. */
function taken(
  core: ClientCore,
  { parent, name }: Place,
  reply: OutOf<'REPLACE'>,
  bytes: Buffer,
  stamp: Stamp,
): Found {
  const { entry, version, how } = reply;
  const path = join(parent.path, name);
  // Somebody else may have made the file that was replaced, and the event that tells of it be still to come.
  const isNew = how === ReplaceHow.CREATED || parent.listing?.names.has(name) === false;
  core.ownChanges.wrote(path, version, isNew);
  if (isNew) core.known.changed(parent);
  else if (how === ReplaceHow.RENAMED) core.known.renamedWithin(parent);
  const settled = core.known.acknowledged(stamp, path);
  const { inode } = core.tree.enter(parent, name, entry, settled ?? stamp);
  if (inode === undefined) throw new ErrnoError('EIO', `REPLACE of ${path} gave no inode`);
  core.madeDirty(inode);
  if (settled !== undefined) {
    const kept = core.contents.keeps(bytes.length) ? Buffer.from(bytes) : bytes;
    const version = contentVersion(entry.attr);
    core.contents.put(inode, { bytes: kept, version, stamp: settled, crossed: false });
  }
  return { kind: 'found', inode, attr: entry.attr, path, link: undefined };
}

/**
 * The save is done, in a directory that was dropped meanwhile and is known by no name now: it must not be done again.
 * The path is looked up, and the version is the one that was saved.
 */
async function takenByPath(
  core: ClientCore,
  path: RemotePath,
  { entry, version, how }: OutOf<'REPLACE'>,
  { signal }: WriteOptions,
): Promise<Found> {
  core.forgets.add(entry.nodeid, 1n);
  core.ownChanges.wrote(path, version, how === ReplaceHow.CREATED);
  return { ...(await core.paths.find(path, true, signal)), attr: entry.attr };
}

/** A name that has become a link meanwhile is looked up again, and followed; any other error is the attempt's. */
function followed(core: ClientCore, target: Target, error: unknown): undefined {
  const isLink = error instanceof ErrnoError && error.errno === Errno.ELOOP && target.known;
  if (!isLink) throw error;
  core.known.drop(join(target.parent.path, target.name));
}

function abandonStaged(core: ClientCore, result: CompoundResult, staged: Part<'TMPFILE'>): void {
  if (!result.has(staged)) return;
  const { entry, open } = result.get(staged);
  core.returns.giveBack({ lookups: [entry.nodeid], handles: [{ fh: open.fh, op: 'RELEASE' }] });
}

function writeIn(fh: Fh, offset: number, data: Buffer) {
  return { fh, offset: BigInt(offset), size: data.length, write_flags: 0, lock_owner: 0n, flags: 0 };
}
