import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

/** What a watcher of a tree learns of one name: that it came, went, or that what it stands for has changed. */
export type Net = 'came' | 'went' | 'content' | 'attributes';

interface Line {
  readonly path: string;
  readonly events: readonly string[];
}

/**
 * `inotifywait -m -r` on a tree. What is compared between two trees is the net effect on each name, since what happens
 * at once may be told as what it became.
 */
export class EventLog {
  private readonly lines: Line[] = [];
  private rest = '';
  private constructor(
    private readonly top: string,
    private readonly child: ChildProcess,
  ) {}

  static async of(top: string): Promise<EventLog> {
    const child = spawn('inotifywait', ['-m', '-r', '--format', '%w%f|%e', top], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = new EventLog(top, child);
    child.stdout.setEncoding('utf8').on('data', (text: string) => log.take(text));
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    while (!said.includes('Watches established')) await once(child.stderr, 'data');
    return log;
  }

  /** Forgets what was told so far. */
  clear(): void {
    this.lines.length = 0;
  }

  /** The raw lines, for a failure's message. */
  words(): string {
    return this.lines.map(({ path, events }) => `${path} ${events.join(',')}`).join('\n');
  }

  /** The net effect on each name since the last `clear`. */
  net(): Record<string, Net> {
    const net = new Map<string, Net>();
    for (const { path, events } of this.lines) {
      const before = net.get(path);
      const next = fold(before, events);
      if (next === undefined) net.delete(path);
      else net.set(path, next);
    }
    return Object.fromEntries([...net].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** How many directories it watches now: a new one is watched a moment after it was told of. */
  watches(): number {
    const folder = `/proc/${this.child.pid}/fdinfo`;
    const texts = readdirSync(folder).map((fd) => {
      try {
        return readFileSync(`${folder}/${fd}`, 'latin1');
      } catch {
        return ''; // It was closed since it was listed.
      }
    });
    return texts.join('').split('inotify wd:').length - 1;
  }

  /** Ends the watcher, and waits until it is gone from the tree. */
  async end(): Promise<void> {
    this.dispose();
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }

  dispose(): void {
    this.child.kill('SIGKILL');
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const bar = line.lastIndexOf('|');
      const path = line.slice(this.top.length, bar).replace(/\/$/, '');
      // Of a watched directory itself its parent tells.
      if (line[bar - 1] === '/' || path === '') continue;
      this.lines.push({ path, events: line.slice(bar + 1).split(',') });
    }
  }
}

function fold(before: Net | undefined, events: readonly string[]): Net | undefined {
  const has = (...names: string[]) => names.some((name) => events.includes(name));
  if (has('CREATE', 'MOVED_TO')) return before === 'went' || before === 'content' ? 'content' : 'came';
  if (has('DELETE', 'MOVED_FROM')) return before === 'came' ? undefined : 'went';
  if (has('MODIFY')) return before === 'came' ? 'came' : 'content';
  // A change of content changes attributes, too; and of a directory the two systems tell different things.
  if (has('ATTRIB') && !has('ISDIR') && before === undefined) return 'attributes';
  return before;
}
