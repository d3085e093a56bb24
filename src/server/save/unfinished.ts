import { ErrnoError } from '../../protocol/errno';
import { RecoverKind } from '../../protocol/livemount';
import type { UnfinishedSave } from '../../protocol/recover';
import type { HostFile, HostFs, HostStat } from '../host/hostFs';
import { childPath, splitPath } from '../host/hostPath';
import { RENAME_EXCHANGE } from '../../protocol/renameFlags';
import { OpenFlag } from '../ops/openFlags';
import { TimeSlice } from '../timeSlice';
import { removeTemporaryTree } from '../trees/temporaryTree';
import { copyContent } from '../host/copyContent';
import { isErrno, isGone } from '../host/hostErrors';
import { abandonedJournals, type JournalEntry, type SaveJournal } from './journal';
import type { SaveOptions } from './options';
import type { SaveRecord } from './record';
import { sameInodeAndContent } from './version';

interface OfferedSave extends UnfinishedSave {
  /** Our own note of it, in place of the one of the agent that is gone. */
  readonly noted: JournalEntry;
}

/**
 * The saves that agents of this user did not live to finish. What can be settled without asking is: temporary names go,
 * a commit that was under way is completed or undone. The rest is kept until the user has decided.
 */
export class UnfinishedSaves {
  private readonly kept = new Map<bigint, OfferedSave>();
  private nextId = 1n;
  private recovering: Promise<void> | undefined;

  constructor(
    private readonly host: HostFs,
    private readonly options: SaveOptions,
    private readonly backups: SaveJournal,
  ) {}

  /**
   * Goes through what earlier agents noted, once. A record that can't be settled now (its mount is gone) waits for the
   * next agent. Never rejects, and may take as long as a filesystem that hangs: nobody should wait for it to serve.
   */
  recover(): Promise<void> {
    this.recovering ??= this.goThrough().catch((error: unknown) => {
      this.options.log(`unfinished saves are not known: ${error}`);
    });
    return this.recovering;
  }

  private async goThrough(): Promise<void> {
    const { host, options } = this;
    const durable = await abandonedJournals(host, options.stateFolder, options);
    const ofThisBoot = await abandonedJournals(host, options.runFolder, options);
    const all = [...durable, ...ofThisBoot];
    // A backup is noted as a temporary file too while it is made and while it goes.
    const backups = new Set(all.flatMap(({ records }) => records).map(backupPath));
    for (const { records, forget } of all) {
      let settled = true;
      for (const record of records) settled = (await this.settle(record, backups)) && settled;
      if (settled) await forget();
    }
  }

  /** False: the note of it is all that leads to it, and has to stay. */
  private async settle(record: SaveRecord, backups: ReadonlySet<string | undefined>): Promise<boolean> {
    try {
      if (record.kind === 'temporary') {
        const path = childPath(record.directory, record.temporary);
        return backups.has(path.toString('latin1')) || (await this.unlinkIfThere(path));
      }
      if (record.kind === 'tree') return await this.settleTree(record);
      return await (record.kind === 'exchange' ? this.settleExchange(record) : this.settleBackup(record));
    } catch (error) {
      this.options.log(`an unfinished save in ${record.directory} can't be settled: ${error}`);
      return false;
    }
  }

  private async settleTree(record: Extract<SaveRecord, { kind: 'tree' }>): Promise<true> {
    const { directory, temporary, top } = record;
    if (!(await removeTemporaryTree(this.host, { path: directory }, temporary, top))) {
      this.options.log(`${childPath(directory, temporary)} is not what was made there, and stays`);
    }
    return true;
  }

