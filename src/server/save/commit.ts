import { ErrnoError } from '../../protocol/errno';
import {
  type HostStat,
  type Identity,
  type Locator,
  type OperationContext,
  sameIdentity,
} from '../host/hostFs';
import { childPath } from '../host/hostPath';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../protocol/renameFlags';
import { TimeSlice } from '../timeSlice';
import { copyContent } from '../host/copyContent';
import { assertFree } from '../host/assertFree';
import { isErrno, isUndecided, isUnsupported } from '../host/hostErrors';
import type { SaveRecord } from './record';
import { discardName, type StagedFile, type TemporaryName } from './stagedFile';
import { type StagingPlace, stageNamed } from './staging';
import { underTemporaryName } from '../host/temporaryName';
import { untouched } from './version';

/** A save about to be committed: staged content, and the name it is for. */
export interface Commit {
  readonly place: StagingPlace;
  readonly directory: Locator;
  readonly name: Buffer;
  readonly staged: StagedFile;
  readonly context: OperationContext;
}

/** A commit that was not made, and left everything as it was. */
export type NotCommitted =
  /** What is to be replaced, or what is to replace it, is not what it was: to be looked at again. */
  | 'changed'
  /** The name is taken. */
  | 'taken'
  /** The host does not let the name stand for another file. */
  | 'unmovable';

/** Gives staged content a name that nobody has. */
export async function commitNew(commit: Commit): Promise<'committed' | NotCommitted> {
  const { place, directory, name, staged } = commit;
  if (staged.staging.kind === 'unnamed') {
    try {
      await staged.file.linkInto(directory, name);
      staged.staging = { kind: 'spent' };
      return 'committed';
    } catch (error) {
      if (isErrno(error, 'EEXIST')) return 'taken';
      if (!cannotLink(error)) throw error;
    }
  }
  const own = await named(commit, { kind: 'temporary', directory: directory.path });
  if (own === undefined) return 'changed';
  const { temporary, noted } = own;
  try {
    await renameToNew(temporary);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return 'taken';
    throw error;
  }
  staged.staging = { kind: 'spent' };
  await noted.end();
  return 'committed';

  /** rename(2) that replaces nothing, or the nearest thing the filesystem has. */
  async function renameToNew(temporary: Buffer): Promise<void> {
    const { host } = place;
    try {
      return await host.rename(directory, temporary, directory, name, RENAME_NOREPLACE);
    } catch (error) {
      if (!isUnsupported(error)) throw error;
    }
    try {
      await host.link({ path: childPath(directory.path, temporary) }, directory, name);
    } catch (error) {
      if (!cannotLink(error) && !isErrno(error, 'EMLINK')) throw error;
      // Neither flag nor hard links (vfat before 6.0): what is left is to look first.
      await assertFree(host, directory, name);
      return await host.rename(directory, temporary, directory, name, 0);
    }
    await host.unlink(directory, temporary);
  }
}

/**
 * Replaces the file that `before` describes. The names are exchanged first and what came out is looked at then: nobody
 * can change the file between the look and the replacement, for it has its name no more. If it is not what it should
 * be, the names are exchanged back.
 */
export async function commitOver(
  commit: Commit,
  before: HostStat,
): Promise<'committed' | Exclude<NotCommitted, 'taken'>> {
  const { place, directory, name, staged, context } = commit;
  const { host } = place;
  const ours = await staged.file.stat();
  const { ino } = ours;
  const temporary = await named(commit, {
    kind: 'exchange',
    directory: directory.path,
    name,
    staged: ino,
    before: { ino: before.ino, size: before.size, mtimeNs: before.mtimeNs },
  });
  if (temporary === undefined) return 'changed';
  context.signal?.throwIfAborted();
  // From here until it is known what has the temporary name, that is nobody's to remove; and nothing is cancelled.
  staged.staging = { kind: 'spent' };
  try {
    await host.rename(directory, temporary.temporary, directory, name, RENAME_EXCHANGE);
  } catch (error) {
    await assertNotExchanged(commit, temporary, ino, error);
    remember(staged, temporary);
    if (isErrno(error, 'ENOENT')) return 'changed';
    if (isUnsupported(error)) return renameOver(commit, before, temporary);
    if (isUnmovable(error)) return 'unmovable';
    throw error;
  }
  let replaced: HostStat;
  try {
    replaced = await host.lookup(directory, temporary.temporary);
  } catch (error) {
    await exchangeBack(commit, temporary, ours, before);
    throw error;
  }
  if (!untouched(replaced, before)) {
    await exchangeBack(commit, temporary, ours, replaced);
    return 'changed';
  }
  await removeOld(commit, temporary);
  return 'committed';
}

/**
 * An exchange that failed has not happened, unless the host could not say: then the note of it stays for the next
 * agent to settle, and the error is the save's.
 */
async function assertNotExchanged(
  { place, directory }: Commit,
  { temporary }: TemporaryName,
  staged: bigint,
  error: unknown,
): Promise<void> {
  if (!isErrno(error, 'EIO', 'ETIMEDOUT')) return;
  if (isErrno(error, 'ETIMEDOUT')) throw error;
  if ((await place.host.lookup(directory, temporary)).ino !== staged) throw error;
}

