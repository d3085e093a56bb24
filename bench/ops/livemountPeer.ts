import { connectVfs } from '../../src/client/connect';
import type { Vfs } from '../../src/client/vfs';
import { Errno, errnoOf } from '../../src/protocol/errno';
import { type HostLink, openHost } from '../../src/ssh/host';
import { agentFilesIn, loadPayload } from '../../src/ssh/agent/payload';
import type { Peer, PeerOptions } from './peer';

/** Livemount as the extension uses it: the client core over the agent. */
export class LivemountPeer implements Peer {
  private link: HostLink | undefined;
  private vfs: Vfs | undefined;

  /** @param dist the built programs, with the agent */
  constructor(
    private readonly options: PeerOptions,
    private readonly dist: string,
  ) {}

  async fresh(): Promise<void> {
    await this.dispose();
    const { alias, configFile } = this.options;
    this.link = await openHost(alias, {
      configFile,
      rungs: 'agent',
      payload: await loadPayload(agentFilesIn(this.dist)),
    });
    this.vfs = await connectVfs(this.link, { prefetch: true });
  }

  watch(path: string, recursive: boolean): void {
    this.tree
      .watch(path, { recursive, visible: true }, () => {})
      .ready.catch(() => {
        // The connection was dropped for the next measurement.
      });
  }

  stat(path: string): Promise<boolean> {
    return this.tree.stat(path).then(() => true, missing(false));
  }

  async list(path: string): Promise<number> {
    return (await this.tree.readDirectory(path)).length;
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return this.tree.readFile(path).catch(missing(undefined));
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    await this.tree.writeFile(path, content, { create: true, overwrite: true, expect: 'any' });
  }

  clientProcesses(): readonly number[] {
    return [];
  }

  hostProcesses(): readonly number[] {
    return this.link?.daemon === undefined ? [] : [this.link.daemon.pid];
  }

  async dispose(): Promise<void> {
    this.vfs?.dispose();
    this.vfs = undefined;
    this.link = undefined;
  }

  private get tree(): Vfs {
    if (this.vfs === undefined) throw new Error('not connected');
    return this.vfs;
  }
}

function missing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (errnoOf(error) === Errno.ENOENT) return value;
    throw error;
  };
}
