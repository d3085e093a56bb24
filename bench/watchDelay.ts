import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectVfs } from '../src/client/connect';
import type { Vfs } from '../src/client/vfs';
import { openHost } from '../src/ssh/host';
import { agentFilesIn, loadPayload } from '../src/ssh/agent/payload';
import { stopProcess } from '../test/fixtures/processes';
import { TcpProxy } from '../test/fixtures/proxy';
import { startSshd } from '../test/fixtures/sshd';
import { markdownTable } from './report/page';

const HOST = 'measured';
const SSH_ROUND_TRIPS_MS = [0, 100];

/** How files come: one on its own, or one behind the other. */
interface Pace {
  readonly name: string;
  readonly files: number;
  readonly pauseMs: number;
}

const PACES: readonly Pace[] = [
  { name: 'single changes', files: 150, pauseMs: 40 },
  { name: 'in a stream of 300 a second', files: 600, pauseMs: 3 },
];

/**
 * From the write on the host to the callback of the client, over a real sshd behind a proxy that delays every byte by
 * half of the round trip. Gives a table.
 */
export async function delaysOverSsh(): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'livemount-bench-delay-'));
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${join(scratch, 'cache')}` } });
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  try {
    sshd.addHost(HOST, { Port: `${proxy.port}` });
    const payload = await loadPayload(agentFilesIn(resolve(__dirname, '../dist')));
    const rows: string[][] = [];
    for (const roundTrip of SSH_ROUND_TRIPS_MS) {
      proxy.delay = roundTrip / 2;
      const link = await openHost(HOST, { configFile: sshd.configFile, rungs: 'agent', payload, graceS: 60 });
      const vfs = await connectVfs(link);
      try {
        for (const pace of PACES) rows.push(await measured(vfs, scratch, roundTrip, pace));
      } finally {
        vfs.dispose();
        if (link.daemon !== undefined) stopProcess(link.daemon.pid);
      }
    }
    return markdownTable(['Livemount over sshd', 'round trip', 'p50', 'p99', 'files'], rows);
  } finally {
    proxy.dispose();
    sshd.dispose();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function measured(vfs: Vfs, scratch: string, roundTrip: number, pace: Pace): Promise<string[]> {
  const folder = mkdtempSync(join(scratch, 'watched-'));
  const delays = await delaysIn(vfs, folder, pace);
  const ms = (part: number) => `${(delays[Math.floor(delays.length * part)] ?? Number.NaN).toFixed(1)} ms`;
  return [pace.name, `${roundTrip} ms`, ms(0.5), ms(0.99), `${delays.length} of ${pace.files}`];
}

/** The delays of files that are each named after the moment they are made, in milliseconds, the shortest first. */
async function delaysIn(vfs: Vfs, folder: string, { files, pauseMs }: Pace): Promise<number[]> {
  const heard = new Map<string, number>();
  const watch = vfs.watch(folder, { recursive: true, visible: true }, (changes) => {
    const now = process.hrtime.bigint();
    for (const { path } of changes) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      // The first report of each is the one that counts.
      if (/^\d+$/.test(name) && !heard.has(name)) heard.set(name, Number(now - BigInt(name)) / 1e6);
    }
  });
  await watch.ready;
  for (let i = 0; i < files; i++) {
    writeFileSync(join(folder, `${process.hrtime.bigint()}`), '');
    await sleep(pauseMs);
  }
  for (let i = 0; i < 50 && heard.size < files; i++) await sleep(100);
  watch.dispose();
  return [...heard.values()].sort((a, b) => a - b);
}
