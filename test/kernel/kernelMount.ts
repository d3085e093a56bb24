import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const SHIM = resolve(__dirname, '../tools/fuseShim.mjs');

export interface KernelMountOptions {
  /** The agent's program; by default the one that is shipped. */
  readonly agent?: string;
  readonly agentArgs?: readonly string[];
  /** `uid:gid` the agent runs as. */
  readonly user?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** File that every request frame is appended to. */
  readonly record?: string;
  /** The CPU that shim and agent share; by default the scheduler decides. */
  readonly cpu?: number;
}

/** A directory served by the agent and mounted by the kernel of this machine. */
export class KernelMount {
  private constructor(
    readonly path: string,
    private readonly shim: ChildProcess,
    private readonly complaints: () => string,
  ) {}

  /** Resolves when the kernel has its answer to INIT. */
  static async of(root: string, options: KernelMountOptions = {}): Promise<KernelMount> {
    const agent = options.agent ?? resolve(__dirname, '../../dist/agent.js');
    if (!existsSync(agent)) throw new Error('dist/agent.js is missing: npm run build');
    const path = mkdtempSync(join(tmpdir(), 'livemount-kernel-'));
    const { user, record, cpu, agentArgs = [] } = options;
    const args = [SHIM, root, path, '--agent', agent];
    if (user !== undefined) args.push('--user', user);
    if (record !== undefined) args.push('--record', record);
    const pinned = cpu === undefined ? [] : ['taskset', '--cpu-list', String(cpu)];
    const [program = '', ...rest] = [...pinned, process.execPath, ...args, '--', ...agentArgs];
    const shim = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    let said = '';
    shim.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const mount = new KernelMount(path, shim, () => said);
    const [first] = await Promise.race([once(shim.stdout, 'data'), once(shim, 'exit')]);
    if (String(first) !== 'mounted\n') throw new Error(`not mounted (${String(first)}): ${said}`);
    // The kernel sends INIT on its own; a first request shows that it has the answer.
    execFileSync('stat', ['--file-system', path]);
    return mount;
  }

  /** Unmounts. Throws where agent or shim did not end well, or complained. */
  async unmount(): Promise<void> {
    execFileSync('umount', [this.path], { stdio: 'pipe' });
    if (this.shim.exitCode === null) await once(this.shim, 'exit');
    rmdirSync(this.path);
    const said = this.complaints();
    if (this.shim.exitCode !== 0 || said !== '')
      throw new Error(`the shim ended with ${this.shim.exitCode}: ${said}`);
  }

  /** Unmounts whatever the state; for the end of a test that may have failed, so that it waits for nobody. */
  async dispose(): Promise<void> {
    if (!existsSync(this.path)) return;
    if (this.complaints() !== '') process.stderr.write(this.complaints());
    // It is not mounted any more where the agent ended by itself.
    spawnSync('umount', ['-l', this.path], { stdio: 'ignore' });
    // The agent ends by itself when its pipes are closed.
    if (this.shim.exitCode === null && this.shim.kill('SIGKILL')) await once(this.shim, 'exit');
    rmdirSync(this.path);
  }
}
