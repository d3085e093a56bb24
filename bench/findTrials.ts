// Trees and files that are made to hurt a search: `node --import tsx bench/findTrials.ts [--scale quick] [TRIAL …]`.
//
// Make them in memory with TMPDIR=/dev/shm. Each is searched by an agent of its own, with the host's ripgrep and without. The table tells what was found, whether
// it was said that something is missing, and how much memory the agent and its processes had at most, from /proc. A
// trial in which nothing is said, or the agent took more than `AGENT_MEMORY_MAX`, fails the run.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Duplex } from 'node:stream';
import { parseArgs } from 'node:util';
import { connectVfs } from '../src/client/connect';
import { PatternRefused } from '../src/client/find/search';
import type { Link } from '../src/client/session/link';
import type { Vfs } from '../src/client/vfs';
import type { FindQuery } from '../src/protocol/find';
import { machineSentence } from './report/machine';
import { digits, duration } from './report/numbers';
import { markdownTable } from './report/page';

const { values, positionals } = parseArgs({
  options: { scale: { type: 'string', default: 'full' } },
  allowPositionals: true,
});
const quick = values.scale === 'quick';
const AGENT = resolve(__dirname, '../dist/agent.js');
/** Resident bytes that an agent may have at most, whatever is searched. */
const AGENT_MEMORY_MAX = 400 << 20;
const SAMPLE_MS = 20;
/** Who has no right to what root closes. */
const NOBODY = 65534;

const QUERY: FindQuery = {
  pattern: 'needle',
  globs: [],
  isRegex: false,
  matchCase: true,
  wholeWord: false,
  multiline: false,
  ignoreFiles: true,
  hidden: true,
  latin1: false,
  ranked: false,
  results: 1_000_000,
};

interface Seen {
  readonly results: number;
  readonly limited: boolean;
  /** How often something was said not to be searched, by why. */
  readonly left: ReadonlyMap<string, number>;
}

interface Trial {
  readonly name: string;
  readonly query?: Partial<FindQuery>;
  readonly op?: 'files' | 'search';
  /** The agent runs as somebody who is not root. */
  readonly asNobody?: boolean;
  make(root: string): void;
  /** While it is searched; what it returns ends that. */
  disturb?(root: string): () => void;
  /** What is wrong with what was seen; undefined: nothing. */
  wrong(seen: Seen): string | undefined;
}

const expected = (isRight: boolean, what: string): string | undefined => (isRight ? undefined : what);
const MILLION = quick ? 20_000 : 1_000_000;
const HUGE_LINE = (quick ? 300 : 1024) << 20;

function makeMany(root: string): void {
  for (let index = 0; index < MILLION; index++) {
    const folder = join(root, `d${Math.floor(index / 1000)}`);
    if (index % 1000 === 0) mkdirSync(folder);
    closeSync(openSync(join(folder, `file${index}`), 'w'));
  }
  writeFileSync(join(root, 'd0/file0'), 'needle\n');
}

function writeLine(path: string, bytes: number): void {
  const fd = openSync(path, 'w');
  const piece = Buffer.alloc(1 << 20, 'x');
  for (let left = bytes; left > 0; left -= piece.length) writeSync(fd, piece);
  writeSync(fd, ' needle\n');
  closeSync(fd);
}

