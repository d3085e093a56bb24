// Half an hour of everything at once, and what it leaves: `npm run bench -- soak [--minutes N] [--seed N]`.
// Three windows work in folders of their own over links that are cut, another one watches all of it; on the host somebody
// makes storms, trees deeper than a path can name, and folders that are closed for a while. Each minute everything that was
// acknowledged must be there, everything that happened must have been reported, and the daemon's memory, descriptors,
// threads and watches are written down. As root the daemon runs as another user, so that permissions count.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createConnection } from 'node:net';
import { DisposableStore, onDispose } from '../src/base/dispose';
import { readGreeting } from '../src/agent/daemon/greeting';
import { connectVfs } from '../src/client/connect';
import type { Link } from '../src/client/session/link';
import type { Vfs } from '../src/client/vfs';
import { stopProcess } from '../test/fixtures/processes';
import { TcpProxy } from '../test/fixtures/proxy';
import { Workload } from '../test/resume/workload';
import { Random } from '../test/watch/random';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string', default: '1' } },
});
const MINUTES = Number(values.minutes);
const WINDOWS = 3;
const STEP_PAUSE_MS = 40;
const STORM_FILES = 2000;
/** What runs as nobody's user can be run by root only. */
const UNPRIVILEGED = 65_534;

interface Sample {
  readonly minute: number;
  readonly rssMb: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly watches: number;
  /** Folders there are: each has a watch under inotify. */
  readonly folders: number;
  readonly steps: number;
}

async function main(): Promise<void> {
  process.umask(0);
  const owned = new DisposableStore();
  const own = (dispose: () => void) => owned.add(onDispose(dispose));
  const base = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'livemount-soak-')));
  own(() => fs.rmSync(base, { recursive: true, force: true }));
  try {
    const [folder, run] = [path.join(base, 'tree'), path.join(base, 'run')];
    fs.mkdirSync(folder, { mode: 0o777 });
    fs.mkdirSync(run, { mode: 0o700 });
    fs.chmodSync(base, 0o755);
    const isRoot = process.getuid?.() === 0;
    const user = isRoot ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
    if (isRoot) fs.chownSync(run, UNPRIVILEGED, UNPRIVILEGED);
    const agent = path.join(run, 'agent.js');
    fs.cpSync(path.resolve(__dirname, '../dist'), run, { recursive: true });
    const socket = path.join(run, 'socket');
    const daemon = spawn(process.execPath, [agent, 'daemon', '--socket', socket, '--grace', '60'], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      cwd: '/',
      env: {
        PATH: process.env.PATH,
        HOME: run,
        XDG_STATE_HOME: run,
        XDG_DATA_HOME: run,
        XDG_RUNTIME_DIR: run,
      },
      ...user,
    });
    const { pid } = daemon;
    if (pid === undefined) throw new Error('the daemon cannot be started');
    own(() => void stopProcess(pid));
    daemon.once('exit', (code) => console.log(`the daemon ended with ${code}`));
    await once(daemon.stdio[3] as Readable, 'data');

    const connect = async () => {
      const proxy = owned.add(await TcpProxy.start({ targetPath: socket }));
      const vfs = owned.add(await connectVfs(new ProxiedLink(proxy), { graceS: 60 }));
      return { proxy, vfs };
    };
    const { vfs: overview } = await connect();
    let overflows = 0;
    await overview.watch(folder, { recursive: true }, (changes) => {
      overflows += changes.filter(({ kind }) => kind === 'overflow').length;
    }).ready;

    const random = new Random(Number(values.seed));
    const windows: { vfs: Vfs; proxy: TcpProxy; workload: Workload }[] = [];
    for (let i = 0; i < WINDOWS; i++) {
      const { vfs, proxy } = await connect();
      const place = path.join(folder, `window${i}`);
      fs.mkdirSync(place);
      windows.push({
        vfs,
        proxy,
        workload: await Workload.start(vfs, place, new Random(Number(values.seed) + i)),
      });
    }
    const samples: Sample[] = [];
    for (let minute = 1; minute <= MINUTES; minute++) {
      const end = Date.now() + 60_000;
      const cutting = cuts(
        windows.map(({ proxy }) => proxy),
        random,
        end,
      );
      const troubling = trouble(folder, overview, random, end);
      await Promise.all([
        cutting,
        troubling,
        ...windows.map(async ({ vfs, workload }) => {
          while (Date.now() < end) {
            await workload.step();
            if (vfs.state !== 'connected') vfs.reconnect();
            await delay(STEP_PAUSE_MS);
          }
        }),
      ]);
      for (const { vfs, workload } of windows) {
        vfs.reconnect();
        await workload.verify();
      }
      const steps = windows.reduce((sum, { workload }) => sum + workload.done, 0);
      const sample = { minute, steps, folders: foldersBelow(folder), ...daemonUse(pid) };
      samples.push(sample);
      console.log(
        `minute ${String(minute).padStart(2)}: ${sample.rssMb} MB, ${sample.descriptors} descriptors, ${sample.threads} threads, ` +
          `${sample.watches} watches of ${sample.folders} folders, ${steps} operations, ${overflows} overflows`,
      );
    }
    judge(samples);
  } finally {
    owned.dispose();
  }
}

