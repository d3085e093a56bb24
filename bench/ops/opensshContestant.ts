import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stopProcess } from '../../test/fixtures/processes';
import type { TcpProxy } from '../../test/fixtures/proxy';
import type { Sshd } from '../../test/fixtures/sshd';
import { type Contestant, type Measurement, reach } from './contestant';
import type { PeerName, PeerOptions } from './peer';
import { place } from './tree';
import type { Site, WorkName } from './work';

const CONNECT_TIMEOUT_MS = 30_000;

/** OpenSSH's `sftp` and rsync, over a connection that stands already (ssh_config(5), ControlMaster). */
export class OpensshContestant implements Contestant {
  readonly name: PeerName = 'openssh';
  private master: ChildProcess | undefined;

  private constructor(
    private readonly proxy: TcpProxy,
    private readonly options: PeerOptions,
  ) {}

  static async start(sshd: Sshd): Promise<OpensshContestant> {
    const { proxy, options } = await reach('openssh', sshd);
    return new OpensshContestant(proxy, options);
  }

  set delay(oneWayMs: number) {
    this.proxy.delay = oneWayMs;
  }

  async fresh(): Promise<void> {
    this.disconnect();
    const { configFile, alias } = this.options;
    this.master = spawn('ssh', ['-F', configFile, '-M', '-S', this.socket, '-N', alias], {
      stdio: 'inherit',
    });
    const deadline = Date.now() + CONNECT_TIMEOUT_MS;
    while (!existsSync(this.socket)) {
      if (this.master.exitCode !== null || Date.now() > deadline) throw new Error('ssh did not connect');
      await delay(20);
    }
  }

  async work(work: WorkName, site: Site): Promise<Measurement> {
    const { roundTrips } = this.proxy;
    const ms = await this.perform(work, site);
    return { ms, roundTrips: this.proxy.roundTrips - roundTrips };
  }

  async memory(): Promise<undefined> {
    return undefined;
  }

  async end(): Promise<void> {
    this.disconnect();
    this.proxy.dispose();
  }

  private perform(work: WorkName, { bulk, own, largeBytes }: Site): Promise<number> {
    const { scratch, configFile, alias } = this.options;
    const large = join(bulk, place.large(largeBytes));
    switch (work) {
      case 'readLarge':
        return this.sftp(`get ${large} ${join(scratch, 'large')}`);
      case 'writeLarge':
        // The fastest local file is the one that is in the page cache.
        return this.sftp(`put ${large} ${join(own, 'large')}`);
      case 'smallFiles': {
        rmSync(join(scratch, 'small'), { recursive: true, force: true });
        const shell = `ssh -F ${configFile} -S ${this.socket}`;
        return timed('rsync', ['-a', '-e', shell, `${alias}:${bulk}/small`, scratch]);
      }
      default:
        throw new Error(`OpenSSH has no program for ${work}`);
    }
  }

  private sftp(batch: string): Promise<number> {
    const { configFile, alias } = this.options;
    return timed(
      'sftp',
      ['-q', '-F', configFile, '-o', `ControlPath=${this.socket}`, '-b', '-', alias],
      `${batch}\n`,
    );
  }

  private get socket(): string {
    return join(this.options.scratch, 'control');
  }

  private disconnect(): void {
    if (this.master?.pid !== undefined && this.master.exitCode === null) stopProcess(this.master.pid);
    this.master = undefined;
    rmSync(this.socket, { force: true });
  }
}

/** How long a program takes, in ms. */
async function timed(program: string, args: readonly string[], input = ''): Promise<number> {
  const start = performance.now();
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(input);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return performance.now() - start;
}
