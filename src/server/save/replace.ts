import { ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../protocol/fuse';
import {
  REPLACE_EXPECT,
  REPLACE_EXPECT_ABSENT,
  REPLACE_FSYNC,
  REPLACE_MODE,
  ReplaceHow,
} from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import type { OutOf } from '../../protocol/opcodes';
import type { ClientState } from '../connection/handler';
import type { HostStat, OperationContext } from '../host/hostFs';
import { childPath } from '../host/hostPath';
import { entryOf } from '../ops/attributes';
import { checkedName } from '../ops/lookup';
import { OpenFlag } from '../ops/openFlags';
import { isAppendOnly } from './appendOnly';
import { type Commit, commitNew, commitOver } from './commit';
import type { RestoredFiles } from './restoredFiles';
import { isErrno, isGone, isUnsupported } from '../host/hostErrors';
import { syncDirectory, writeInPlace } from './inPlace';
import type { KeyedLock } from './keyedLock';
import { copyAttributes } from './copyAttributes';
import { giveNewFileItsMode } from './newFileMode';
import { StagedFile } from './stagedFile';
import type { StagingPlace } from './staging';
import type { SaveJournal } from './journal';
import type { UnfinishedSaves } from './unfinished';
import { isVersion, versionOf } from './version';

/** access(2) */
const W_OK = 2;
/** How often a file may change between our look and our commit before a save that expects nothing gives up. */
const TRIES = 32;

export interface ReplacePlace extends StagingPlace {
  readonly backups: SaveJournal;
  readonly saving: KeyedLock;
  readonly restored: RestoredFiles;
  readonly unfinished: UnfinishedSaves;
}

type Reply = OutOf<'REPLACE'>;

/** REPLACE: commits staged content as a name. The handle is closed by a commit, and stays open after an error. */
export async function replace(
  place: ReplacePlace,
  session: ClientState,
  request: Request<'REPLACE'>,
  context: OperationContext,
): Promise<Reply> {
  const parent = session.inodes.get(request.header.nodeid);
  const name = checkedName(request.names[0]);
  const { fh, flags } = request.in;
  const { file: staged, nodeid } = session.handles.get(fh);
  if (!(staged instanceof StagedFile)) throw new ErrnoError('EINVAL', 'the handle is not of a staged file');
  staged.assertWhole();
  const directory = session.inodes.locate(parent);
  const commit: Commit = { place, directory, name, staged, context };
  const key = childPath(directory.path, name).toString('latin1');
  const { how, stat } = await place.saving.run(key, () => carryOut(place, commit, request.in));

  const durable = (flags & REPLACE_FSYNC) !== 0;
  const inode = session.inodes.claim(parent, name, stat);
  if (how === ReplaceHow.IN_PLACE) {
    session.dirty.remove(inode.identity.sb, inode.nodeid);
  } else if (!durable) {
    session.dirty.add(inode.identity.sb, inode.nodeid);
    session.dirty.add(parent.identity.sb, parent.nodeid);
  }
  if (how === ReplaceHow.IN_PLACE || durable) session.dirty.remove(staged.sb, nodeid);
  session.handles.remove(fh);
  try {
    await staged.close();
  } catch (error) {
    // The save is done, and close(2) has nothing to say that the flush before the commit has not said.
    place.options.log(`closing ${key} after its save: ${error}`);
  }
  return { entry: entryOf(session, parent, inode, stat), version: versionOf(stat), how, flags: 0 };
}

interface Saved {
  readonly how: number;
  readonly stat: HostStat;
}

async function carryOut(
  place: ReplacePlace,
  commit: Commit,
  wanted: Request<'REPLACE'>['in'],
): Promise<Saved> {
  const { staged, directory } = commit;
  const saved = await attempts(place, commit, wanted);
  if (saved.how !== ReplaceHow.IN_PLACE && wanted.flags & REPLACE_FSYNC) {
    // The file's own fsync writes the journal, where there is one, and with it the name.
    if (!(await syncDirectory(place.host, directory))) await staged.file.sync(false);
  }
  return { how: saved.how, stat: saved.stat ?? (await staged.file.stat()) };
}

/** Looks, compares and commits, again from the start when the file changed in between. */
async function attempts(
  place: ReplacePlace,
  commit: Commit,
  wanted: Request<'REPLACE'>['in'],
): Promise<{ how: number; stat?: HostStat }> {
  for (let tries = 0; tries < TRIES; tries++) {
    commit.context.signal?.throwIfAborted();
    const before = await present(commit);
    assertExpected(place, before, wanted);
    if (before === undefined) {
      assertTakesNewFiles(commit.staged);
      await giveNewFileItsMode(commit, wanted.flags & REPLACE_MODE ? wanted.mode : undefined);
      await flushContent(commit, wanted.flags);
      if ((await commitNew(commit)) === 'committed') return { how: ReplaceHow.CREATED };
      continue;
    }
    let isReplaceable: boolean;
    try {
      await assertWritable(commit, before);
      isReplaceable = await canBeReplaced(commit, before);
    } catch (error) {
      if (isGone(error)) continue;
      throw error;
    }
    if (isReplaceable) {
      await flushContent(commit, wanted.flags);
      const result = await commitOver(commit, before);
      if (result === 'committed') return { how: ReplaceHow.RENAMED };
      if (result === 'changed') continue;
    }
    const stat = await inPlace(place, commit, before);
    if (stat !== 'changed') return { how: ReplaceHow.IN_PLACE, stat };
  }
  throw new ErrnoError('EBUSY', 'the file changes all the time');
}

/**
 * The file to be replaced, if there is one. Over a network its attributes may be old: opening it asks the server
 * (close-to-open consistency, nfs(5)).
 */
async function present({ place, directory, name }: Commit): Promise<HostStat | undefined> {
  const { host } = place;
  let stat: HostStat;
  try {
    stat = await host.lookup(directory, name);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  if (host.mounts.get(stat.sb)?.kind !== 'network' || (stat.mode & S_IFMT) !== S_IFREG) return stat;
  try {
    const file = await host.open({ path: childPath(directory.path, name) }, OpenFlag.NOFOLLOW);
    try {
      return await file.stat();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isGone(error)) return undefined;
    // It may be written and not read: what the attribute cache knows has to do.
    if (isErrno(error, 'EACCES')) return stat;
    throw error;
  }
}

function assertExpected(
  { restored }: ReplacePlace,
  found: HostStat | undefined,
  wanted: Request<'REPLACE'>['in'],
): void {
  if (found !== undefined && (found.mode & S_IFMT) === S_IFDIR) {
    throw new ErrnoError('EISDIR', 'a directory has the name');
  }
  if (wanted.flags & REPLACE_EXPECT_ABSENT && found !== undefined) {
    throw new ErrnoError('EEXIST', 'somebody else has made the file');
  }
  if (!(wanted.flags & REPLACE_EXPECT)) return;
  const { expect } = wanted;
  if (found === undefined || !(isVersion(found, expect) || restored.isStill(found, expect))) {
    throw new ErrnoError('EREMCHG', 'the file is not the one last seen');
  }
}

function assertTakesNewFiles({ staging }: StagedFile): void {
  if (staging.kind === 'elsewhere') throw staging.why;
  if (staging.kind === 'spent') throw new ErrnoError('EINVAL', 'the content was committed before');
}

/** A save is a write: who may not write the file may not replace it either, whatever the directory would allow. */
async function assertWritable({ place, directory, name }: Commit, before: HostStat): Promise<void> {
  const type = before.mode & S_IFMT;
  if (type === S_IFLNK) throw new ErrnoError('ELOOP', 'the name has become a symbolic link');
  if (type !== S_IFREG) throw new ErrnoError('EOPNOTSUPP', 'only regular files are saved');
  await place.host.access({ path: childPath(directory.path, name) }, W_OK);
}

/** Whether another inode may take the name, and has all that makes it like the one that has it now. */
async function canBeReplaced(commit: Commit, before: HostStat): Promise<boolean> {
  const { place, directory, name, staged } = commit;
  if (staged.staging.kind === 'spent') throw new ErrnoError('EINVAL', 'the content was committed before');
  if (staged.staging.kind === 'elsewhere' || before.nlink > 1 || before.mountRoot) return false;
  if (await isAppendOnly(place.host, directory)) return false;
  const target = { path: childPath(directory.path, name), expect: before };
  return (await copyAttributes(place.host, staged.file, target, before)) === undefined;
}

/**
 * Sees that the name never stands for less than the whole content, also after a power cut: the blocks are on their way
 * before the name is (as ext4 does by itself for a plain rename: auto_da_alloc), or on disk where that was asked. Over
 * a network only this reports a full disk or quota.
 */
async function flushContent({ place, staged }: Commit, flags: number): Promise<void> {
  const kind = place.host.mounts.get(staged.sb)?.kind;
  if (flags & REPLACE_FSYNC || kind === 'network' || kind === 'fuse') return staged.file.sync(false);
  try {
    await staged.file.startWriteback();
  } catch (error) {
    if (!isUnsupported(error) && !isErrno(error, 'ESPIPE')) throw error;
  }
}

async function inPlace(place: ReplacePlace, commit: Commit, before: HostStat): Promise<HostStat | 'changed'> {
  const { staged } = commit;
  // By inode: the names of a file with several links must not be written at once either.
  return place.saving.run(`${before.sb}:${before.ino}`, async () =>
    writeInPlace(
      {
        ...place,
        directory: commit.directory,
        name: commit.name,
        beside: staged.staging.kind !== 'elsewhere' && !(await isAppendOnly(place.host, commit.directory)),
        content: staged.file,
        context: commit.context,
      },
      before,
    ),
  );
}
