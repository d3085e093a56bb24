// A guard against growing costs, in under three minutes: counts where a time would be noise.
//   npm run bench -- quick            today's counts beside those of the last release; fails where one grew by over a quarter
//   npm run bench -- quick --record   writes them down as those of this release
// Counted are the agent's system calls (strace), requests and bytes on the wire. Loopback, a throwaway tree.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duplex, Transform } from 'node:stream';
import { parseArgs } from 'node:util';
import { connectVfs } from '../src/client/connect';
import type { Link } from '../src/client/session/link';
import type { Vfs } from '../src/client/vfs';
import { FrameReader, MAX_FRAME } from '../src/protocol/frame';

const { values } = parseArgs({ options: { record: { type: 'boolean', default: false } } });
const RECORD = path.resolve(__dirname, 'recorded/quick.json');
const AGENT = path.resolve(__dirname, '../dist/agent.js');
/** Growth beyond this fails the run. */
const TOLERANCE = 1.25;
/** Counts below this differ by chance: a timer, a probe. */
const CHANCE = 40;

interface Counts {
  readonly calls: number;
  readonly requests: number;
  readonly bytes: number;
}

interface Row {
  readonly name: string;
  prepare?(folder: string): void;
  run(vfs: Vfs, folder: string): Promise<void>;
}

const small = (folder: string, count: number) => {
  for (let i = 0; i < count; i++)
    fs.writeFileSync(path.join(folder, `file-${i}`), `content ${i}\n`.repeat(20));
};

const rows: readonly Row[] = [
  { name: 'connect', run: async () => {} },
  {
    name: 'list 10,000 entries',
    prepare: (folder) => small(folder, 10_000),
    run: async (vfs, folder) => void (await vfs.readDirectory(folder)),
  },
  {
    name: 'stat 500 files one by one',
    prepare: (folder) => small(folder, 500),
    run: async (vfs, folder) => {
      for (let i = 0; i < 500; i++) await vfs.lstat(`${folder}/file-${i}`);
    },
  },
  {
    name: 'read 200 files',
    prepare: (folder) => small(folder, 200),
    run: async (vfs, folder) => {
      for (let i = 0; i < 200; i++) await vfs.readFile(`${folder}/file-${i}`);
    },
  },
  {
    name: 'save 100 files',
    prepare: (folder) => small(folder, 100),
    run: async (vfs, folder) => {
      for (let i = 0; i < 100; i++) {
        await vfs.writeFile(`${folder}/file-${i}`, Buffer.from(`saved ${i}\n`), {
          create: false,
          overwrite: true,
          expect: 'any',
        });
      }
    },
  },
  {
    name: 'hear of 1,000 new files',
    run: async (vfs, folder) => {
      let heard = 0;
      const watch = vfs.watch(folder, { recursive: true }, (changes) => {
        heard += changes.filter(({ kind }) => kind === 'create').length;
      });
      await watch.ready;
      small(folder, 1000);
      for (let waited = 0; heard < 1000 && waited < 60_000; waited += 20) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      if (heard < 1000) throw new Error(`heard of ${heard} of 1000 files`);
      watch.dispose();
    },
  },
];

/** One agent under strace, whose wire is counted. */
class CountedAgent implements Link {
  readonly rung = 'stdio';
  readonly reason = 'a benchmark';
  requests = 0;
  bytes = 0;
  private child: ChildProcess | undefined;
  private out: Transform | undefined;

  constructor(private readonly summary: string) {}

  async openChannel(): Promise<Duplex> {
    const agent = [process.execPath, AGENT, 'serve', '--stdio', '--root', '/'];
    const child = spawn('strace', ['-f', '-qq', '-c', '-o', this.summary, ...agent], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.child = child;
    await once(child, 'spawn');
    const count = (isRequest: boolean) => {
      const frames = new FrameReader('requests', MAX_FRAME);
      return new Transform({
        transform: (chunk: Buffer, _encoding, done) => {
          this.bytes += chunk.length;
          // The reader keeps views of what it is given, so it gets a copy.
          if (isRequest) this.requests += [...frames.push(Buffer.from(chunk))].length;
          done(null, chunk);
        },
      });
    };
    const out = count(true);
    this.out = out;
    out.pipe(child.stdin as NodeJS.WritableStream);
    const back = count(false);
    (child.stdout as NodeJS.ReadableStream).pipe(back);
    return Duplex.from({ readable: back, writable: out }) as Duplex;
  }

  dispose(): void {
    this.out?.unpipe();
    this.child?.stdin?.end();
  }

  async ended(): Promise<void> {
    if (this.child && this.child.exitCode === null) await once(this.child, 'exit');
  }
}

async function measure(row: Row): Promise<Counts> {
  const scratch = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'livemount-quick-')));
  const folder = path.join(scratch, 'tree');
  fs.mkdirSync(folder);
  try {
    row.prepare?.(folder);
    const summary = path.join(scratch, 'calls');
    const agent = new CountedAgent(summary);
    const vfs = await connectVfs(agent, { keepaliveMs: 600_000 });
    await row.run(vfs, folder);
    vfs.dispose();
    agent.dispose();
    await agent.ended();
    return {
      calls: totalCalls(fs.readFileSync(summary, 'utf8')),
      requests: agent.requests,
      bytes: agent.bytes,
    };
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/** Of strace's table, less what waits: how often a thread slept depends on who else ran. */
function totalCalls(table: string): number {
  const waiting = new Set([
    'futex',
    'epoll_wait',
    'epoll_pwait',
    'madvise',
    'mprotect',
    'munmap',
    'mmap',
    'brk',
    'sched_yield',
    'restart_syscall',
  ]);
  let calls = 0;
  for (const line of table.split('\n')) {
    const match = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/.exec(line);
    if (match && match[2] !== 'total' && !waiting.has(match[2] as string)) calls += Number(match[1]);
  }
  return calls;
}

async function main(): Promise<number> {
  const recorded: Record<string, Counts> = fs.existsSync(RECORD)
    ? JSON.parse(fs.readFileSync(RECORD, 'utf8'))
    : {};
  const today: Record<string, Counts> = {};
  let start: Counts = { calls: 0, requests: 0, bytes: 0 };
  let grown = 0;
  for (const row of rows) {
    const counts = await measure(row);
    if (row.name === 'connect') start = counts;
    const own =
      row.name === 'connect'
        ? counts
        : {
            calls: Math.max(0, counts.calls - start.calls),
            requests: counts.requests - start.requests,
            bytes: counts.bytes - start.bytes,
          };
    today[row.name] = own;
    const before = recorded[row.name];
    const parts = (['calls', 'requests', 'bytes'] as const).map((kind) => {
      const now = own[kind];
      if (!before) return `${now} ${kind}`;
      const ratio = now / Math.max(1, before[kind]);
      const over = ratio > TOLERANCE && now - before[kind] > CHANCE;
      if (over) grown++;
      return `${now} ${kind} (${ratio.toFixed(2)} of ${before[kind]}${over ? ', GREW' : ''})`;
    });
    console.log(`${row.name.padEnd(28)} ${parts.join('  ')}`);
  }
  if (values.record) {
    fs.mkdirSync(path.dirname(RECORD), { recursive: true });
    fs.writeFileSync(RECORD, `${JSON.stringify(today, undefined, 2)}\n`);
    console.log('recorded as those of this release');
    return 0;
  }
  if (grown > 0) console.error(`${grown} counts grew by more than a quarter since the last release`);
  return grown > 0 ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