const TRIALS: readonly Trial[] = [
  {
    name: `${digits(MILLION)} files, searched`,
    make: makeMany,
    wrong: ({ results }) => expected(results === 1, 'the one match'),
  },
  {
    name: `${digits(MILLION)} files, listed`,
    op: 'files',
    make: makeMany,
    wrong: ({ results, limited }) =>
      expected(results === MILLION || limited, 'all names, or that there are more'),
  },
  {
    name: `${digits(MILLION)} files, a name asked for`,
    op: 'files',
    query: { ranked: true, pattern: 'file77', results: 100 },
    make: makeMany,
    wrong: ({ results }) => expected(results === 100, 'a hundred names'),
  },
  {
    name: '100 000 matches in 100 files',
    make: (root) => {
      for (let file = 0; file < 100; file++) writeFileSync(join(root, `f${file}`), 'needle\n'.repeat(1000));
    },
    wrong: ({ results, limited }) => expected(results === 100_000 && !limited, 'all of them'),
  },
  {
    name: '100 000 matches in one file',
    make: (root) => writeFileSync(join(root, 'file'), 'needle\n'.repeat(100_000)),
    wrong: ({ results, limited }) =>
      expected(results === 10_000 && limited, 'so many, and that there are more'),
  },
  {
    name: '100 000 matches in one line',
    make: (root) => writeFileSync(join(root, 'file'), 'needle '.repeat(100_000)),
    wrong: ({ results, limited }) =>
      expected(results === 10_000 && limited, 'so many, and that there are more'),
  },
  {
    name: '200 files of 20 000 long matching lines',
    make: (root) => {
      const content = `${'hay '.repeat(100)}needle\n`.repeat(quick ? 2000 : 20_000);
      for (let file = 0; file < (quick ? 20 : 200); file++) writeFileSync(join(root, `f${file}`), content);
    },
    wrong: ({ limited, results }) =>
      expected(limited || (quick && results === 40_000), 'that there are more'),
  },
  {
    name: `a line of ${HUGE_LINE >> 20} MiB`,
    make: (root) => {
      writeLine(join(root, 'line'), HUGE_LINE);
      writeFileSync(join(root, 'small'), 'needle\n');
    },
    wrong: ({ results, left }) => expected(results === 1 && left.get('large') === 1, 'that it is too large'),
  },
  {
    name: 'a line of 200 MiB',
    make: (root) => {
      writeLine(join(root, 'line'), 200 << 20);
      writeFileSync(join(root, 'small'), 'needle\n');
    },
    wrong: ({ results, left }) =>
      expected(
        results === 2 || (results === 1 && left.get('large') === 1),
        'its match, or that it is too large',
      ),
  },
  {
    name: 'the root vanishes meanwhile',
    make: (root) => {
      for (let folder = 0; folder < 400; folder++) {
        mkdirSync(join(root, `d${folder}`));
        for (let file = 0; file < 100; file++)
          writeFileSync(join(root, `d${folder}/f${file}`), `${'hay\n'.repeat(500)}needle\n`);
      }
    },
    disturb: (root) => {
      const removing = spawn('rm', ['-rf', root]);
      return () => removing.kill();
    },
    wrong: ({ results, left }) =>
      expected(results < 40_000 && (left.get('unreadable') ?? 0) > 0, 'that it is gone'),
  },
  {
    name: 'files that grow and shrink meanwhile',
    make: (root) => {
      for (let file = 0; file < 200; file++) writeFileSync(join(root, `f${file}`), 'needle\n'.repeat(2000));
    },
    disturb: (root) => {
      const timer = setInterval(() => {
        for (let file = 0; file < 20; file++) appendFileSync(join(root, `f${file}`), 'needle\n');
        for (let file = 20; file < 40; file++) truncateSync(join(root, `f${file}`), 70);
      }, 1);
      return () => clearInterval(timer);
    },
    wrong: ({ results }) => expected(results >= 160 * 2000, 'what nobody touched'),
  },
  {
    name: 'folders and files that are closed',
    asNobody: true,
    make: (root) => {
      for (let place = 0; place < 1000; place++) {
        mkdirSync(join(root, `d${place}`));
        writeFileSync(join(root, `d${place}/file`), 'needle\n');
        writeFileSync(join(root, `f${place}`), 'needle\n');
        chmodSync(join(root, `d${place}`), place < 500 ? 0 : 0o755);
        chmodSync(join(root, `f${place}`), place < 500 ? 0 : 0o644);
      }
    },
    wrong: ({ results, left }) =>
      expected(
        results === 1000 && left.get('unreadable') === 500,
        'half of it, and so many complaints as are told',
      ),
  },
];

/** The tree that the last trial made, for the next one that wants the same. */
class Tree {
  private folder: string | undefined;
  private made: Trial['make'] | undefined;

  /** Its root. */
  of({ make }: Trial): string {
    if (make !== this.made) this.dispose();
    if (this.folder === undefined) {
      this.folder = mkdtempSync(join(realpathSync(tmpdir()), 'livemount-find-trial-'));
      chmodSync(this.folder, 0o755);
      mkdirSync(join(this.folder, 'root'));
      make(join(this.folder, 'root'));
      this.made = make;
    }
    return join(this.folder, 'root');
  }

  dispose(): void {
    if (this.folder !== undefined) execFileSync('rm', ['-rf', this.folder]);
    this.folder = undefined;
  }
}

/** An agent whose memory can be looked at. */
class WeighedAgent implements Link {
  readonly rung = 'stdio';
  readonly reason = 'a trial';
  private child: ChildProcess | undefined;
  private timer: NodeJS.Timeout | undefined;
  own = 0;
  processes = 0;

  constructor(
    private readonly path: string,
    private readonly asNobody: boolean,
  ) {}

  async openChannel(): Promise<Duplex> {
    const child = spawn(process.execPath, [AGENT, 'serve', '--stdio', '--root', '/'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, PATH: this.path },
      ...(this.asNobody ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    this.child = child;
    await once(child, 'spawn');
    this.timer = setInterval(() => this.weigh(), SAMPLE_MS);
    return Duplex.from({ readable: child.stdout, writable: child.stdin }) as Duplex;
  }

  weigh(): void {
    const pid = this.child?.pid;
    if (pid === undefined) return;
    this.own = Math.max(this.own, peakOf(pid));
    let below = 0;
    for (const child of childrenOf(pid)) below += peakOf(child);
    this.processes = Math.max(this.processes, below);
  }

  dispose(): void {
    clearInterval(this.timer);
    this.child?.stdin?.end();
  }

  async ended(): Promise<void> {
    if (this.child !== undefined && this.child.exitCode === null) await once(this.child, 'exit');
  }
}

/** The most resident memory that a process had. (proc_pid_status(5)) */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) << 10;
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  try {
    const direct = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
      .split(' ')
      .filter(Boolean)
      .map(Number);
    return direct.flatMap((child) => [child, ...childrenOf(child)]);
  } catch {
    return [];
  }
}

