// From a name to the first directory listing, and back after a drop:
// `npm run bench -- connect [--scale quick]`.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { connectVfs } from '../src/client/connect';
import type { Vfs } from '../src/client/vfs';
import { connectHost } from '../src/ssh/connectHost';
import type { DaemonMemory } from '../src/ssh/agent/daemonMemory';
import { type HostLink, openHost } from '../src/ssh/host';
import { type AgentPayload, agentFilesIn, loadPayload } from '../src/ssh/agent/payload';
import { isAlive, stopProcess } from '../test/fixtures/processes';
import { TcpProxy } from '../test/fixtures/proxy';
import { type Sshd, startSshd } from '../test/fixtures/sshd';
import { machineSentence } from './report/machine';
import { digits, duration, median } from './report/numbers';
import { markdownTable, writeMarked } from './report/page';

const { values } = parseArgs({ options: { scale: { type: 'string', default: 'full' } } });
const quick = values.scale === 'quick';
const REPETITIONS = quick ? 2 : 9;
const ROUND_TRIPS_MS = quick ? [0, 20] : [0, 20, 100];
const ENTRIES = 200;
const HOST = 'measured';
const run = promisify(execFile);

/** Everything a contestant needs to reach the host. */
interface Bench {
  readonly sshd: Sshd;
  readonly proxy: TcpProxy;
  readonly payload: AgentPayload;
  readonly cache: string;
  readonly folder: string;
}

interface Connected {
  readonly link: HostLink;
  readonly vfs: Vfs;
}

/** One way to the first listing; gives the ms it took. What it needs beforehand and leaves behind is not counted. */
type Contestant = (bench: Bench) => Promise<number>;

async function livemount(bench: Bench, daemonMemory?: DaemonMemory): Promise<Connected> {
  const { payload, sshd } = bench;
  const link = await openHost(HOST, {
    configFile: sshd.configFile,
    payload,
    graceS: 60,
    ...(daemonMemory && { daemonMemory }),
  });
  const vfs = await connectVfs(link);
  const entries = await vfs.readDirectory(bench.folder);
  if (entries.length !== ENTRIES) throw new Error(`${entries.length} entries`);
  return { link, vfs };
}

/** Ends the host's daemon, so that the next connection starts one. */
async function endDaemon({ link }: Connected): Promise<void> {
  const pid = link.daemon?.pid;
  if (pid === undefined) throw new Error(`no agent: ${link.reason}`);
  stopProcess(pid);
  while (isAlive(pid)) await new Promise((done) => setTimeout(done, 10));
}

async function timed<T>(action: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const started = performance.now();
  const result = await action();
  return { ms: performance.now() - started, result };
}

function memory(): DaemonMemory {
  const kept = new Map<string, string>();
  return {
    get: async (key) => kept.get(key),
    set: async (key, value) => {
      kept.set(key, value);
    },
  };
}

const contestants: Readonly<Record<string, Contestant>> = {
  'Livemount, nothing on the host yet': async (bench) => {
    rmSync(bench.cache, { recursive: true, force: true });
    const { ms, result } = await timed(() => livemount(bench));
    await endDaemon(result);
    result.vfs.dispose();
    return ms;
  },
  'Livemount, agent stored': async (bench) => {
    const before = await livemount(bench);
    await endDaemon(before);
    before.vfs.dispose();
    const { ms, result } = await timed(() => livemount(bench));
    await endDaemon(result);
    result.vfs.dispose();
    return ms;
  },
  'Livemount, daemon running': async (bench) => {
    const remembered = memory();
    const before = await livemount(bench, remembered);
    before.vfs.dispose();
    const { ms, result } = await timed(() => livemount(bench, remembered));
    await endDaemon(result);
    result.vfs.dispose();
    return ms;
  },
  "SFTP of npm's ssh2": async ({ sshd, folder }) => {
    const { ms, result } = await timed(async () => {
      const { transport } = await connectHost(HOST, { configFile: sshd.configFile });
      const sftp = await transport.sftp();
      await new Promise<void>((done, fail) => {
        sftp.readdir(folder, (error, list) => (error || list.length !== ENTRIES ? fail(error) : done()));
      });
      return transport;
    });
    result.dispose();
    return ms;
  },
  "OpenSSH's sftp": async ({ sshd, folder }) => {
    const { ms } = await timed(() =>
      run('sh', ['-c', 'echo "ls -1 $1" | sftp -q -F "$0" -b - "$2"', sshd.configFile, folder, HOST]),
    );
    return ms;
  },
};

/** From the moment the network is back to the session resumed, in ms. */
async function resumed(bench: Bench): Promise<number> {
  const connected = await livemount(bench);
  const { vfs } = connected;
  const lost = new Promise<void>((done) => {
    const listener = vfs.onStateChange((state) => {
      if (state !== 'reconnecting') return;
      listener.dispose();
      done();
    });
  });
  bench.proxy.refuse();
  bench.proxy.reset();
  await lost;
  bench.proxy.refuse(false);
  const { ms } = await timed(
    () =>
      new Promise<void>((done) => {
        const listener = vfs.onStateChange((state) => {
          if (state !== 'connected') return;
          listener.dispose();
          done();
        });
        vfs.reconnect();
      }),
  );
  await endDaemon(connected);
  vfs.dispose();
  return ms;
}

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'livemount-bench-connect-'));
  const cache = join(scratch, 'cache');
  const folder = mkdtempSync(join(scratch, 'folder-'));
  for (let i = 0; i < ENTRIES; i++) writeFileSync(join(folder, `file-${i}`), '');
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${cache}` } });
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  try {
    sshd.addHost(HOST, { Port: `${proxy.port}` });
    const payload = await loadPayload(agentFilesIn(resolve(__dirname, '../dist')));
    const bench = { sshd, proxy, payload, cache, folder };
    const all: Readonly<Record<string, Contestant>> = {
      ...contestants,
      'Livemount, resumed after a drop': resumed,
    };
    const names = Object.keys(all);
    const results = new Map<string, number[][]>(names.map((name) => [name, ROUND_TRIPS_MS.map(() => [])]));
    for (const [column, roundTrip] of ROUND_TRIPS_MS.entries()) {
      proxy.delay = roundTrip / 2;
      for (let repetition = 0; repetition < REPETITIONS; repetition++) {
        for (const [i] of names.entries()) {
          // In another order each time.
          const name = names[(i + repetition) % names.length] ?? '';
          results.get(name)?.[column]?.push((await all[name]?.(bench)) ?? Number.NaN);
        }
      }
    }
    const far = ROUND_TRIPS_MS.at(-1) ?? 0;
    const rows = [...results].map(([name, columns]) => {
      const medians = columns.map(median);
      const roundTrips = ((medians.at(-1) ?? 0) - (medians[0] ?? 0)) / far;
      return [name, ...medians.map(duration), digits(roundTrips)];
    });
    const head = ['', ...ROUND_TRIPS_MS.map((ms) => `round trip ${ms} ms`), 'round trips waited for'];
    const sentence = machineSentence({ OpenSSH: ['ssh', '-V'] });
    const text = `From the name of the host to a listing of ${ENTRIES} entries, ${REPETITIONS} times, medians.\n\n${markdownTable(head, rows)}\n\n${sentence}`;
    console.log(text);
    if (!quick) writeMarked('docs/benchmarks.md', 'connect', text);
  } finally {
    proxy.dispose();
    sshd.dispose();
    rmSync(scratch, { recursive: true, force: true });
  }
}

void main().then(() => process.exit(0));
