// Putting a session's few saved files on disk beside a neighbour who makes much dirty:
// `npm run bench -- sync [--scale quick] [--dir FOLDER]`.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT_ID } from '../src/protocol/brand';
import { openHost } from '../test/save/places';
import { SaveClient } from '../test/save/saveClient';
import { machineSentence } from './report/machine';
import { digits, duration, median } from './report/numbers';
import { markdownTable, writeMarked } from './report/page';

const { values } = parseArgs({
  options: { scale: { type: 'string', default: 'full' }, dir: { type: 'string', default: tmpdir() } },
});
const quick = values.scale === 'quick';
const REPETITIONS = quick ? 2 : 7;
const NEIGHBOUR_MIB = quick ? 64 : 1536;
const SAVED_FILES = 20;
const SAVED_BYTES = 20_000;
const MIB = 1 << 20;

interface Measured {
  readonly ms: number;
  /** Of the host's dirty data, in MiB: what was written although nobody here had asked for it, among others. */
  readonly written: number;
}

/** Each puts the saved files on disk, in its own way. */
const methods: Readonly<Record<string, (client: SaveClient, folder: string) => Promise<void>>> = {
  'Livemount: SYNCFS': async (client) => {
    await client.do('SYNCFS', ROOT_ID, {} as never);
  },
  'syncfs(2)': async (_client, folder) => {
    execFileSync('sync', ['-f', folder]);
  },
  'sync(1)': async () => {
    execFileSync('sync');
  },
};

/** Dirty pages of the host, in MiB. (proc_meminfo(5): Dirty) */
function dirtyMiB(): number {
  return Number(/^Dirty:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1] ?? 0) / 1024;
}

/** Another program writes a lot beside us and syncs nothing. */
function makeDirty(file: string): void {
  const fd = openSync(file, 'w');
  const part = Buffer.alloc(MIB, 'neighbour');
  for (let i = 0; i < NEIGHBOUR_MIB; i++) writeSync(fd, part);
  closeSync(fd);
}

async function measure(name: string): Promise<Measured> {
  const folder = mkdtempSync(join(values.dir, 'livemount-bench-sync-'));
  try {
    const client = new SaveClient(openHost(), folder);
    execFileSync('sync', ['-f', folder]);
    makeDirty(join(folder, 'neighbour'));
    for (let i = 0; i < SAVED_FILES; i++) await client.save(`saved-${i}`, Buffer.alloc(SAVED_BYTES, 'x'));
    const before = dirtyMiB();
    const started = performance.now();
    await methods[name]?.(client, folder);
    const ms = performance.now() - started;
    return { ms, written: Math.max(0, before - dirtyMiB()) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const names = Object.keys(methods);
  const results = new Map<string, Measured[]>(names.map((name) => [name, []]));
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    // In another order each time: whoever comes after a flush finds the disk idle.
    const order = names.map((_name, i) => names[(i + repetition) % names.length] ?? '');
    for (const name of order) results.get(name)?.push(await measure(name));
  }
  const rows = [...results].map(([name, all]) => [
    name,
    duration(median(all.map(({ ms }) => ms))),
    duration(Math.max(...all.map(({ ms }) => ms))),
    `${digits(median(all.map(({ written }) => written)))} MiB`,
  ]);
  const table = markdownTable(['', 'median', 'slowest', 'dirty data of the host it wrote'], rows);
  const sentence = machineSentence({ sync: ['sync', '--version'] });
  const text = `${SAVED_FILES} files of ${SAVED_BYTES / 1000} kB saved, ${NEIGHBOUR_MIB} MiB made dirty beside them, ${REPETITIONS} times.\n\n${table}\n\n${sentence}`;
  console.log(text);
  if (!quick) writeMarked('docs/benchmarks.md', 'sync', text);
}

void main();
