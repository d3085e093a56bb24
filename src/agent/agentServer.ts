import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DisposableStore, type Disposable } from '../base/dispose';
import { messageOf } from '../base/errors';
import { dataHome, stateHome } from '../base/xdg';
import { fuseHandlers } from '../server/ops';
import { VALIDITY_S, type Validity } from '../server/ops/attributes';
import { Saves } from '../server/save/saves';
import { Server } from '../server/connection/server';
import { processHandlers } from '../server/processes/handlers';
import { ProcessService } from '../server/processes/processService';
import { Watches } from '../server/watch/service';
import { claimFirstFolder, socketFolderCandidates } from './daemon/privateFolder';
import { Finds } from './find/finds';
import { RipgrepProgram } from './find/ripgrepProgram';
import { MountNews } from './libc/mountNews';
import { Pump } from './libc/pump';
import { handleBudget } from './handleBudget';
import { Lanes } from './posix/lanes';
import { MountTable } from './posix/mountTable';
import { PosixHostFs } from './posix/posixHostFs';
import { bootId, mayBeAlive, processName } from './processIdentity';
import { PosixProcessHost, type PosixProcessOptions } from './processes/posixProcessHost';
import { type ForcedBackend, HostBackends } from './watch/hostBackends';

export interface AgentOptions {
  /** Absolute, without a symbolic link in it. */
  readonly root: Buffer;
  readonly cache: Validity;
  /** Watch with this backend only; undefined: the best that each superblock allows. */
  readonly backend: ForcedBackend;
  readonly graceS: number;
  /** Clients may run processes: the daemon alone, whose every client is the user. */
  readonly processes?: Omit<PosixProcessOptions, 'umask' | 'log'> | undefined;
  readonly log: (message: string) => void;
}

/** The FUSE server over this host: all that `serve` and `daemon` have in common. */
export class AgentServer implements Disposable {
  readonly server: Server;
  private readonly saves: Saves;
  private readonly processes: ProcessService | undefined;
  private readonly programs: PosixProcessHost | undefined;
  private readonly pump: Pump;
  private readonly owned = new DisposableStore();

  constructor(options: AgentOptions) {
    const { log } = options;
    const umask = process.umask(0); // every request brings the umask to use
    const pump = this.owned.add(new Pump((error) => log(`taking notifications apart: ${messageOf(error)}`)));
    this.pump = pump;
    const mounts = new MountTable(undefined, { news: this.owned.add(new MountNews()), log });
    this.owned.add(pump.watchMounts(() => mounts.changed()));
    const lanes = new Lanes(mounts);
    const host = new PosixHostFs(mounts, lanes);
    const watches = this.owned.add(
      new Watches({
        mounts,
        backends: new HostBackends({
          openSource: (fd, onBytes, onEnd) => pump.read(fd, onBytes, onEnd),
          lanes,
          ...(options.backend && { force: options.backend }),
        }),
        log,
      }),
    );
    const finds = this.owned.add(new Finds({ mounts, watches, ripgrep: new RipgrepProgram(), log }));
    this.saves = new Saves(
      host,
      {
        runFolder: privateFolder(log, () => claimFirstFolder(socketFolderCandidates(process.env, uid()))),
        stateFolder: privateFolder(log, () => claimFirstFolder(stateFolderCandidates(uid()))),
        uid: uid(),
        owner: processName(),
        isAlive: mayBeAlive,
        umask,
        random: randomBytes,
        now: () => BigInt(Date.now()) * 1_000_000n,
        log,
      },
      {
        homeTrash: Buffer.from(join(dataHome(process.env, homedir()), 'Trash')),
        uid: uid(),
        now: () => new Date(),
      },
    );
    if (options.processes) {
      const random = () => randomBytes(16);
      this.programs = new PosixProcessHost({ ...options.processes, umask, log });
      this.processes = new ProcessService({ host: this.programs, random, log });
    }
    this.server = this.owned.add(
      new Server({
        host,
        root: options.root,
        handlesMax: handleBudget(),
        handlers: {
          ...fuseHandlers,
          ...this.saves.saveHandlers,
          ...this.saves.treeHandlers,
          ...finds.handlers,
          ...(this.processes && processHandlers(this.processes)),
        },
        processes: this.processes,
        watches,
        asCaller: uid() === 0,
        umask,
        validity: VALIDITY_S[options.cache],
        stage: this.saves.stage,
        log,
        instance: randomBytes(16),
        boot: bootId(),
        random: () => randomBytes(16),
        defaultGrace: options.graceS,
      }),
    );
  }

  /** Resolves when the files of the program are no longer needed. Rejects with what could not be loaded. */
  ready(): Promise<void> {
    return this.pump.ready();
  }

  /** Settles what agents before this one did not live to finish. */
  async recover(): Promise<void> {
    await this.saves.unfinished.recover();
  }

  /** Sessions, or what one has left running, are there. */
  get isNeeded(): boolean {
    return this.server.sessions > 0 || (this.processes?.size ?? 0) > 0;
  }

  /** Ends all sessions and what they started, and takes back what was noted. */
  async close(): Promise<void> {
    this.owned.dispose();
    await this.processes?.close();
    this.programs?.dispose();
    await this.saves.close();
  }

  dispose(): void {
    this.owned.dispose();
  }
}

function uid(): number {
  return process.getuid?.() ?? 0;
}

/** Folders that outlive a boot, best first: a home that a whole group may write in is no place for backups. */
function stateFolderCandidates(user: number): string[] {
  return [join(stateHome(process.env, homedir()), 'livemount'), `/var/tmp/livemount-${user}`];
}

/** A folder of ours, or undefined where there is none to be had: saves say what they can't do without it. */
function privateFolder(log: (message: string) => void, claim: () => string): Buffer | undefined {
  try {
    return Buffer.from(claim());
  } catch (error) {
    log(`no private folder: ${messageOf(error)}`);
    return undefined;
  }
}
