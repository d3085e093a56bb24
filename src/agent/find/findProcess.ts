import { messageOf } from '../../base/errors';
import { lstatSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  FIND_ROLE,
  type FindCommand,
  type FindJob,
  type FindReport,
  type ThreadReport,
  type ThreadStart,
  ThreadWord,
} from './findJob';
import { Selection } from './ignore';
import { absolute, walk } from './walk';

/**
 * The process that searches with our own engine: it walks, and threads look into the files. A filesystem that does not
 * answer keeps nobody waiting but it, and whoever started it ends it.
 */
export function runFindProcess(): void {
  let process_: Finding | undefined;
  process.on('message', (command: FindCommand) => {
    if ('take' in command) process_?.taken(command.take);
    else {
      process_ = new Finding(command.job);
      process_.run().then(
        (files) => process_?.end({ done: { files } }),
        (error) => process_?.end({ failed: messageOf(error) }),
      );
    }
  });
  // Nobody waits for it any more.
  process.on('disconnect', () => process.exit());
}

const THREADS_MAX = 4;
/** Files that a thread gets at once: so many that messages cost little, so few that all threads end together. */
const BATCH = 64;
/** Names that are told at once. */
const NAMES = 4096;
/** Reports that wait to be taken before the search pauses. */
const UNTAKEN_MAX = 64;
const CHECK_MS = 100;
/** What was left out is told so often: more than anybody reads, and whoever takes it bounds it again. */
const NOTES_MAX = 1000;
/** For each 16 MiB of a file its time once more. */
const MEGABYTES_A_TIME = 16;

const FROM_SOURCE = __filename.endsWith('.ts');
const THREAD_PROGRAM = FROM_SOURCE ? join(__dirname, 'findThread.ts') : __filename;
const LOADER = FROM_SOURCE ? { execArgv: ['--require', 'tsx/cjs'] } : {};

class Finding {
  private sent = 0;
  private acknowledged = 0;
  private notes = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly job: FindJob) {}

  async run(): Promise<number> {
    const { job } = this;
    const selection = Selection.of(job.globs);
    if (!(selection instanceof Selection)) throw new Error(`the glob ${selection.bad} cannot be read`);
    const paths = this.paths(selection);
    const count = await (job.query === undefined ? this.names(paths) : this.contents(paths));
    this.sayIfGone();
    return count;
  }

  taken(count: number): void {
    this.acknowledged = count;
    if (this.sent - this.acknowledged < UNTAKEN_MAX) for (const go of this.waiting.splice(0)) go();
  }

  end(report: FindReport): void {
    process.send?.(report, () => process.exit());
  }

  private send(report: FindReport): void {
    if ('note' in report && this.notes++ >= NOTES_MAX) return;
    this.sent++;
    process.send?.(report);
  }

  /** Waits while more is under way than may be. */
  private async room(): Promise<void> {
    while (this.sent - this.acknowledged >= UNTAKEN_MAX)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private paths(selection: Selection): Iterable<string> {
    const { root, part, hidden, ignoreFiles, others } = this.job;
    // A single file can be mounted, too.
    if (part !== '' && lstatSync(Buffer.from(absolute(root, part), 'latin1')).isFile()) return [part];
    return walk({ root, part, selection, hidden, ignoreFiles, others: new Set(others) }, ({ path, code }) => {
      if (code !== 'ENOENT' || path === part) this.send({ note: { path, kind: 'unreadable' } });
    });
  }

  /** What vanishes while it is searched is no longer searched, except if it is all of it. */
  private sayIfGone(): void {
    const { root, part } = this.job;
    try {
      lstatSync(Buffer.from(absolute(root, part), 'latin1'));
    } catch {
      this.send({ note: { path: part, kind: 'unreadable' } });
    }
  }

  private async names(paths: Iterable<string>): Promise<number> {
    let batch: string[] = [];
    let count = 0;
    for (const path of paths) {
      batch.push(path);
      count++;
      if (batch.length < NAMES) continue;
      this.send({ names: batch });
      batch = [];
      await this.room();
    }
    if (batch.length > 0) this.send({ names: batch });
    return count;
  }

  private async contents(paths: Iterable<string>): Promise<number> {
    const threads = new Threads(this.job, (report) => this.send(report));
    let batch: string[] = [];
    let count = 0;
    for (const path of paths) {
      batch.push(path);
      count++;
      if (batch.length < BATCH) continue;
      await this.room();
      await threads.give(batch);
      batch = [];
    }
    if (batch.length > 0) await threads.give(batch);
    await threads.done();
    return count;
  }
}

