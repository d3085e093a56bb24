import { execFile } from 'node:child_process';

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

function look(): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('rg', ['--no-config', '--version'], { timeout: 5000, maxBuffer: 64 << 10 }, (error, stdout) => {
      const major = /^ripgrep (\d+)\./.exec(stdout)?.[1];
      resolve(error === null && Number(major) >= OLDEST_MAJOR ? 'rg' : undefined);
    });
  });
}
