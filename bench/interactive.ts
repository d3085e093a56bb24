// How long one small request takes while the same connection carries a large file:
// `npm run bench -- interactive [--scale quick]`.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectVfs } from '../src/client/connect';
import type { Vfs } from '../src/client/vfs';
import { startDistantHost } from './measure/distantHost';
import { machineSentence } from './report/machine';
import { duration, quantile, rate } from './report/numbers';
import { markdownTable, writeMarked } from './report/page';

const { values } = parseArgs({ options: { scale: { type: 'string', default: 'full' } } });
const quick = values.scale === 'quick';
const ROUND_TRIPS_MS = quick ? [0, 20] : [0, 20, 100];
/** Read, or written, again and again until the time is over. */
const FILE_BYTES = quick ? 256 << 20 : 1 << 30;
const IDLE_MS = quick ? 1000 : 8000;
const STREAMING_MS = quick ? 4000 : 30_000;
/** Between two requests, as between two of an editor. */
const PAUSE_MS = 5;
const HOST = 'measured';
/** The same without the proxy, which takes time of its own even where it delays nothing. */
const NEAR = 'near';

interface Cell {
  readonly times: readonly number[];
  /** Bytes that were moved meanwhile, and how long that took, in ms. */
  readonly bytes: number;
  readonly ms: number;
}

/** Asks for one small thing after another, none of them from a cache, while something else goes on. */
async function statWhile(vfs: Vfs, path: string, ms: number, transfer?: () => Promise<void>): Promise<Cell> {
  const times: number[] = [];
  const began = performance.now();
  const end = began + ms;
  let bytes = 0;
  const streaming = (async () => {
    while (transfer !== undefined && performance.now() < end) {
      await transfer();
      bytes += FILE_BYTES;
    }
  })();
  let over = transfer === undefined;
  const finished = streaming.then(() => {
    over = true;
  });
  while (performance.now() < end || !over) {
    const started = performance.now();
    await vfs.stat(path);
    if (!over || transfer === undefined) times.push(performance.now() - started);
    await delay(PAUSE_MS);
  }
  await finished;
  return { times, bytes, ms: performance.now() - began };
}

function cell({ times, bytes, ms }: Cell): string {
  const figures = `${duration(quantile(times, 0.5))}, ${duration(quantile(times, 0.99))}`;
  return bytes === 0 ? figures : `${figures} (${rate(bytes, ms)})`;
}

async function main(): Promise<void> {
  const distant = await startDistantHost('interactive', HOST);
  const { scratch, sshd, proxy } = distant;
  try {
    sshd.addHost(NEAR, { Port: `${sshd.port}` });
    const content = Buffer.alloc(FILE_BYTES, randomBytes(1 << 20));
    const [small, large, written] = ['small', 'large', 'written'].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(small, '');
    writeFileSync(large, content);
    const rows: string[][] = [];
    for (const roundTrip of ROUND_TRIPS_MS) {
      await proxy.delay(roundTrip / 2);
      const host = roundTrip === 0 ? NEAR : HOST;
      const connect = async () =>
        connectVfs(await distant.open(host), { modeOf: () => 'none', contentBytes: 0 });
      const vfs = await connect();
      const other = await connect();
      const read = async () => void (await vfs.readFile(large));
      const write = async () =>
        void (await vfs.writeFile(written, content, { create: true, overwrite: true, expect: 'any' }));
      try {
        const idle = await statWhile(vfs, small, IDLE_MS);
        const reading = await statWhile(vfs, small, STREAMING_MS, read);
        const writing = await statWhile(vfs, small, STREAMING_MS, write);
        const beside = await statWhile(other, small, STREAMING_MS, read);
        rows.push([
          `${roundTrip} ms`,
          cell(idle),
          cell(reading),
          cell(writing),
          cell(beside),
          duration(roundTrip + 20),
        ]);
        console.log(rows.at(-1)?.join(' | '));
      } finally {
        vfs.dispose();
        other.dispose();
      }
    }
    const head = [
      'round trip',
      'link idle',
      'while a file is read',
      'while a file is written',
      'over a connection of its own, while a file is read',
      'goal for p99',
    ];
    const text = `One \`stat\` that no cache answers: median, 99th percentile (and what the link carried meanwhile).\n\n${markdownTable(head, rows)}\n\n${machineSentence({ OpenSSH: ['ssh', '-V'] })}`;
    console.log(text);
    if (!quick) writeMarked('docs/benchmarks.md', 'interactive', text);
  } finally {
    distant.dispose();
  }
}

void main().then(() => process.exit(0));