async function seen(vfs: Vfs, root: string, trial: Trial, began: () => void): Promise<Seen> {
  const left = new Map<string, number>();
  const query = { ...QUERY, ...(trial.op === 'files' ? { pattern: '' } : {}), ...trial.query };
  let results = 0;
  let hasBegun = false;
  const listener = {
    found: (files: readonly { readonly matches: readonly unknown[] }[]) => {
      for (const { matches } of files) results += Math.max(1, matches.length);
      if (!hasBegun) began();
      hasBegun = true;
    },
    notSearched: ({ why }: { readonly why: string }) => void left.set(why, (left.get(why) ?? 0) + 1),
  };
  for (;;) {
    results = 0;
    const end =
      trial.op === 'files' ? await vfs.files(root, query, listener) : await vfs.search(root, query, listener);
    if (!end.building) return { results, limited: end.limited, left };
  }
}

async function tried(
  trial: Trial,
  engine: 'ripgrep' | 'own',
  tree: Tree,
): Promise<{ row: string[]; wrong: string | undefined }> {
  const root = tree.of(trial);
  const agent = new WeighedAgent(
    engine === 'own' ? '/nonexistent' : '/usr/bin:/bin',
    trial.asNobody ?? false,
  );
  const vfs = await connectVfs(agent, { modeOf: () => 'none' });
  let calm: (() => void) | undefined;
  try {
    const started = performance.now();
    const found = await seen(vfs, root, trial, () => {
      calm = trial.disturb?.(root);
    });
    const ms = performance.now() - started;
    agent.weigh();
    const isHeavy = agent.own > AGENT_MEMORY_MAX;
    const wrong = trial.wrong(found) ?? (isHeavy ? 'less memory' : undefined);
    const left = [...found.left].map(([why, count]) => `${count} ${why}`);
    return {
      row: [
        trial.name,
        engine,
        digits(found.results),
        [...(found.limited ? ['more'] : []), ...left].join(', ') || '–',
        duration(ms),
        `${agent.own >> 20} MiB`,
        `${agent.processes >> 20} MiB`,
      ],
      wrong: wrong === undefined ? undefined : `${trial.name} (${engine}): expected ${wrong}`,
    };
  } finally {
    calm?.();
    vfs.dispose();
    agent.dispose();
    await agent.ended();
    if (trial.disturb !== undefined) tree.dispose();
  }
}

/** What is no expression costs no search at all, and is said with its place. */
async function refusals(): Promise<string[]> {
  const agent = new WeighedAgent('/usr/bin:/bin', false);
  const vfs = await connectVfs(agent, { modeOf: () => 'none' });
  const wrong: string[] = [];
  for (const pattern of [
    '(',
    'a)',
    '[',
    'a{2,1}',
    '*',
    '\\',
    '(?<x',
    '(?<a>)(?<a>)',
    '\\k<z>(?<a>)',
    '(?',
    '[b-a]',
  ]) {
    const refused = await vfs.search('/', { ...QUERY, pattern, isRegex: true }, { found: () => {} }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(refused instanceof PatternRefused) || refused.message === '')
      wrong.push(`${pattern} was not refused`);
    else
      console.log(
        `refused: ${pattern}: ${refused.message}${refused.at === undefined ? '' : ` (at ${refused.at})`}`,
      );
  }
  vfs.dispose();
  agent.dispose();
  await agent.ended();
  return wrong;
}

async function main(): Promise<void> {
  const wrongs = await refusals();
  const rows: string[][] = [];
  const tree = new Tree();
  for (const trial of TRIALS) {
    if (positionals.length > 0 && !positionals.some((word) => trial.name.includes(word))) continue;
    if (trial.asNobody && process.getuid?.() !== 0) continue;
    for (const engine of trial.query?.ranked ? (['own'] as const) : (['ripgrep', 'own'] as const)) {
      const { row, wrong } = await tried(trial, engine, tree);
      rows.push(row);
      console.log(row.join(' | '));
      if (wrong !== undefined) wrongs.push(wrong);
    }
  }
  tree.dispose();
  console.log(`\n${machineSentence({ ripgrep: ['rg', '--version'] })}\n`);
  console.log(markdownTable(['', 'by', 'results', 'said', 'time', 'agent', 'its processes'], rows));
  for (const wrong of wrongs) console.log(wrong);
  process.exit(wrongs.length > 0 ? 1 : 0);
}

void main();
