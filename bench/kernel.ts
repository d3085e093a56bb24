// The agent as the kernel's FUSE server, against libfuse's own passthrough example on the same tree.
//   npm run bench -- kernel [--scale quick|standard] [--rounds N] [--cpus own|any]
// LIVEMOUNT_PASSTHROUGH_LL names a built passthrough_ll (libfuse, example/); without it that peer is left out.
// Needs root. Results go to the terminal and, of a whole race, into docs/benchmarks.md.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { AT_FDCWD } from '../src/agent/libc/flags';
import { cString } from '../src/agent/libc/libc';
import { runSync } from '../src/agent/libc/op';
import { STATX_BASIC_STATS, statxAt } from '../src/agent/libc/statx';
import { TestMounts } from '../test/fixtures/mounts';
import { KernelMount } from '../test/kernel/kernelMount';
import { machineSentence } from './report/machine';
import { markdownTable, writeMarked } from './report/page';

/** Files and bytes of the pass before the measured one, for servers that compile themselves and caches of theirs. */
const WARM_UP = { files: 1000, bytes: 256 << 20 };

const SCALES = {
  quick: { files: 500, bytes: 64 << 20 },
  standard: { files: 4000, bytes: 256 << 20 },
} as const;
type Scale = { readonly files: number; readonly bytes: number };
const BLOCK = 1 << 20;
const FOLDERS = 10;

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: 'standard' },
    rounds: { type: 'string', default: '3' },
    cpus: { type: 'string', default: 'own' },
  },
});
/** `--cpus own`: a server has one CPU and the program that uses it another, so that no run depends on who sat where. */
const cpus = values.cpus === 'own' ? { cpu: 1 } : {};

/** Work on a mounted tree, and how much of its unit it is. */
interface Work {
  readonly name: string;
  readonly unit: 'operations/s' | 'MB/s';
  /** Gives how many units were done; what comes before `start` is called is not measured. */
  run(top: string, scale: Scale, start: () => void): number;
}

const file = (top: string, i: number) => path.join(top, `folder-${i % FOLDERS}`, `file-${i}`);

/** stat(2). Node's own asks for the birth time too, and a kernel whose server tells it asks the server for that each time. */
function stat(place: string): void {
  runSync(statxAt(AT_FDCWD, cString(Buffer.from(place)), STATX_BASIC_STATS));
}

function forget(): void {
  fs.writeFileSync('/proc/sys/vm/drop_caches', '3');
}

function each(scale: Scale, work: (i: number) => void): number {
  for (let i = 0; i < scale.files; i++) work(i);
  return scale.files;
}

/** In the order in which they are run: each finds what the ones before it left. */
const works: readonly Work[] = [
  {
    name: 'create and write a small file',
    unit: 'operations/s',
    run(top, scale, start) {
      for (let i = 0; i < FOLDERS; i++) fs.mkdirSync(path.join(top, `folder-${i}`), { recursive: true });
      start();
      return each(scale, (i) => fs.writeFileSync(file(top, i), 'small'));
    },
  },
  {
    name: 'stat a file not known yet',
    unit: 'operations/s',
    run(top, scale, start) {
      forget();
      start();
      return each(scale, (i) => stat(file(top, i)));
    },
  },
  {
    name: 'the same with its birth time, which passthrough_ll does not tell',
    unit: 'operations/s',
    run(top, scale, start) {
      forget();
      start();
      return each(scale, (i) => fs.statSync(file(top, i)));
    },
  },
  {
    name: 'list folders and stat their entries',
    unit: 'operations/s',
    run(top, _scale, start) {
      forget();
      start();
      let count = 0;
      for (let i = 0; i < FOLDERS; i++) {
        const folder = path.join(top, `folder-${i}`);
        for (const name of fs.readdirSync(folder)) {
          stat(path.join(folder, name));
          count++;
        }
      }
      return count;
    },
  },
  {
    name: 'open, read and close a small file',
    unit: 'operations/s',
    run(top, scale, start) {
      forget();
      start();
      return each(scale, (i) => fs.readFileSync(file(top, i)));
    },
  },
  {
    name: 'chmod',
    unit: 'operations/s',
    run(top, scale, start) {
      start();
      return each(scale, (i) => fs.chmodSync(file(top, i), 0o600));
    },
  },
  {
    name: 'rename',
    unit: 'operations/s',
    run(top, scale, start) {
      start();
      return each(scale, (i) => fs.renameSync(file(top, i), `${file(top, i)}-renamed`));
    },
  },
  {
    name: 'unlink',
    unit: 'operations/s',
    run(top, scale, start) {
      start();
      return each(scale, (i) => fs.unlinkSync(`${file(top, i)}-renamed`));
    },
  },
  {
    name: 'write sequentially',
    unit: 'MB/s',
    run(top, scale, start) {
      const block = Buffer.alloc(BLOCK, 1);
      start();
      const fd = fs.openSync(path.join(top, 'large'), 'w');
      for (let at = 0; at < scale.bytes; at += BLOCK) fs.writeSync(fd, block, 0, BLOCK, at);
      fs.closeSync(fd);
      return scale.bytes / 1e6;
    },
  },
  {
    name: 'read sequentially',
    unit: 'MB/s',
    run(top, scale, start) {
      const block = Buffer.alloc(BLOCK);
      forget();
      start();
      const fd = fs.openSync(path.join(top, 'large'), 'r');
      for (let at = 0; at < scale.bytes; at += BLOCK) fs.readSync(fd, block, 0, BLOCK, at);
      fs.closeSync(fd);
      fs.unlinkSync(path.join(top, 'large'));
      return scale.bytes / 1e6;
    },
  },
];

