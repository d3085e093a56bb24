import { mkdirSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Disposable } from '../../protocol/dispose';

const PREFIX = 'livemount-sync-';

/** A folder of our own in which a marker for the event stream can be made: a directory that comes and goes. */
export class SyncFolder implements Disposable {
  readonly path: string;
  private readonly remove = () => removeEmpty(this.path);

  constructor(scratch: string) {
    sweep(scratch);
    this.path = mkdtempSync(join(scratch, `${PREFIX}${process.pid}-`));
    process.once('exit', this.remove);
  }

  /** Makes one event with this name; false: the folder was taken away (by a cleaner of temporary files). */
  mark(name: string): boolean {
    try {
      mkdirSync(join(this.path, name));
      rmdirSync(join(this.path, name));
      return true;
    } catch {
      return false;
    }
  }

  dispose(): void {
    process.off('exit', this.remove);
    this.remove();
  }
}

/** Folders of processes that were killed. */
function sweep(scratch: string): void {
  for (const name of readdirSync(scratch)) {
    const pid = Number(/^livemount-sync-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) removeEmpty(join(scratch, name));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: somebody else's, alive.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else's, or gone already: neither is ours to mind.
  }
}