/** Where names can't be exchanged (NFS, SFTP): compare, then rename. Between the two another writer can lose. */
async function renameOver(
  commit: Commit,
  before: HostStat,
  temporary: TemporaryName,
): Promise<'committed' | 'changed' | 'unmovable'> {
  const { place, directory, name, staged } = commit;
  try {
    const present = await place.host.lookup(directory, name);
    if (!untouched(present, before) || present.ctimeNs !== before.ctimeNs) return 'changed';
    await place.host.rename(directory, temporary.temporary, directory, name, 0);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 'changed';
    // EEXIST and ENOTSUP: an SFTP server without posix-rename.
    if (isUnmovable(error) || isUnsupported(error) || isErrno(error, 'EEXIST')) return 'unmovable';
    throw error;
  }
  staged.staging = { kind: 'spent' };
  await temporary.noted.end();
  return 'committed';
}

/**
 * Exchanges in a row that somebody else came between, before we give up. One that replaces the file without a pause comes
 * between most of them.
 */
const EXCHANGES = 500;

/**
 * Gives a file that should not have been replaced its name back. Whenever what comes out is not what we put in, somebody
 * else replaced that in between: theirs is newer, and goes back in for what we had put there.
 */
async function exchangeBack(
  commit: Commit,
  name: TemporaryName,
  staged: Identity,
  foreign: Identity,
): Promise<void> {
  const { place, directory } = commit;
  const { temporary } = name;
  let inside = staged;
  let outside = foreign;
  for (let tries = 0; tries < EXCHANGES; tries++) {
    try {
      await place.host.rename(directory, temporary, directory, commit.name, RENAME_EXCHANGE);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      // Deleted meanwhile, and what was deleted is our content, not theirs.
      await place.host.rename(directory, temporary, directory, commit.name, RENAME_NOREPLACE);
      return loseName(commit, name);
    }
    const out = await place.host.lookup(directory, temporary);
    // By more than its number, which a file made since may have again.
    if (sameIdentity(out, inside)) {
      if (!sameIdentity(inside, staged)) return loseName(commit, name);
      remember(commit.staged, name);
      return;
    }
    inside = outside;
    outside = out;
  }
  throw new ErrnoError('EBUSY', 'the file is being replaced all the time');
}

/** Somebody else did away with the staged content while it had the file's name: it lives by its handle alone. */
async function loseName({ place, staged }: Commit, name: TemporaryName): Promise<void> {
  staged.staging = { kind: 'unnamed' };
  await discardName(place.host, name);
}

/** The old content goes. If it can't, the save is nevertheless done: the note stays, and the next agent tries again. */
async function removeOld({ place }: Commit, old: TemporaryName): Promise<void> {
  try {
    await discardName(place.host, old);
  } catch (error) {
    place.options.log(`${childPath(old.directory.path, old.temporary)} remains after a save: ${error}`);
  }
}

type Noted<R> = R extends SaveRecord ? Omit<R, 'temporary'> : never;

/**
 * Sees that staged content has a temporary name in the directory, and that what is to happen to it is noted. Undefined
 * where it had to move to another inode for that: which has nothing yet but the content.
 */
async function named(commit: Commit, record: Noted<SaveRecord>): Promise<TemporaryName | undefined> {
  const { place, directory, name, staged, context } = commit;
  const { journal, options } = place;
  const note = (temporary: Buffer) => journal.begin({ ...record, temporary } as SaveRecord);
  if (staged.staging.kind === 'unnamed') {
    try {
      return await underTemporaryName(name, options.random, async (temporary) => {
        const noted = await note(temporary);
        try {
          await staged.file.linkInto(directory, temporary);
        } catch (error) {
          if (!isUndecided(error)) await noted.end();
          throw error;
        }
        return remember(staged, { directory, temporary, noted });
      });
    } catch (error) {
      if (!cannotLink(error)) throw error;
    }
    await restage(commit);
    return undefined;
  }
  if (staged.staging.kind !== 'named') {
    throw new ErrnoError('EINVAL', `content that is ${staged.staging.kind} has no name to give`);
  }
  const { temporary, noted } = staged.staging;
  const anew = await note(temporary);
  await noted.end();
  context.signal?.throwIfAborted();
  return remember(staged, { directory, temporary, noted: anew });
}

function remember(staged: StagedFile, name: TemporaryName): TemporaryName {
  staged.staging = { kind: 'named', ...name };
  return name;
}

/** An unnamed file that the host will not name (no /proc, or it had one before): its content moves to one with a name. */
async function restage({ place, directory, staged, context }: Commit): Promise<void> {
  const copy = await stageNamed(place, directory, context);
  try {
    await copyContent(staged.file, copy.file.file, new TimeSlice(context.signal), { sparse: true });
  } catch (error) {
    await copy.file.close();
    throw error;
  }
  await staged.become(copy.file);
}

function cannotLink(error: unknown): boolean {
  return isUnsupported(error) || isErrno(error, 'EPERM', 'ENOENT');
}

/** The name is a mount point, or its file is somebody else's in a sticky directory, or the two are kept apart. */
function isUnmovable(error: unknown): boolean {
  return isErrno(error, 'EPERM', 'EACCES', 'EBUSY', 'EXDEV');
}
