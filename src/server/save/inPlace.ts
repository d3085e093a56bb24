import { ErrnoError } from '../../protocol/errno';
import { RecoverKind } from '../../protocol/livemount';
import type { HostFile, HostFs, HostStat, Locator, OperationContext } from '../host/hostFs';
import { childPath } from '../host/hostPath';
import { OpenFlag } from '../ops/openFlags';
import { TimeSlice } from '../timeSlice';
import { copyContent } from '../host/copyContent';
import type { RestoredFiles } from './restoredFiles';
import { isErrno, isGone, isUndecided, isUnsupported } from '../host/hostErrors';
import type { JournalEntry, SaveJournal } from './journal';
import type { SaveOptions } from './options';
import { underTemporaryName } from '../host/temporaryName';
import type { UnfinishedSaves } from './unfinished';
import { sameInodeAndContent } from './version';

const PRIVATE_MODE = 0o600;
const FALLOC_KEEP_SIZE = 1;
const SECTOR = 512n;

export interface InPlace {
  readonly host: HostFs;
  readonly options: SaveOptions;
  /** Notes of this boot, for what only litters. */
  readonly journal: SaveJournal;
  /** Notes that outlive the boot, of backups. */
  readonly backups: SaveJournal;
  readonly directory: Locator;
  readonly name: Buffer;
  /** Whether a backup may stand beside the file. */
  readonly beside: boolean;
  /** The whole new content. */
  readonly content: HostFile;
  readonly context: OperationContext;
  /** Told of a file whose old content an error brought back. */
  readonly restored: RestoredFiles;
  /** Given what could not be brought back. */
  readonly unfinished: UnfinishedSaves;
}

/**
 * Writes new content into a file that has to stay the inode it is. What it held is in a backup, on disk, before the
 * first byte changes, until the new content is on disk; any error brings it back. Gives the new attributes, or 'changed'
 * (and nothing written) if the file is not what `before` says.
 */
export async function writeInPlace(save: InPlace, before: HostStat): Promise<HostStat | 'changed'> {
  const { host, context } = save;
  let target: HostFile;
  try {
    const at = { path: childPath(save.directory.path, save.name), expect: before };
    target = await host.open(at, OpenFlag.RDWR | OpenFlag.NOFOLLOW, context);
  } catch (error) {
    if (isGone(error)) return 'changed';
    throw error;
  }
  try {
    if (!unchanged(await target.stat(), before)) return 'changed';
    const backup = await makeBackup(save, target, before);
    let isUnchanged: boolean;
    try {
      isUnchanged = unchanged(await target.stat(), before);
      if (isUnchanged) await reserve(target, save.content, before);
    } catch (error) {
      await backup.discard();
      throw error;
    }
    if (!isUnchanged) {
      await backup.discard();
      return 'changed';
    }
    try {
      await overwrite(target, save.content);
    } catch (error) {
      throw await bringBack(save, target, before, backup, error);
    }
    await backup.discard();
    return await target.stat();
  } finally {
    await target.close();
  }
}

function unchanged(now: HostStat, before: HostStat): boolean {
  return sameInodeAndContent(now, before) && now.ctimeNs === before.ctimeNs;
}

