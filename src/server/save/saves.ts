import { ErrnoError } from '../../protocol/errno';
import { RecoverAction } from '../../protocol/livemount';
import { encodeUnfinished } from '../../protocol/recover';
import type { Handlers } from '../connection/handler';
import type { HostFs } from '../host/hostFs';
import { isWithin } from '../host/hostPath';
import type { Stage } from '../connection/session';
import { copy } from '../trees/copy';
import { remove } from '../trees/remove';
import type { TrashOptions } from '../trees/trash';
import { RestoredFiles } from './restoredFiles';
import { SaveJournal } from './journal';
import { KeyedLock } from './keyedLock';
import type { SaveOptions } from './options';
import { replace } from './replace';
import { stage } from './staging';
import { syncfs } from './syncfs';
import { UnfinishedSaves } from './unfinished';

/** Saving, for all sessions of a process: the operations, and what they note in the agent's private folders. */
export class Saves {
  private readonly journal: SaveJournal;
  private readonly backups: SaveJournal;
  private readonly saving = new KeyedLock();
  private readonly restored = new RestoredFiles();
  /** What earlier agents left undone; `recover` starts going through it. */
  readonly unfinished: UnfinishedSaves;

  constructor(
    private readonly host: HostFs,
    private readonly options: SaveOptions,
    private readonly trash: TrashOptions,
  ) {
    this.journal = new SaveJournal(host, options.runFolder, options);
    this.backups = new SaveJournal(host, options.stateFolder, options);
    this.unfinished = new UnfinishedSaves(host, options, this.backups);
  }

  /** The file for TMPFILE with CREATE_STAGED. */
  readonly stage: Stage = (session, directory, _flags, context) =>
    stage(this.place, session.inodes.locate(directory), context);

  /** REPLACE, SYNCFS and RECOVER. */
  get saveHandlers(): Handlers {
    return {
      REPLACE: (session, request, context) => replace(this.replacePlace, session, request, context),
      SYNCFS: syncfs,
      RECOVER: async (session, request) => {
        const { id, action } = request.in;
        await this.unfinished.recover();
        const { path: root } = session.inodes.locate(session.inodes.root);
        const shown = () => this.unfinished.list().filter(({ path }) => isWithin(path, root));
        if (action !== RecoverAction.LIST && !shown().some((save) => save.id === id)) {
          throw new ErrnoError('ENOENT', `unfinished save ${id} is settled`);
        }
        if (action === RecoverAction.RESTORE) await this.unfinished.restore(id);
        else if (action === RecoverAction.DISCARD) await this.unfinished.discard(id);
        else if (action !== RecoverAction.LIST) throw new ErrnoError('EINVAL', `RECOVER action ${action}`);
        return encodeUnfinished(shown());
      },
    };
  }

  /** REMOVE and COPY. */
  get treeHandlers(): Handlers {
    return {
      REMOVE: (session, request, context) => remove(this.trash, session, request, context),
      COPY: (session, request, context) => copy(this.place, session, request, context),
    };
  }

  private get place() {
    return { host: this.host, options: this.options, journal: this.journal };
  }

  private get replacePlace() {
    const { backups, saving, restored, unfinished } = this;
    return { ...this.place, backups, saving, restored, unfinished };
  }

  /** The process ends in order: what it noted is done. */
  async close(): Promise<void> {
    await this.journal.close();
    await this.backups.close();
  }
}
