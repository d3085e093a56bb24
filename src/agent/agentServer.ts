import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Disposable } from '../protocol/dispose';
import type { Backend } from '../protocol/livemount';
import { fuseHandlers } from '../server/ops';
import { VALIDITY_S, type Validity } from '../server/ops/attributes';
import { Server } from '../server/server';
import { MountTable } from './posix/mountTable';
import { PosixHostFs } from './posix/posixHostFs';

export interface AgentOptions {
  /** Absolute, without a symbolic link in it. */
  readonly root: Buffer;
  readonly cache: Validity;
  /** Watch with this backend only; undefined: the best that each superblock allows. */
  readonly backend: Backend | undefined;
  readonly graceS: number;
  readonly log: (message: string) => void;
}

/** The FUSE server over this host: all that `serve` and `daemon` have in common. */
export class AgentServer implements Disposable {
  readonly server: Server;

  constructor(options: AgentOptions) {
    process.umask(0); // every request brings the umask to use
    const host = new PosixHostFs(new MountTable());
    this.server = new Server({
      host,
      root: options.root,
      handlers: fuseHandlers,
      watches: undefined,
      asCaller: process.getuid?.() === 0,
      validity: VALIDITY_S[options.cache],
      stage: (session, directory, flags, context) =>
        host.openUnnamed(session.inodes.locate(directory), flags, 0o600, context),
      log: options.log,
      instance: randomBytes(16),
      boot: bootId(),
      random: () => randomBytes(16),
      defaultGrace: options.graceS,
    });
  }

  dispose(): void {
    this.server.dispose();
  }
}

/** Names this boot of the host. (proc(5), random/boot_id) */
function bootId(): Buffer {
  return Buffer.from(
    readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', ''),
    'hex',
  );
}
