import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Installation } from './installation';

/** Longer than a loaded machine takes for anything that is waited for here. */
const DEADLINE_MS = 30_000;

/** A line of `livemount watch --json`. */
export interface WatchLine {
  readonly event: string;
  readonly path: string;
  readonly to: string | null;
  readonly isDir: boolean;
  readonly superblock: string;
  readonly seq: number;
  readonly time: number;
  readonly pathBytes?: string;
}

/** A run of `livemount watch --json` whose lines are gathered. */
export class Watching {
  readonly lines: WatchLine[] = [];
  readonly raw: string[] = [];
  stderr = '';
  readonly child: ChildProcessWithoutNullStreams;
  private readonly ended: Promise<unknown>;
  private wake: () => void = () => {};

  constructor(installation: Installation, args: readonly string[]) {
    this.child = installation.start(['watch', '--json', ...args]);
    this.ended = once(this.child, 'close');
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.raw.push(line);
      this.lines.push(JSON.parse(line) as WatchLine);
      this.wake();
    });
    this.child.stderr.on('data', (chunk) => {
      this.stderr += String(chunk);
      this.wake();
    });
    this.child.once('exit', () => this.wake());
  }

  /** Waits until this holds; fails with what was seen when the program ends, or takes far too long, before it does. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = setTimeout(() => this.wake(), DEADLINE_MS);
    const end = Date.now() + DEADLINE_MS;
    try {
      while (!condition()) {
        const seen = `${this.stderr}\n${this.raw.join('\n')}`;
        assert.equal(this.child.exitCode, null, `it ended before ${what}: ${seen}`);
        assert.ok(Date.now() < end, `${what} did not come within ${DEADLINE_MS / 1000} s: ${seen}`);
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Waits for an event of a path (the new one of a rename). */
  async seen(event: string, path: string): Promise<WatchLine> {
    const find = () => this.lines.find((line) => line.event === event && (line.to ?? line.path) === path);
    await this.until(() => find() !== undefined, `${event} ${path}`);
    return find() as WatchLine;
  }

  ready(): Promise<void> {
    return this.until(() => this.lines.length > 0, 'the first line');
  }

  /** `event path` or `rename path -> to`, of all but the first line. */
  get events(): string[] {
    return this.lines
      .slice(1)
      .map(({ event, path, to }) => `${event} ${path}${to === null ? '' : ` -> ${to}`}`);
  }

  /** Ends it with a signal; the exit status. */
  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    this.child.kill(signal);
    await this.ended;
    return this.child.exitCode;
  }

  async exitCode(): Promise<number | null> {
    await this.ended;
    return this.child.exitCode;
  }
}