/** Takes the room the new content needs before a byte is changed, where the filesystem can. */
async function reserve(target: HostFile, content: HostFile, before: HostStat): Promise<void> {
  const { size } = await content.stat();
  if (size <= before.blocks * SECTOR) return;
  try {
    await target.allocate(FALLOC_KEEP_SIZE, 0n, size);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

async function overwrite(target: HostFile, content: HostFile): Promise<void> {
  // Not cancelled half way: to write it all is as quick as to write it all back.
  const size = await copyContent(content, target, new TimeSlice(undefined), { sparse: false });
  // What another program appended meanwhile would be a tail of nothing.
  if (size < (await target.stat()).size) await target.truncate(size);
  await syncIfThereIsADisk(target);
}

/** Puts a file on disk; one of the kernel's own (proc, sysfs) has none under it. */
async function syncIfThereIsADisk(file: HostFile): Promise<void> {
  try {
    await file.sync(false);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

/**
 * Undoes a write that failed; gives the error to answer. ENOTRECOVERABLE if that failed too: the file may hold a part of
 * the new content, and RECOVER offers the old one.
 */
async function bringBack(
  save: InPlace,
  target: HostFile,
  before: HostStat,
  backup: Backup,
  cause: unknown,
): Promise<unknown> {
  try {
    await copyContent(backup.file, target, new TimeSlice(undefined), { sparse: false });
    await target.truncate(before.size);
    await target.setTimes({ atimeNs: before.atimeNs, mtimeNs: before.mtimeNs });
    await syncIfThereIsADisk(target);
    save.restored.note(before, await target.stat());
  } catch (error) {
    save.options.log(`what ${childPath(save.directory.path, save.name)} held is not put back: ${error}`);
    await backup.keep();
    const message = `the write failed and what the file held could not be put back: it is kept in ${backup.path}`;
    return new ErrnoError('ENOTRECOVERABLE', message, { cause });
  }
  await backup.discard();
  return cause;
}

/** What a file held before it is written in place. */
interface Backup {
  readonly path: Buffer;
  readonly file: HostFile;
  /** It is not needed any more. */
  discard(): Promise<void>;
  /** The user has to decide what becomes of it. */
  keep(): Promise<void>;
}

/** A whole copy, on disk: beside the file, or in the agent's own folder where that takes no new file. */
async function makeBackup(save: InPlace, target: HostFile, before: HostStat): Promise<Backup> {
  const { stateFolder } = save.options;
  if (save.beside) {
    try {
      return await backupIn(save, save.directory, target, before);
    } catch (error) {
      if (stateFolder === undefined || isErrno(error, 'EINTR')) throw error;
      save.options.log(`no backup beside ${childPath(save.directory.path, save.name)}: ${error}`);
    }
  }
  if (stateFolder === undefined) {
    throw new ErrnoError(
      'EACCES',
      'the file can only be written in place, and there is no place for a backup',
    );
  }
  return backupIn(save, { path: stateFolder }, target, before);
}

async function backupIn(save: InPlace, folder: Locator, target: HostFile, before: HostStat): Promise<Backup> {
  const { host, options, journal, backups, context } = save;
  return underTemporaryName(
    save.name,
    options.random,
    async (temporary) => {
      const making = { kind: 'temporary', directory: folder.path, temporary } as const;
      const noted = await journal.begin(making);
      let file: HostFile;
      try {
        const flags = OpenFlag.RDWR | OpenFlag.EXCL;
        ({ file } = await host.create(folder, temporary, flags, PRIVATE_MODE, 0, context));
      } catch (error) {
        if (!isUndecided(error)) await noted.end();
        throw error;
      }
      const path = childPath(folder.path, temporary);
      const timeNs = options.now();
      let declared: JournalEntry | undefined;
      try {
        await copyContent(target, file, new TimeSlice(context.signal), { sparse: true });
        await file.sync(false);
        // Where the directory can't be synced, the file's fsync has put the new name on disk with it.
        await syncDirectory(host, folder);
        declared = await backups.begin(
          {
            kind: 'backup',
            directory: save.directory.path,
            name: save.name,
            backup: path,
            before: { ino: before.ino, size: before.size, mtimeNs: before.mtimeNs },
            timeNs,
          },
          true,
        );
      } catch (error) {
        await remove(save, folder, temporary, file, noted);
        throw error;
      }
      await noted.end();
      const isDeclared = declared;
      const discard = async () => {
        const going = await journal.begin(making);
        await isDeclared.end();
        await remove(save, folder, temporary, file, going);
      };
      const keep = async () => {
        const { size } = await file.stat();
        const of = childPath(save.directory.path, save.name);
        save.unfinished.add({
          kind: RecoverKind.INTERRUPTED,
          path: of,
          kept: path,
          size,
          timeNs,
          noted: isDeclared,
        });
        await closed(save, file);
      };
      return { path, file, discard, keep };
    },
    'backup-',
  );
}

/** A backup that can't be removed does no harm: the note stays, and the next agent tries again. */
async function remove(
  save: InPlace,
  folder: Locator,
  temporary: Buffer,
  file: HostFile,
  noted: JournalEntry,
): Promise<void> {
  try {
    await save.host.unlink(folder, temporary);
    await noted.end();
  } catch (error) {
    save.options.log(`${childPath(folder.path, temporary)} remains after a save: ${error}`);
  }
  await closed(save, file);
}

/** Closes a backup, which has nothing to say that its sync has not said. */
async function closed({ options }: InPlace, file: HostFile): Promise<void> {
  try {
    await file.close();
  } catch (error) {
    options.log(`closing a backup: ${error}`);
  }
}

/**
 * Puts a directory's entries on disk (fsync(2) of a directory; some filesystems have none). False for one that may be
 * written and not read: it can't be opened for that.
 */
export async function syncDirectory(host: HostFs, directory: Locator): Promise<boolean> {
  let open: HostFile;
  try {
    open = await host.open(directory, OpenFlag.RDONLY | OpenFlag.DIRECTORY);
  } catch (error) {
    if (isErrno(error, 'EACCES')) return false;
    throw error;
  }
  try {
    await open.sync(false);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  } finally {
    await open.close();
  }
  return true;
}
