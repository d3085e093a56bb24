import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { stopProcess } from '../../test/fixtures/processes';
import { TcpProxy } from '../../test/fixtures/proxy';
import type { Sshd } from '../../test/fixtures/sshd';
import { cpuSeconds, familyOf, privateMiB } from '../measure/processUse';
import type { PeerName, PeerOptions } from './peer';
import type { Answer, Command, PeerSetup } from './peerProcess';
import type { Site, WorkName } from './work';

/** What one piece of work took. */
export interface Measurement {
  readonly ms: number;
  readonly roundTrips: number;
  /** Processor time on this side, and on the host's; undefined where it is not known. */
  readonly cpuS?: number;
  readonly hostCpuS?: number;
}

/** Memory that belongs to a peer alone, on this side and on the host's. */
export interface Memory {
  readonly mib: number;
  readonly hostMib: number;
}

/** One of those who take turns. */
export interface Contestant {
  readonly name: PeerName;
  /** Time in one direction, in ms; what is sent from now on takes it. */
  delay: number;
  /** Connects anew, with nothing known. */
  fresh(): Promise<void>;
  work(work: WorkName, site: Site): Promise<Measurement>;
  memory(): Promise<Memory | undefined>;
  end(): Promise<void>;
}

/** A peer in a process of its own, behind a proxy of its own. */
export class PeerContestant implements Contestant {
  private readonly ended: Promise<never>;
  /** Processes of the host that serve this peer's connection. */
  private serving: readonly number[] = [];

  private constructor(
    readonly name: PeerName,
    private readonly child: ChildProcess,
    private readonly proxy: TcpProxy,
    private readonly sshd: Sshd,
  ) {
    this.ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${name} ended with ${code}`);
    });
    this.ended.catch(() => {
      // Told to whoever asks something of it.
    });
  }

  /** @param program bench/ops/peerProcess.ts as a bundle */
  static async start(name: PeerName, sshd: Sshd, program: string, dist: string): Promise<PeerContestant> {
    const { proxy, options } = await reach(name, sshd);
    const setup: PeerSetup = { name, options, dist };
    const child = fork(program, [JSON.stringify(setup)], { execArgv: [] });
    return new PeerContestant(name, child, proxy, sshd);
  }

  set delay(oneWayMs: number) {
    this.proxy.delay = oneWayMs;
  }

  async fresh(): Promise<void> {
    const others = new Set(this.sshd.connections());
    await this.ask({ kind: 'fresh' });
    this.serving = this.sshd.connections().filter((pid) => !others.has(pid));
  }

  async work(work: WorkName, site: Site): Promise<Measurement> {
    const processes = await this.processes();
    const cpuS = sum(processes.ours.map(cpuSeconds));
    const hostCpuS = sum(processes.theirs.map(cpuSeconds));
    const { roundTrips } = this.proxy;
    const answer = await this.ask({ kind: 'work', work, site });
    if (answer.kind !== 'done') throw new Error('the answer does not fit');
    return {
      ms: answer.ms,
      roundTrips: this.proxy.roundTrips - roundTrips,
      cpuS: sum(processes.ours.map(cpuSeconds)) - cpuS,
      hostCpuS: sum(processes.theirs.map(cpuSeconds)) - hostCpuS,
    };
  }

  async memory(): Promise<Memory> {
    const { ours, theirs } = await this.processes();
    return { mib: sum(ours.map(privateMiB)), hostMib: sum(theirs.map(privateMiB)) };
  }

  async end(): Promise<void> {
    try {
      if (this.child.exitCode !== null) return;
      const { onHost } = await this.processes();
      const ended = once(this.child, 'exit');
      await this.ask({ kind: 'end' });
      await ended;
      // An agent stays for clients that come back; none will.
      for (const pid of onHost) stopProcess(pid);
    } finally {
      if (this.child.exitCode === null && this.child.pid !== undefined) stopProcess(this.child.pid);
      this.proxy.dispose();
    }
  }

  private async processes(): Promise<Record<'ours' | 'theirs' | 'onHost', readonly number[]>> {
    const answer = await this.ask({ kind: 'processes' });
    if (answer.kind !== 'processes') throw new Error('the answer does not fit');
    return {
      ours: [this.child.pid ?? 0, ...answer.onClient],
      theirs: [...this.serving.flatMap(familyOf), ...answer.onHost],
      onHost: answer.onHost,
    };
  }

  private async ask(command: Command): Promise<Answer> {
    const answered = once(this.child, 'message') as Promise<[Answer]>;
    this.child.send(command);
    const [answer] = await Promise.race([answered, this.ended]);
    if (answer.kind === 'failed') {
      const asked = command.kind === 'work' ? command.work : command.kind;
      throw new Error(`${this.name}, ${asked}: ${answer.message}`);
    }
    return answer;
  }
}

/** A proxy for one peer, and an alias that leads through it. */
export async function reach(name: PeerName, sshd: Sshd): Promise<{ proxy: TcpProxy; options: PeerOptions }> {
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  const alias = `bench-${name}`;
  sshd.addHost(alias, { Port: `${proxy.port}` });
  const scratch = join(sshd.directory, name);
  mkdirSync(scratch);
  const { configFile, user, identityFile } = sshd;
  return { proxy, options: { configFile, alias, port: proxy.port, user, identityFile, scratch } };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
