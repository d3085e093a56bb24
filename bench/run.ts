// Terminals and programs on the host: `npm run bench -- run [--scale quick]`.
//
// From a key to its echo against `ssh -t`, turn by turn in one run; what a program prints against a raw channel of the
// same connection; one small request beside a flood.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectVfs } from '../src/client/connect';
import type { Vfs } from '../src/client/vfs';
import type { HostLink } from '../src/ssh/host';
import { startDistantHost } from './measure/distantHost';
import { machineSentence } from './report/machine';
import { duration, quantile, rate } from './report/numbers';
import { markdownTable, writeMarked } from './report/page';

const { values } = parseArgs({ options: { scale: { type: 'string', default: 'full' } } });
const quick = values.scale === 'quick';
const ROUND_TRIPS_MS = quick ? [0, 20] : [0, 20, 100];
const KEYS = quick ? 50 : 400;
const BULK_BYTES = quick ? 256 << 20 : 2 ** 30;
const STATS = quick ? 100 : 1000;
/** Between two keys, as a quick typist has it. */
const PAUSE_MS = 20;
const HOST = 'measured';
/** Echoes each line's bytes as they come, and nothing else: the terminal's own echo is off. */
const ECHO = 'stty raw -echo; echo ready; exec cat';

interface Terminal {
  readonly input: Writable;
  readonly output: Readable;
  end(): void;
}

/** Resolves with the ms from a key to the byte that comes back. */
function echo({ input, output }: Terminal): Promise<number> {
  const started = performance.now();
  return new Promise((done) => {
    output.once('data', () => done(performance.now() - started));
    input.write('x');
  });
}

async function ready(terminal: Terminal): Promise<Terminal> {
  let text = '';
  while (!text.includes('ready'))
    text += String(await new Promise((done) => terminal.output.once('data', done)));
  return terminal;
}

async function ours(vfs: Vfs): Promise<Terminal> {
  const process = await vfs.processes.start({
    run: { program: ['/bin/sh', '-c', ECHO] },
    terminal: { cols: 80, rows: 24 },
  });
  return ready({ input: process.input, output: process.output, end: () => process.dispose() });
}

/** `ssh -tt`: its own terminal is a pipe, the host's is real. */
async function theirs(configFile: string): Promise<Terminal> {
  const child = spawn('ssh', ['-F', configFile, '-tt', HOST, ECHO], { stdio: ['pipe', 'pipe', 'ignore'] });
  return ready({ input: child.stdin, output: child.stdout, end: () => void child.kill() });
}

async function bytesPer(stream: Readable): Promise<{ bytes: number; ms: number }> {
  const started = performance.now();
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) bytes += chunk.length;
  return { bytes, ms: performance.now() - started };
}

async function bulk(vfs: Vfs, link: HostLink): Promise<{ process: number; channel: number; text: string }> {
  const command = `head -c ${BULK_BYTES} /dev/zero`;
  const started = await vfs.processes.start({ run: { program: ['/bin/sh', '-c', command] } });
  const process = await bytesPer(started.output);
  const { transport } = link;
  if (transport === undefined) throw new Error('the link is down');
  const raw = await transport.exec(command);
  raw.stderr.resume();
  const channel = await bytesPer(raw.stream);
  if (process.bytes !== BULK_BYTES || channel.bytes !== BULK_BYTES) throw new Error('bytes are missing');
  return {
    process: process.bytes / process.ms,
    channel: channel.bytes / channel.ms,
    text: `${rate(process.bytes, process.ms)} (${rate(channel.bytes, channel.ms)})`,
  };
}

/** One small request after another while a terminal floods. */
async function besideFlood(vfs: Vfs, path: string): Promise<number[]> {
  const flood = await vfs.processes.start({ run: { program: ['yes'] }, terminal: { cols: 80, rows: 24 } });
  flood.output.resume();
  const times: number[] = [];
  for (let i = 0; i < STATS; i++) {
    const started = performance.now();
    await vfs.stat(path);
    times.push(performance.now() - started);
    await delay(PAUSE_MS / 4);
  }
  flood.dispose();
  return times;
}

async function main(): Promise<void> {
  const distant = await startDistantHost('run', HOST);
  const { scratch, sshd, proxy } = distant;
  try {
    const small = join(scratch, 'small');
    writeFileSync(small, '');
    const rows: string[][] = [];
    for (const roundTrip of ROUND_TRIPS_MS) {
      await proxy.delay(roundTrip / 2);
      const link = await distant.open(HOST);
      const vfs = await connectVfs(link, { modeOf: () => 'none' });
      try {
        const terminals = [await ours(vfs), await theirs(sshd.configFile)] as const;
        const times: [number[], number[]] = [[], []];
        for (let i = 0; i < KEYS; i++) {
          // Turn by turn, so that whatever else the machine does meets both.
          for (const which of [0, 1] as const) times[which].push(await echo(terminals[which]));
          await delay(PAUSE_MS);
        }
        for (const terminal of terminals) terminal.end();
        const printed = await bulk(vfs, link);
        const stats = await besideFlood(vfs, small);
        const p50 = (list: readonly number[]) => duration(quantile(list, 0.5));
        rows.push([
          `${roundTrip} ms`,
          `${p50(times[0])}, ${duration(quantile(times[0], 0.99))}`,
          `${p50(times[1])}, ${duration(quantile(times[1], 0.99))}`,
          printed.text,
          `${(printed.process / printed.channel).toFixed(2)}`,
          duration(quantile(stats, 0.99)),
        ]);
        console.log(rows.at(-1)?.join(' | '));
      } finally {
        vfs.dispose();
      }
    }
    const head = [
      'round trip',
      'key to echo',
      'the same with `ssh -t`',
      'a program prints (a raw channel)',
      'part of the raw channel',
      '`stat` beside a flood, p99',
    ];
    const text = `Median and 99th percentile of ${KEYS} keys, in turns; ${BULK_BYTES >> 20} MiB of output.\n\n${markdownTable(head, rows)}\n\n${machineSentence({ OpenSSH: ['ssh', '-V'] })}`;
    console.log(text);
    if (!quick) writeMarked('docs/benchmarks.md', 'run', text);
  } finally {
    distant.dispose();
  }
}

void main().then(() => process.exit(0));
