import { messageOf } from '../../base/errors';
import { S_IFMT, S_IFREG } from '../../protocol/fuse';
import type { HostFile, HostFs } from '../host/hostFs';
import { OpenFlag } from '../ops/openFlags';
import { writeAll } from '../host/copyContent';
import { isErrno } from '../host/hostErrors';
import type { SaveOptions } from './options';
import { formatLine, openRecords, type SaveRecord } from './record';
import { childPath } from '../host/hostPath';

const SUFFIX = '.saves';
const PRIVATE_MODE = 0o600;
/** A journal with all its records ended starts over beyond this size. */
const JOURNAL_BYTES = 64 << 10;

/** A journal that is read: one starts over at JOURNAL_BYTES, unless a record stays open for all of an agent's life. */
const READ_BYTES_MAX = 16n << 20n;
const WRITE_OTHERS = 0o022;

/** A record that is in force until it ends. */
export interface JournalEntry {
  /** It stands in the journal; false where that could not be written. */
  readonly isNoted: boolean;
  end(): Promise<void>;
}

const NOT_NOTED: JournalEntry = { isNoted: false, end: async () => undefined };

/**
 * Notes what this process is about to do, in a file of its own in a private folder: one line when a record begins, one
 * when it ends. What the page cache holds is enough against a crash of the process; `durable` records also outlive one
 * of the host.
 */
export class SaveJournal {
  private file: Promise<HostFile> | undefined;
  private end = 0n;
  /** What is written waits for what was asked for before: a line must not meet the truncation of those before it. */
  private last: Promise<void> = Promise.resolve();
  private open = 0;
  private nextId = 1;

  constructor(
    private readonly host: HostFs,
    private readonly folder: Buffer | undefined,
    private readonly options: Pick<SaveOptions, 'owner' | 'log'>,
  ) {}

  /**
   * Notes a record. A journal that can't be written (its disk is full) does not hinder a save: what it would have noted
   * only matters if the agent crashes as well.
   */
  async begin(record: SaveRecord, durable = false): Promise<JournalEntry> {
    if (this.folder === undefined) return NOT_NOTED;
    const id = this.nextId++;
    this.open++;
    try {
      const file = await this.opened(this.folder);
      await this.inTurn(() => this.append(file, formatLine({ id, record })));
      if (durable) await file.sync(true);
    } catch (error) {
      this.open--;
      this.options.log(`the journal of saves can't be written: ${error}`);
      return NOT_NOTED;
    }
    let ended = false;
    return {
      isNoted: true,
      end: async () => {
        if (ended) return;
        ended = true;
        await this.ended(id);
      },
    };
  }

  private async ended(id: number): Promise<void> {
    this.open--;
    try {
      const file = await this.file;
      if (file === undefined) return;
      await this.inTurn(async () => {
        if (this.open > 0 || this.end < JOURNAL_BYTES) {
          return this.append(file, formatLine({ id, record: undefined }));
        }
        await file.truncate(0n);
        this.end = 0n;
      });
    } catch (error) {
      // The next agent finds a record whose work is done, and sees that it is.
      this.options.log(`the journal of saves can't be written: ${error}`);
    }
  }

  /** The next line goes over one that could not be written whole: behind it, it would be read as part of that. */
  private async append(file: HostFile, line: Buffer): Promise<void> {
    await writeAll(file, line, this.end);
    this.end += BigInt(line.length);
  }

  private inTurn(write: () => Promise<void>): Promise<void> {
    const done = this.last.then(write);
    this.last = done.catch(() => undefined);
    return done;
  }

  private opened(folder: Buffer): Promise<HostFile> {
    this.file ??= this.create(folder).catch((error) => {
      this.file = undefined;
      throw error;
    });
    return this.file;
  }

  private async create(folder: Buffer): Promise<HostFile> {
    const name = Buffer.from(this.options.owner + SUFFIX);
    const flags = OpenFlag.RDWR | OpenFlag.EXCL;
    const made = await this.host.create({ path: folder }, name, flags, PRIVATE_MODE, 0);
    return made.file;
  }

  /** Closes the journal; with nothing open it goes. */
  async close(): Promise<void> {
    const file = await this.file;
    this.file = undefined;
    if (file === undefined || this.folder === undefined) return;
    await file.close();
    const name = Buffer.from(this.options.owner + SUFFIX);
    if (this.open === 0) await forget(this.host, this.folder, name);
  }
}

/** What a process that is gone left undone. */
export interface Abandoned {
  readonly records: readonly SaveRecord[];
  /** All of them are settled: nothing of that process is remembered any more. */
  forget(): Promise<void>;
}

/** The journals in a folder whose processes are gone. What somebody else wrote, or could have written, is none. */
export async function abandonedJournals(
  host: HostFs,
  folder: Buffer | undefined,
  options: Pick<SaveOptions, 'isAlive' | 'uid' | 'log'>,
): Promise<Abandoned[]> {
  if (folder === undefined) return [];
  const found: Abandoned[] = [];
  for (const name of await namesIn(host, folder)) {
    const text = name.toString('latin1');
    if (!text.endsWith(SUFFIX) || options.isAlive(text.slice(0, -SUFFIX.length))) continue;
    const journal = await readOwn(host, childPath(folder, name), options);
    if (journal === undefined) continue;
    const records = openRecords(journal);
    found.push({ records, forget: () => forget(host, folder, name) });
  }
  return found;
}

/** Removes a journal with nothing open in it. Somebody who tidied up, or another agent, may have been first. */
async function forget(host: HostFs, folder: Buffer, name: Buffer): Promise<void> {
  try {
    await host.unlink({ path: folder }, name);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

async function namesIn(host: HostFs, folder: Buffer): Promise<Buffer[]> {
  let directory: HostFile;
  try {
    directory = await host.open({ path: folder }, OpenFlag.DIRECTORY);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
  try {
    return (await directory.list()).map((entry) => entry.name);
  } finally {
    await directory.close();
  }
}

/**
 * A journal of this user's; undefined for what can't be read or is no file, for a file that others own or may write, and
 * for one that no agent made so large: one such must not hide the others.
 */
async function readOwn(
  host: HostFs,
  path: Buffer,
  { uid, log }: Pick<SaveOptions, 'uid' | 'log'>,
): Promise<Buffer | undefined> {
  let file: HostFile;
  try {
    file = await host.open({ path }, OpenFlag.RDONLY | OpenFlag.NOFOLLOW | OpenFlag.NONBLOCK);
  } catch (error) {
    log(`${path} can't be read: ${messageOf(error)}`);
    return undefined;
  }
  try {
    const { size, mode, uid: owner } = await file.stat();
    const isOurs = (mode & S_IFMT) === S_IFREG && (mode & WRITE_OTHERS) === 0 && owner === (uid ?? owner);
    if (!isOurs || size > READ_BYTES_MAX) {
      log(`${path} is no journal of ours, and is not believed`);
      return undefined;
    }
    const into = Buffer.alloc(Number(size));
    return into.subarray(0, await file.read(into, 0n));
  } finally {
    await file.close();
  }
}
