import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import { type Disposable, DisposableStore } from '../../base/dispose';
import { fuseHandlers } from '../../server/ops';
import { Saves } from '../../server/save/saves';
import { Server } from '../../server/connection/server';
import { processHandlers } from '../../server/processes/handlers';
import { ProcessService } from '../../server/processes/processService';
import { Watches } from '../../server/watch/service';
import { duplexPair } from './duplexPair';
import { SftpHostFs } from './sftpHostFs';
import { SftpMounts } from './sftpMounts';
import { SftpPolling } from './sftpPolling';
import { SshProcessHost } from './sshProcesses';
import type { ExecChannel, SshTerminal } from '../transport/transport';

export interface SftpServerOptions {
  /** Opens an SFTP channel, connecting first if need be. */
  readonly open: () => Promise<SFTPWrapper>;
  /** Runs a command on the host; rejects while the link is down. */
  readonly exec: (command: string, terminal: SshTerminal | undefined) => Promise<ExecChannel>;
  /** `user@host`, for people. */
  readonly source: string;
  readonly graceS: number;
  readonly log: (message: string) => void;
}

/**
 * The server core in this very process, over SFTP: what the agent is to other hosts. It outlives the SSH connection,
 * so sessions resume here as they do there.
 */
export class SftpServer implements Disposable {
  private readonly owned = new DisposableStore();
  private readonly server: Server;

  constructor({ open, exec, source, graceS, log }: SftpServerOptions) {
    const mounts = new SftpMounts(source);
    const host = new SftpHostFs(open, mounts, log);
    const watches = this.owned.add(new Watches({ mounts, backends: new SftpPolling(host), log }));
    const saves = new Saves(
      host,
      {
        // Both are folders of the host; what a crash leaves there, nobody would come back for.
        runFolder: undefined,
        stateFolder: undefined,
        uid: undefined,
        owner: `${process.pid}`,
        isAlive: () => true,
        umask: 0o022,
        random: randomBytes,
        now: () => BigInt(Date.now()) * 1_000_000n,
        log,
      },
      { homeTrash: undefined, uid: undefined, now: () => new Date() },
    );
    const random = () => randomBytes(16);
    const processes = this.owned.add(new ProcessService({ host: new SshProcessHost(exec), random, log }));
    this.server = this.owned.add(
      new Server({
        host,
        root: Buffer.from('/'),
        handlers: {
          ...fuseHandlers,
          ...saves.saveHandlers,
          ...saves.treeHandlers,
          ...processHandlers(processes),
        },
        processes,
        watches,
        asCaller: false,
        // The SFTP server applies its own.
        umask: 0,
        validity: 1n,
        stage: saves.stage,
        log,
        instance: randomBytes(16),
        // A reboot shows nowhere in SFTP; handles are opened again by path in any case.
        boot: Buffer.alloc(16),
        random,
        defaultGrace: graceS,
      }),
    );
  }

  /** A new channel to the server. */
  openChannel(): Duplex {
    const [ours, theirs] = duplexPair();
    void this.server.accept(theirs);
    return ours;
  }

  dispose(): void {
    this.owned.dispose();
  }
}
