import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { familyOf } from '../measure/processUse';
import type { Peer, PeerOptions } from './peer';

const MOUNT_TIMEOUT_MS = 30_000;

/** sshfs with its default caches, mounted by the kernel and used by plain system calls. */
export class MountedPeer implements Peer {
  private daemon: ChildProcess | undefined;
  private readonly mountpoint: string;

  constructor(private readonly options: PeerOptions) {
    this.mountpoint = join(options.scratch, 'mnt');
    mkdirSync(this.mountpoint, { recursive: true });
  }

  async fresh(): Promise<void> {
    await this.dispose();
    const { alias, configFile } = this.options;
    const outside = statSync(this.mountpoint).dev;
    this.daemon = spawn('sshfs', ['-f', '-F', configFile, `${alias}:/`, this.mountpoint], {
      stdio: 'inherit',
    });
    const deadline = Date.now() + MOUNT_TIMEOUT_MS;
    while ((await stat(this.mountpoint)).dev === outside) {
      if (this.daemon.exitCode !== null || Date.now() > deadline) throw new Error('sshfs did not mount');
      await delay(20);
    }
  }

  watch(): void {}

  stat(path: string): Promise<boolean> {
    return stat(this.at(path)).then(() => true, missing(false));
  }

  async list(path: string): Promise<number> {
    return (await readdir(this.at(path), { withFileTypes: true })).length;
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return readFile(this.at(path)).catch(missing(undefined));
  }

  write(path: string, content: Uint8Array): Promise<void> {
    return writeFile(this.at(path), content);
  }

  clientProcesses(): readonly number[] {
    return this.daemon?.pid === undefined ? [] : familyOf(this.daemon.pid);
  }

  hostProcesses(): readonly number[] {
    return [];
  }

  async dispose(): Promise<void> {
    const { daemon } = this;
    this.daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null) return;
    const ended = once(daemon, 'exit');
    execFileSync('fusermount3', ['-u', '-z', this.mountpoint]);
    await ended;
  }

  private at(path: string): string {
    return join(this.mountpoint, path);
  }
}

/** ENOENT as a value; any other error stays one. */
function missing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };
}