  private async settleExchange(record: Extract<SaveRecord, { kind: 'exchange' }>): Promise<boolean> {
    const { host } = this;
    const directory = { path: record.directory };
    const path = childPath(record.directory, record.temporary);
    const out = await this.lookup(path);
    if (out === undefined) return true;
    // Still, or again, our content: nothing was replaced. Or what was to be replaced: the save was complete.
    if (out.ino === record.staged || sameInodeAndContent(out, record.before)) return this.unlinkIfThere(path);
    const target = childPath(record.directory, record.name);
    if ((await this.lookup(target))?.ino === record.staged) {
      await host.rename(directory, record.temporary, directory, record.name, RENAME_EXCHANGE);
      return this.unlinkIfThere(path);
    }
    return this.keep(RecoverKind.DISPLACED, record, path, out.size, 0n);
  }

  private async settleBackup(record: Extract<SaveRecord, { kind: 'backup' }>): Promise<boolean> {
    const backup = await this.lookup(record.backup);
    if (backup === undefined) return true;
    const target = await this.lookup(childPath(record.directory, record.name));
    if (target !== undefined && sameInodeAndContent(target, record.before))
      return this.unlinkIfThere(record.backup);
    return this.keep(RecoverKind.INTERRUPTED, record, record.backup, backup.size, record.timeNs);
  }

  /** Offers what is kept. False where no note of our own could be made of it: the earlier one is needed still. */
  private async keep(
    kind: number,
    record: Extract<SaveRecord, { kind: 'backup' | 'exchange' }>,
    kept: Buffer,
    size: bigint,
    timeNs: bigint,
  ): Promise<boolean> {
    const { directory, name, before } = record;
    // What another program wrote is no backup of ours, which would go when the file is what it was.
    const note: SaveRecord =
      record.kind === 'exchange' ? record : { kind: 'backup', directory, name, backup: kept, before, timeNs };
    const noted = await this.backups.begin(note, true);
    this.add({ kind, timeNs, size, path: childPath(directory, name), kept, noted });
    return noted.isNoted;
  }

  /** Offers what this process itself could not finish or undo. */
  add(save: Omit<OfferedSave, 'id'>): void {
    const id = this.nextId++;
    this.kept.set(id, { id, ...save });
  }

  /** What waits for a decision. */
  list(): readonly UnfinishedSave[] {
    return [...this.kept.values()];
  }

  /** Puts what is kept back into the file, on disk, and lets it go. ENOENT for an id that is settled. */
  async restore(id: bigint): Promise<void> {
    const save = this.get(id);
    const { directory, name } = splitPath(save.path);
    const from = await this.host.open({ path: save.kept }, OpenFlag.RDONLY | OpenFlag.NOFOLLOW);
    try {
      const to = await this.target(directory, name);
      try {
        const size = await copyContent(from, to, new TimeSlice(undefined), { sparse: false });
        await to.truncate(size);
        await to.sync(false);
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
    await this.discard(id);
  }

  private async target(directory: Buffer, name: Buffer): Promise<HostFile> {
    try {
      return await this.host.open({ path: childPath(directory, name) }, OpenFlag.RDWR | OpenFlag.NOFOLLOW);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
    const flags = OpenFlag.RDWR | OpenFlag.EXCL;
    return (await this.host.create({ path: directory }, name, flags, 0o600, 0)).file;
  }

  /** Removes what is kept. ENOENT for an id that is settled. */
  async discard(id: bigint): Promise<void> {
    const save = this.get(id);
    await this.unlinkIfThere(save.kept);
    this.kept.delete(id);
    await save.noted.end();
  }

  private get(id: bigint): OfferedSave {
    const save = this.kept.get(id);
    if (save === undefined) throw new ErrnoError('ENOENT', `unfinished save ${id} is settled`);
    return save;
  }

  private async lookup(path: Buffer): Promise<HostStat | undefined> {
    const { directory, name } = splitPath(path);
    try {
      return await this.host.lookup({ path: directory }, name);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  /** True: it is gone. */
  private async unlinkIfThere(path: Buffer): Promise<true> {
    const { directory, name } = splitPath(path);
    try {
      await this.host.unlink({ path: directory }, name);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    return true;
  }
}

function backupPath(record: SaveRecord): string | undefined {
  return record.kind === 'backup' ? record.backup.toString('latin1') : undefined;
}