/** Threads that look into files; one that does not come back from a file is ended, and another goes on behind that. */
class Threads {
  private readonly idle: Thread[] = [];
  private readonly all = new Set<Thread>();
  private readonly most = Math.max(1, Math.min(THREADS_MAX, cpus().length));
  private freed: (() => void)[] = [];

  constructor(
    private readonly job: FindJob,
    private readonly send: (report: FindReport) => void,
  ) {}

  async give(batch: readonly string[]): Promise<void> {
    let thread = this.idle.pop();
    if (thread === undefined && this.all.size < this.most) {
      thread = new Thread(this.job, this.send, (free) => this.free(free));
      this.all.add(thread);
    }
    while (thread === undefined) {
      await new Promise<void>((resolve) => this.freed.push(resolve));
      thread = this.idle.pop();
    }
    thread.work(batch);
  }

  async done(): Promise<void> {
    while (this.idle.length < this.all.size) await new Promise<void>((resolve) => this.freed.push(resolve));
  }

  private free(thread: Thread): void {
    this.idle.push(thread);
    for (const go of this.freed.splice(0)) go();
  }
}

class Thread {
  private words = new SharedArrayBuffer(12);
  private worker: Worker | undefined;
  private batch: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly job: FindJob,
    private readonly send: (report: FindReport) => void,
    private readonly free: (thread: Thread) => void,
  ) {}

  work(batch: readonly string[]): void {
    this.batch = batch;
    const worker = this.worker ?? this.start();
    worker.postMessage(batch);
    this.watch();
  }

  private start(): Worker {
    const { query, latin1, root, fileBytesMax } = this.job;
    if (query === undefined) throw new Error('nothing to search for');
    this.words = new SharedArrayBuffer(12);
    const workerData: ThreadStart = { role: FIND_ROLE, query, latin1, root, fileBytesMax, words: this.words };
    const worker = new Worker(THREAD_PROGRAM, { workerData, ...LOADER });
    worker.on('message', (report: ThreadReport) => {
      if (worker !== this.worker) return;
      if (!('batch' in report)) this.send(report);
      else this.finish();
    });
    // Out of memory in a file: what is left of the batch is another one's.
    worker.on('error', () => {
      if (worker === this.worker) this.replace();
    });
    worker.unref();
    this.worker = worker;
    return worker;
  }

  private finish(): void {
    clearInterval(this.timer);
    this.free(this);
  }

  /** Ends the thread when it stays in the expression for one file for too long. */
  private watch(): void {
    const state = new Int32Array(this.words);
    let serial = -1;
    let since = 0;
    this.timer = setInterval(() => {
      const file = Atomics.load(state, ThreadWord.FILE);
      const now = Atomics.load(state, ThreadWord.SERIAL);
      if (file === 0 || now !== serial) {
        serial = now;
        since = performance.now();
        return;
      }
      const times = 1 + Math.floor(Atomics.load(state, ThreadWord.MEGABYTES) / MEGABYTES_A_TIME);
      if (performance.now() - since > this.job.fileMs * times) this.replace();
    }, CHECK_MS);
  }

  /** The file it is in is given up. */
  private replace(): void {
    clearInterval(this.timer);
    const state = new Int32Array(this.words);
    const index = Math.max(0, Atomics.load(state, ThreadWord.FILE) - 1);
    const path = this.batch[index];
    const { worker } = this;
    this.worker = undefined;
    void worker?.terminate();
    if (path !== undefined) this.send({ note: { path, kind: 'endless' } });
    const rest = this.batch.slice(index + 1);
    if (rest.length > 0) this.work(rest);
    else this.free(this);
  }
}

// From source (in tests) this file is the process's program.
if (FROM_SOURCE && process.argv[1] === __filename) runFindProcess();
