import { execFile } from 'node:child_process';
import { delimiter, isAbsolute, join } from 'node:path';

/** The first version that has all the options we use. */
const OLDEST_MAJOR = 13;
/** A program that was installed meanwhile is found after this time. */
const LOOK_AGAIN_MS = 60_000;

/** The host's own ripgrep, if it has one that can do what we need. */
export class RipgrepProgram {
  private found: Promise<string | undefined> | undefined;
  private at = 0;

  find(): Promise<string | undefined> {
    const now = performance.now();
    if (this.found === undefined || now - this.at > LOOK_AGAIN_MS) {
      this.at = now;
      this.found = look();
    }
    return this.found;
  }
}

async function look(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    // What lies in the folder that is searched must not be run.
    if (!isAbsolute(folder)) continue;
    const program = join(folder, 'rg');
    if (await canSearch(program)) return program;
  }
  return undefined;
}

function canSearch(program: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { timeout: 5000, maxBuffer: 64 << 10, cwd: '/' };
    execFile(program, ['--no-config', '--version'], options, (error, stdout) => {
      const major = /^ripgrep (\d+)\./.exec(stdout)?.[1];
      resolve(error === null && Number(major) >= OLDEST_MAJOR);
    });
  });
}
