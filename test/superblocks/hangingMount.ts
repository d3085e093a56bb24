import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Disposable } from '../../src/base/dispose';

const SHIM = path.resolve(__dirname, '../tools/fuseShim.mjs');

/**
 * A FUSE filesystem of this host that can stop answering: the kernel's requests to it wait, as those to a dead NFS
 * server do. It is the shim over a directory; stopped, it reads nothing from /dev/fuse any more.
 */
export class HangingMount implements Disposable {
  private constructor(
    readonly at: string,
    private readonly shim: ChildProcess,
  ) {}

  static async of(root: string, at: string): Promise<HangingMount> {
    mkdirSync(at, { recursive: true });
    const args = [SHIM, root, at, '--', '--cache', 'none'];
    const shim = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [first] = await Promise.race([once(shim.stdout, 'data'), once(shim, 'exit')]);
    if (String(first) !== 'mounted\n') throw new Error(`not mounted: ${first}`);
    return new HangingMount(at, shim);
  }

  hang(): void {
    this.shim.kill('SIGSTOP');
  }

  recover(): void {
    this.shim.kill('SIGCONT');
  }

  async unmount(): Promise<void> {
    execFileSync('umount', [this.at], { stdio: 'pipe' });
    if (this.shim.exitCode === null) await once(this.shim, 'exit');
  }

  /** Takes it away whatever its state. */
  dispose(): void {
    this.recover();
    if (this.shim.exitCode === null) execFileSync('umount', ['-l', this.at], { stdio: 'ignore' });
  }
}