class ProxiedLink implements Link {
  readonly rung = 'daemon';
  readonly reason = 'a benchmark';
  constructor(private readonly proxy: TcpProxy) {}

  async openChannel(): Promise<Duplex> {
    const socket = createConnection({ port: this.proxy.port, host: '127.0.0.1', noDelay: true });
    await readGreeting(socket);
    return socket;
  }

  dispose(): void {}
}

/** Cuts a link every few seconds, somewhere in what it carries. */
async function cuts(proxies: readonly TcpProxy[], random: Random, end: number): Promise<void> {
  while (Date.now() < end) {
    const proxy = random.pick([...proxies]);
    const direction = random.below(2) === 0 ? 'up' : 'down';
    proxy?.endAfter(
      1 + random.below(20_000),
      direction,
      random.below(2) === 0 ? 'cut' : 'reset',
      () => undefined,
    );
    await delay(2000 + random.below(3000));
  }
}

/** What programs and people of the host do beside the windows. */
async function trouble(folder: string, vfs: Vfs, random: Random, end: number): Promise<void> {
  while (Date.now() < end) {
    const place = path.join(folder, `trouble${random.below(1e9)}`);
    fs.mkdirSync(place);
    const kind = random.below(3);
    if (kind === 0) {
      for (let i = 0; i < STORM_FILES; i++) {
        fs.writeFileSync(path.join(place, `file${i}`), '');
        if (i % 200 === 0) await delay(1);
      }
    } else if (kind === 1) await deepTree(place);
    else {
      const closed = path.join(place, 'closed');
      fs.mkdirSync(path.join(closed, 'inner'), { recursive: true });
      fs.writeFileSync(path.join(closed, 'file'), 'open');
      await vfs.readFile(path.join(closed, 'file')).catch(() => undefined);
      fs.chmodSync(closed, 0o000);
      fs.writeFileSync(path.join(closed, 'inner/new'), 'written while it was closed');
      await delay(300);
      fs.chmodSync(closed, 0o755);
      const text = await readWhenThere(vfs, path.join(closed, 'inner/new'));
      if (text !== 'written while it was closed') throw new Error(`${closed}: read ${text}`);
    }
    await delay(500 + random.below(1500));
    // The tree may be deeper than a path can name.
    await once(spawn('rm', ['-rf', place], { stdio: 'ignore' }), 'exit');
  }
}

async function readWhenThere(vfs: Vfs, file: string): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const content = await vfs.readFile(file).catch(() => undefined);
    if (content) return content.toString();
    await delay(100);
  }
  return 'nothing';
}

/** A tree whose innermost file has a path beyond PATH_MAX. */
async function deepTree(place: string): Promise<void> {
  const script = 'for i in $(seq 30); do mkdir "$0" && cd "$0" || exit 1; done; echo x >file; echo y >>file';
  await once(spawn('bash', ['-c', script, 'd'.repeat(200)], { cwd: place, stdio: 'ignore' }), 'exit');
}

function foldersBelow(folder: string): number {
  const entries = fs.readdirSync(folder, { withFileTypes: true });
  return entries.reduce(
    (sum, entry) => sum + (entry.isDirectory() ? foldersBelow(path.join(folder, entry.name)) : 0),
    1,
  );
}

function daemonUse(pid: number): Omit<Sample, 'minute' | 'steps' | 'folders'> {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const number = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  const descriptors = fs.readdirSync(`/proc/${pid}/fd`);
  let watches = 0;
  for (const fd of descriptors) {
    try {
      const info = fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
      watches += info.match(/^(?:inotify|fanotify) /gm)?.length ?? 0;
    } catch {
      // Closed since.
    }
  }
  return {
    rssMb: Math.round(number('VmRSS') / 1024),
    descriptors: descriptors.length,
    threads: number('Threads'),
    watches,
  };
}

/** Flat: the last third is where the one before it was; of watches those count that no folder explains. */
function judge(samples: readonly Sample[]): void {
  const third = Math.floor(samples.length / 3);
  if (third === 0) return;
  const amount = (sample: Sample, key: keyof Sample) =>
    key === 'watches' ? sample.watches - sample.folders : sample[key];
  const median = (list: readonly Sample[], key: keyof Sample) =>
    list.map((sample) => amount(sample, key)).sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
  const room = { rssMb: 15, descriptors: 6, threads: 2, watches: 12 } as const;
  for (const key of ['rssMb', 'descriptors', 'threads', 'watches'] as const) {
    const [early, late] = [median(samples.slice(third, 2 * third), key), median(samples.slice(-third), key)];
    console.log(`${key}: ${early} in the middle third, ${late} in the last`);
    if (late > early + room[key]) {
      console.error(`${key} grows`);
      process.exitCode = 1;
    }
  }
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
