// Watching a large tree, beside those who do it too: `npm run bench -- watch [--scale quick]`
// Prints a Markdown table, and writes that of a whole run into docs/benchmarks.md. Each watcher runs in a process of its own; all see the same tree and the same storm.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { HEAP_FLAGS } from '../src/agent/heapFlags';
import { writeMarked } from './report/page';
import { delaysOverSsh } from './watchDelay';
import { makeTree, removeTree, Storm } from './watchTree';

const QUICK = process.argv.includes('quick');
const DIRECTORIES = Number(process.env.LIVEMOUNT_BENCH_DIRECTORIES ?? (QUICK ? 5_000 : 100_000));
const FILES = Number(process.env.LIVEMOUNT_BENCH_FILES ?? (QUICK ? 5_000 : 50_000));
/** chokidar and fs.watch take minutes for the whole tree, so they get a tenth of it. */
const SMALL = ['chokidar', 'fs.watch'];
const ALL = ['livemount inotify', 'livemount fanotify', '@parcel/watcher', 'inotifywait', ...SMALL];
const NAMES = process.env.LIVEMOUNT_BENCH?.split(',') ?? ALL;
const PHASES = ['create', 'modify', 'rename', 'remove'] as const;
const SINGLE_PROBES = 100;
/** Told everything when nothing new came for this long. */
const QUIET_MS = 700;
const DEADLINE_MS = 60_000;

/** The watchers run bundled, as the agent does on a host; the place is one from which the native packages are found. */
const CHILD = join(__dirname, '..', 'node_modules', '.cache', 'livemount-bench', 'watchChild.js');

interface Result {
  readonly name: string;
  readonly directories: number;
  readonly setupMs: number;
  readonly memory: number;
  readonly cpuMs: number;
  readonly lost: number;
  readonly events: number;
  readonly p50: number;
  readonly p99: number;
}

class Child {
  private readonly process: ChildProcess;
  private readonly lines: string[] = [];
  private waiting: ((line: string) => void) | undefined;
  private failed: ((error: Error) => void) | undefined;

  constructor(name: string, tree: string) {
    const flags = name.startsWith('livemount') ? HEAP_FLAGS : [];
    this.process = spawn(process.execPath, ['--expose-gc', ...flags, CHILD, name, tree], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, UV_THREADPOOL_SIZE: '4' },
    });
    this.process.on('exit', (code) => this.failed?.(new Error(`${name} ended with ${code}`)));
    if (this.process.stdout)
      createInterface({ input: this.process.stdout }).on('line', (line) => this.take(line));
  }

  async ask(question: string): Promise<Record<string, unknown>> {
    this.process.stdin?.write(`${question}\n`);
    return this.answer();
  }

  async answer(): Promise<Record<string, unknown>> {
    const line =
      this.lines.shift() ??
      (await new Promise<string>((resolve, reject) => {
        this.waiting = resolve;
        this.failed = reject;
      }));
    this.failed = undefined;
    return JSON.parse(line) as Record<string, unknown>;
  }

  async end(): Promise<void> {
    this.failed = undefined;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdin?.end('end\n');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }

  private take(line: string): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting === undefined) this.lines.push(line);
    else waiting(line);
  }
}

async function measure(
  name: string,
  tree: string,
  directories: number,
  storm: Storm,
  probeIn: string,
): Promise<Result> {
  const child = new Child(name, tree);
  const ready = await child.answer();
  let lost = 0;
  let cpuMs = 0;
  let events = 0;
  let memory = Number(ready.rss) + Number(ready.childRss);
  for (const phase of PHASES) {
    await child.ask('start');
    storm[phase]();
    const tally = await quiet(child);
    lost += storm.count - Number(tally.seen);
    cpuMs += Number(tally.cpuMs);
    events += Number(tally.events);
    memory = Math.max(memory, Number(ready.rss) + Number(ready.childRss));
  }
  const delays = await probe(child, probeIn);
  await child.end();
  return {
    name,
    directories,
    setupMs: Number(ready.setupMs),
    memory,
    cpuMs,
    lost,
    events,
    p50: delays[Math.floor(delays.length / 2)] ?? Number.NaN,
    p99: delays[Math.floor(delays.length * 0.99)] ?? Number.NaN,
  };
}

async function quiet(child: Child): Promise<Record<string, unknown>> {
  const until = performance.now() + DEADLINE_MS;
  let last = await child.ask('tally');
  for (;;) {
    await sleep(QUIET_MS);
    const now = await child.ask('tally');
    if (now.events === last.events || performance.now() > until) return now;
    last = now;
  }
}

/** Single files, one after the other, each named after the moment it is made. */
async function probe(child: Child, directory: string): Promise<number[]> {
  const made: string[] = [];
  for (let i = 0; i < SINGLE_PROBES; i++) {
    await sleep(20);
    const path = join(directory, `probe${process.hrtime.bigint()}`);
    writeFileSync(path, '');
    made.push(path);
  }
  await sleep(QUIET_MS);
  for (const path of made) unlinkSync(path);
  const { delays } = await child.ask('delays');
  // The first report of each file is the one that counts; later ones (closed, attributes) are in the same list.
  return (delays as number[]).slice(0, SINGLE_PROBES);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function row(result: Result): string {
  const { name, directories, setupMs, memory, cpuMs, lost, events, p50, p99 } = result;
  const cells = [
    name,
    directories.toLocaleString('en'),
    (setupMs / 1000).toFixed(3),
    (memory / 2 ** 20).toFixed(0),
    (cpuMs / 1000).toFixed(2),
    `${lost.toLocaleString('en')} of ${(FILES * PHASES.length).toLocaleString('en')}`,
    events.toLocaleString('en'),
    `${p50.toFixed(1)} / ${p99.toFixed(1)}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

async function main(): Promise<void> {
  const top = mkdtempSync(join(tmpdir(), 'livemount-bench-'));
  buildSync({
    entryPoints: [join(__dirname, 'watchChild.ts')],
    outfile: CHILD,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['@parcel/watcher', 'chokidar'],
    logLevel: 'error',
  });
  try {
    const bottom = makeTree(join(top, 'large'), { directories: DIRECTORIES, filesEach: 3 });
    const smallCount = Math.ceil(DIRECTORIES / 10);
    const smallBottom = NAMES.some((name) => SMALL.includes(name))
      ? makeTree(join(top, 'small'), { directories: smallCount, filesEach: 3 })
      : [];
    const lines: string[] = [];
    const tell = (line: string) => {
      console.log(line);
      lines.push(line);
    };
    tell(
      `Node ${process.version}, ${FILES} files in a storm, ${readFileSync('/proc/version', 'latin1').split(' ')[2]}\n`,
    );
    tell(
      '| watcher | directories | set-up s | memory MB | storm CPU s | lost | events | delay ms p50 / p99 |',
    );
    tell('|---|---|---|---|---|---|---|---|');
    for (const name of NAMES) {
      const small = SMALL.includes(name);
      const leaves = small ? smallBottom : bottom;
      const tree = join(top, small ? 'small' : 'large');
      const storm = new Storm(leaves, FILES);
      try {
        tell(row(await measure(name, tree, small ? smallCount : DIRECTORIES, storm, leaves[0] ?? tree)));
      } catch (error) {
        tell(`| ${name} | ${error instanceof Error ? error.message : error} |`);
      }
    }
    if (NAMES === ALL) tell(`\n${await delaysOverSsh()}`);
    if (!QUICK && NAMES === ALL) writeMarked('docs/benchmarks.md', 'watch', lines.join('\n'));
  } finally {
    removeTree(top);
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