interface Contestant {
  readonly name: string;
  mount(root: string, mounts: TestMounts): Promise<{ top: string; unmount(): Promise<void> }>;
}

const livemount: Contestant = {
  name: 'Livemount',
  async mount(root) {
    const kernel = await KernelMount.of(root, cpus);
    return { top: kernel.path, unmount: () => kernel.unmount() };
  },
};

function passthrough(program: string): Contestant {
  return {
    name: 'passthrough_ll',
    async mount(root, mounts) {
      const top = mounts.directory('passthrough');
      const options = `source=${root},default_permissions,allow_other,cache=auto,timeout=1`;
      const command = [program, '-f', '-o', options, top];
      if (cpus.cpu !== undefined) command.unshift('taskset', '--cpu-list', String(cpus.cpu));
      const [first = '', ...rest] = command;
      const server: ChildProcess = spawn(first, rest, { stdio: 'inherit' });
      const isMounted = () => fs.readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${top} `);
      while (!isMounted() && server.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 20));
      if (server.exitCode !== null) throw new Error(`${program} ended with ${server.exitCode}`);
      return {
        top,
        async unmount() {
          const ended = once(server, 'exit');
          execFileSync('umount', [top]);
          await ended;
        },
      };
    },
  };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

/** One contestant's rate at each work, on a tmpfs of its own: what is measured is the way, not a disk. */
async function race(contestant: Contestant, scale: Scale): Promise<number[]> {
  const mounts = new TestMounts();
  try {
    const root = mounts.filesystem('tmpfs', mounts.directory('root'));
    const mounted = await contestant.mount(root, mounts);
    for (const work of works) work.run(mounted.top, WARM_UP, () => {});
    const rates = works.map((work) => {
      let started = 0n;
      const done = work.run(mounted.top, scale, () => {
        started = process.hrtime.bigint();
      });
      return done / (Number(process.hrtime.bigint() - started) / 1e9);
    });
    await mounted.unmount();
    return rates;
  } finally {
    mounts.dispose();
  }
}

async function main(): Promise<void> {
  if (cpus.cpu !== undefined)
    execFileSync('taskset', ['--cpu-list', '--pid', '0', String(process.pid)], { stdio: 'ignore' });
  const scale = SCALES[values.scale as keyof typeof SCALES];
  if (scale === undefined) throw new Error(`--scale takes one of ${Object.keys(SCALES).join(', ')}`);
  const program = process.env.LIVEMOUNT_PASSTHROUGH_LL;
  if (program === undefined) {
    console.log('passthrough_ll is left out: LIVEMOUNT_PASSTHROUGH_LL names no built libfuse example.');
  }
  const contestants = program === undefined ? [livemount] : [livemount, passthrough(program)];
  const rounds = new Map<Contestant, number[][]>(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const contestant of contestants) rounds.get(contestant)?.push(await race(contestant, scale));
  }
  const rateOf = (contestant: Contestant, i: number) =>
    median((rounds.get(contestant) ?? []).map((rates) => rates[i] ?? Number.NaN));
  const rows = works.map((work, i) => {
    const rates = contestants.map((contestant) => rateOf(contestant, i));
    const [ours = Number.NaN, theirs] = rates;
    const ratio = theirs === undefined ? [] : [`${Math.round((100 * ours) / theirs)} %`];
    return [`${work.name} (${work.unit})`, ...rates.map((rate) => rate.toFixed(0)), ...ratio];
  });
  const head = ['', ...contestants.map(({ name }) => name), ...(program === undefined ? [] : ['ratio'])];
  const table = markdownTable(head, rows);
  console.log(`\n${table}`);
  if (values.scale !== 'standard' || program === undefined) return;
  const libfuse = { 'passthrough_ll of libfuse': [program, '--version'] };
  writeMarked(
    path.resolve(__dirname, '../docs/benchmarks.md'),
    'kernel',
    `${machineSentence(libfuse)}\n\n${table}`,
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
