import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundFile, FoundNote } from './found';
import type { FindCommand, FindJob, FindReport } from './findJob';
import { ripgrepPattern } from './pattern';
import { RipgrepComplaints, RipgrepReader, ripgrepArguments } from './ripgrep';

/** Who takes what a part of a search finds. */
export interface PartListener {
  found(file: FoundFile): void;
  names(names: readonly string[]): void;
  note(note: FoundNote): void;
  /** Resolves when more may come. */
  room(): Promise<void>;
}

export interface PartOptions {
  readonly job: FindJob;
  /** ripgrep's program; undefined: our own engine. */
  readonly ripgrep: string | undefined;
  /** How long the filesystem may let it wait without anything happening, in ms. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

export interface PartEnd {
  readonly files: number;
  readonly byRipgrep: boolean;
}

const FROM_SOURCE = __filename.endsWith('.ts');
const OWN_PROGRAM = FROM_SOURCE ? join(__dirname, 'findProcess.ts') : __filename;
const OWN_LOADER = FROM_SOURCE ? ['--require', 'tsx/cjs'] : [];
const CHECK_MS = 500;

/**
 * Searches one filesystem in a process of its own, so that one that does not answer keeps nobody waiting: the process is
 * ended when nothing moves in it any more, and that is told as a note of the part.
 */
export async function searchPart(options: PartOptions, listener: PartListener): Promise<PartEnd> {
  const { job, ripgrep } = options;
  const pattern = ripgrep !== undefined && job.query !== undefined ? ripgrepPattern(job.query) : undefined;
  if (ripgrep !== undefined && pattern !== undefined) {
    const end = await byRipgrep(options, ripgrep, pattern, listener);
    if (end !== 'refused') return end;
  }
  return byOwnEngine(options, listener);
}

function rootOf({ root }: FindJob): Buffer {
  return Buffer.from(root, 'latin1');
}

async function byRipgrep(
  options: PartOptions,
  program: string,
  pattern: string,
  listener: PartListener,
): Promise<PartEnd | 'refused'> {
  const { job } = options;
  if (job.query === undefined) return 'refused';
  // Arguments of a process are text here; a path that is none is left to our own engine.
  const names = [job.root, job.part, ...job.others];
  if (names.some((name) => !isUtf8Text(name))) return 'refused';
  const args = ripgrepArguments(
    {
      query: job.query,
      pattern,
      globs: [...job.globs.map(utf8), ...job.others.map((path) => `!/${escapeGlob(utf8(path))}`)],
      hidden: job.hidden,
      ignoreFiles: job.ignoreFiles,
      latin1: job.latin1,
      fileBytesMax: job.fileBytesMax,
    },
    Buffer.from(job.part, 'latin1'),
  ).map(String);
  const child = spawn(program, args, {
    cwd: rootOf(job).toString('utf8'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let files = 0;
  let any = false;
  const note = (what: FoundNote) => listener.note(what);
  const reader = new RipgrepReader((file) => {
    files++;
    any = true;
    listener.found(file);
  }, note);
  const complaints = new RipgrepComplaints(note);
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  const watch = new Watch(child, options);
  try {
    try {
      for await (const chunk of child.stdout) {
        reader.push(chunk as Buffer);
        watch.pause();
        await listener.room();
        watch.resume();
      }
    } catch (error) {
      // It was given up in the middle of what it said.
      if (!watch.isSilent && !options.signal.aborted) throw error;
    }
    const code = await watch.exit;
    if (watch.isSilent) listener.note({ path: job.part, kind: 'silent' });
    complaints.end();
    if (code === 2 && !any && complaints.isRefused) return 'refused';
    // 1: nothing was found; 2: something could not be read.
    if (code !== 0 && code !== 1 && code !== 2) assertWanted(watch, options);
    return { files, byRipgrep: true };
  } finally {
    watch.dispose();
  }
}

async function byOwnEngine(options: PartOptions, listener: PartListener): Promise<PartEnd> {
  const { job } = options;
  const child = fork(OWN_PROGRAM, ['find'], {
    execArgv: OWN_LOADER,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const watch = new Watch(child, options);
  let files = 0;
  let taken = 0;
  let failure: string | undefined;
  let isDone = false;
  let chain = Promise.resolve();
  const tell = (command: FindCommand) => {
    if (child.connected) child.send(command, () => {}); // It may have ended meanwhile, which its exit says.
  };
  child.on('message', (report: FindReport) => {
    if ('done' in report) {
      files = report.done.files;
      isDone = true;
    } else if ('failed' in report) failure = report.failed;
    else {
      if ('found' in report) listener.found(report.found);
      else if ('names' in report) listener.names(report.names);
      else listener.note(report.note);
      chain = chain.then(async () => {
        watch.pause();
        await listener.room();
        watch.resume();
        tell({ take: ++taken });
      });
    }
  });
  tell({ job });
  try {
    await watch.exit;
    await chain;
    if (watch.isSilent) listener.note({ path: job.part, kind: 'silent' });
    else if (failure !== undefined) throw new Error(failure);
    else if (!isDone) assertWanted(watch, options);
    return { files, byRipgrep: false };
  } finally {
    watch.dispose();
  }
}

/** A process that ended before its work did, and not because of us: what it would have found nobody knows. */
function assertWanted(watch: Watch, { signal }: PartOptions): void {
  if (!watch.isSilent && !signal.aborted) throw new Error('the process that searched ended by itself');
}

/** Ends a process that is not wanted any more, or in which nothing moves. */
class Watch {
  isSilent = false;
  /** Its exit status, once it has ended or was given up. */
  readonly exit: Promise<number | null>;
  private readonly timer: NodeJS.Timeout;
  private paused = 0;
  private last = '';
  private since = performance.now();
  private readonly abort: () => void;
  private giveUp: (() => void) | undefined;

  constructor(
    private readonly child: ChildProcess,
    private readonly options: PartOptions,
  ) {
    this.exit = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
      // A process in a call that does not return is not even ended by SIGKILL.
      this.giveUp = () => resolve(null);
    });
    // Who waits for it may have left by another way.
    this.exit.catch(() => {});
    this.abort = () => this.kill();
    if (options.signal.aborted) this.kill();
    options.signal.addEventListener('abort', this.abort, { once: true });
    this.timer = setInterval(() => this.check(), CHECK_MS);
    this.timer.unref();
  }

  /** It waits for us, which is no silence of its filesystem. */
  pause(): void {
    this.paused++;
  }

  resume(): void {
    this.paused--;
    this.since = performance.now();
  }

  dispose(): void {
    clearInterval(this.timer);
    this.options.signal.removeEventListener('abort', this.abort);
    this.child.kill('SIGKILL');
  }

  private kill(): void {
    this.child.kill('SIGKILL');
    if (this.child.connected) this.child.disconnect();
    this.child.stdout?.destroy();
    this.giveUp?.();
  }

  private check(): void {
    const moved = movement(this.child.pid);
    if (this.paused > 0 || moved === undefined || moved !== this.last) {
      this.last = moved ?? '';
      this.since = performance.now();
      return;
    }
    if (performance.now() - this.since < this.options.silenceMs) return;
    this.isSilent = true;
    this.kill();
  }
}

/** Changes while a process runs or reads; undefined where the system does not tell. (proc_pid_stat(5), proc_pid_io(5)) */
function movement(pid: number | undefined): string | undefined {
  if (pid === undefined) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Minor and major faults, time in user and system mode.
    return `${[7, 9, 11, 12].map((field) => fields[field]).join(' ')} ${ioOf(pid)}`;
  } catch {
    return undefined;
  }
}

function ioOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/io`, 'latin1');
  } catch {
    return ''; // A process may be closed to us although it is ours.
  }
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}

function isUtf8Text(latin1: string): boolean {
  return !utf8(latin1).includes('\ufffd');
}

function escapeGlob(path: string): string {
  return path.replace(/[\\*?[\]{}!]/g, '\\$&');
}
