// Mounts that come, go and hang, over a real sshd on loopback: `npm run bench -- mounts [--scale quick]`.
import { setMaxListeners } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cString } from '../src/agent/libc/libc';
import { runSync, syscall } from '../src/agent/libc/op';
import { connectVfs } from '../src/client/connect';
import type { Change, Vfs } from '../src/client/vfs';
import { DisposableStore, onDispose } from '../src/base/dispose';
import { openHost } from '../src/ssh/host';
import { agentFilesIn, loadPayload } from '../src/ssh/agent/payload';
import { Installation } from '../test/e2e/installation';
import { isAlive, stopProcess } from '../test/fixtures/processes';
import { type Sshd, startSshd } from '../test/fixtures/sshd';
import { FuseMount } from '../test/superblocks/fuseMount';
import { machineSentence } from './report/machine';
import { duration, median, quantile } from './report/numbers';
import { markdownTable, writeMarked } from './report/page';

const { values } = parseArgs({ options: { scale: { type: 'string', default: 'full' } } });
const quick = values.scale === 'quick';
/** Mounts that come and go one after another. */
const CHANGES = quick ? 20 : 300;
/** Turns without and with the mount that hangs, and the stats in each. */
const TURNS = quick ? 2 : 10;
const STATS = quick ? 50 : 300;
const STUCK = 40;
const MANY = quick ? 100 : 1000;
const REPETITIONS = quick ? 2 : 5;

const mountCall = syscall('mount', 'void *', 'void *', 'void *', 'long', 'void *');
const umountCall = syscall('umount2', 'void *', 'int');
const MS_BIND = 4096;
const MNT_DETACH = 2;

const text = (value: string) => cString(Buffer.from(value));

function mountTmpfs(at: string): void {
  runSync(mountCall(text('tmpfs'), text(at), text('tmpfs'), 0, text('size=64m')));
}

function bind(from: string, at: string): void {
  runSync(mountCall(text(from), text(at), null, MS_BIND, null));
}

function unmount(at: string, flags = 0): void {
  runSync(umountCall(text(at), flags));
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

/** Milliseconds from mount(2) and umount2(2) returning to the watcher's callback. */
async function changeDelays(vfs: Vfs, folder: string): Promise<{ came: number[]; went: number[] }> {
  const point = join(folder, 'point');
  mkdirSync(point);
  let told: (change: Change) => void = () => undefined;
  const watch = vfs.watch(folder, { recursive: true }, (changes) => {
    for (const change of changes) if (change.path === point) told(change);
  });
  await watch.ready;
  const until = (kind: Change['kind'], act: () => void): Promise<number> =>
    new Promise((done) => {
      let since = 0;
      told = (change) => {
        if (change.kind === kind) done(performance.now() - since);
      };
      act();
      since = performance.now();
    });
  const came: number[] = [];
  const went: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    came.push(await until('mount', () => mountTmpfs(point)));
    went.push(await until('unmount', () => unmount(point)));
    // Not in step with anything that happens at intervals.
    await new Promise((done) => setTimeout(done, Math.random() * 40));
  }
  watch.dispose();
  return { came, went };
}

/** Stats of a healthy folder, in turns without and with a mount beside it that never answers and is asked a lot. */
async function statTimes(vfs: Vfs, folder: string): Promise<{ alone: number[]; beside: number[] }> {
  const healthy = join(folder, 'healthy');
  mkdirSync(healthy);
  for (let i = 0; i < STATS; i++) writeFileSync(join(healthy, `file-${i}`), 'x');
  const alone: number[] = [];
  const beside: number[] = [];
  const measure = async (into: number[]) => {
    for (let i = 0; i < STATS; i++) into.push(await timed(() => vfs.stat(join(healthy, `file-${i}`))));
  };
  await measure([]);
  for (let turn = 0; turn < TURNS; turn++) {
    await measure(alone);
    const dead = new FuseMount(join(folder, `dead-${turn}`));
    const patience = new AbortController();
    setMaxListeners(STUCK, patience.signal);
    const stuck = Array.from({ length: STUCK }, (_, i) =>
      vfs.stat(join(dead.at, `name-${i}`), { signal: patience.signal }).catch(() => undefined),
    );
    await dead.asked('STATX', 'GETATTR', 'LOOKUP');
    await measure(beside);
    patience.abort();
    dead.dispose();
    await Promise.all(stuck);
  }
  return { alone, beside };
}

interface ManyMounts {
  readonly told: number;
  readonly listing: number;
  readonly watch: number;
  readonly command: number;
}

/** A folder with so many bind mounts: listing it, watching it, and the command that shows them; each by a new client. */
async function manyMounts(bench: Bench, folder: string, count: number): Promise<ManyMounts> {
  const source = join(folder, 'source');
  const many = join(folder, `many-${count}`);
  mkdirSync(source, { recursive: true });
  writeFileSync(join(source, 'file'), 'x');
  mkdirSync(many);
  mountTmpfs(many);
  try {
    for (let i = 0; i < count; i++) mkdirSync(join(many, `m${i}`));
    const witness = await connect(bench);
    const allTold = new Promise<void>((done) => {
      const listener = witness.onSuperblocksChange(() => {
        if (witness.mountsBelow(many).length < count) return;
        listener.dispose();
        done();
      });
    });
    for (let i = 0; i < count; i++) bind(source, join(many, `m${i}`));
    const told = await timed(() => allTold);
    witness.dispose();

    const times: Record<'listing' | 'watch' | 'command', number[]> = { listing: [], watch: [], command: [] };
    for (let i = 0; i < REPETITIONS; i++) {
      const vfs = await connect(bench);
      times.listing.push(await timed(() => vfs.readDirectory(many)));
      times.watch.push(
        await timed(async () => {
          const watch = vfs.watch(many, { recursive: true }, () => undefined);
          await watch.ready;
          const waiting = () => vfs.mountsBelow(many).some(({ generation }) => generation === 0n);
          while (waiting()) await new Promise((done) => setTimeout(done, 1));
        }),
      );
      vfs.dispose();
      times.command.push(await timed(() => bench.cli.run(['mounts', bench.cli.at(many)])));
    }
    return {
      told,
      listing: median(times.listing),
      watch: median(times.watch),
      command: median(times.command),
    };
  } finally {
    unmount(many, MNT_DETACH);
  }
}

interface Bench {
  readonly sshd: Sshd;
  readonly cli: Installation;
  /** Process ids of the agents that were met. */
  readonly agents: Set<number>;
}

async function connect({ sshd, agents }: Bench): Promise<Vfs> {
  const payload = await loadPayload(agentFilesIn(resolve(__dirname, '../dist')));
  const link = await openHost(sshd.host, { configFile: sshd.configFile, payload, graceS: 60 });
  if (link.daemon !== undefined) agents.add(link.daemon.pid);
  return connectVfs(link, { modeOf: () => 'none' });
}

function report(
  changes: { came: number[]; went: number[] },
  stats: { alone: number[]; beside: number[] },
  few: ManyMounts,
  many: ManyMounts,
): string {
  const spread = (name: string, ms: number[]) => [name, duration(median(ms)), duration(quantile(ms, 0.99))];
  const delays = markdownTable(
    ['', 'p50', 'p99'],
    [
      spread('a mount is told', changes.came),
      spread('an unmount is told', changes.went),
      spread('stat on a healthy mount', stats.alone),
      spread(`the same beside a mount with ${STUCK} requests that never answers`, stats.beside),
    ],
  );
  const row = (name: string, of: keyof ManyMounts) => [name, duration(few[of]), duration(many[of])];
  const sizes = markdownTable(
    ['', '1 mount', `${MANY.toLocaleString('en')} mounts`],
    [
      row('all are told, from the last mount(2)', 'told'),
      row('list the folder', 'listing'),
      row('watch it, each mount acknowledged', 'watch'),
      row('`livemount mounts`, connecting included', 'command'),
    ],
  );
  const what = `${CHANGES} mounts and unmounts, ${TURNS} × ${STATS} stats each way; the rest ${REPETITIONS} times, medians.`;
  return `${what}\n\n${delays}\n\n${sizes}\n\n${machineSentence({ OpenSSH: ['ssh', '-V'] })}`;
}

async function main(): Promise<void> {
  const owned = new DisposableStore();
  const scratch = mkdtempSync(join(tmpdir(), 'livemount-bench-mounts-'));
  owned.add(onDispose(() => rmSync(scratch, { recursive: true, force: true })));
  try {
    const folder = join(scratch, 'work');
    mkdirSync(folder);
    mountTmpfs(folder);
    owned.add(onDispose(() => unmount(folder, MNT_DETACH)));
    const sshd = owned.add(
      await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${join(scratch, 'cache')}` } }),
    );
    const bench: Bench = { sshd, cli: owned.add(new Installation(sshd)), agents: new Set() };
    const vfs = await connect(bench);
    const changes = await changeDelays(vfs, folder);
    const stats = await statTimes(vfs, folder);
    vfs.dispose();
    const few = await manyMounts(bench, folder, 1);
    const many = await manyMounts(bench, folder, MANY);
    for (const pid of bench.agents) {
      stopProcess(pid);
      while (isAlive(pid)) await new Promise((done) => setTimeout(done, 10));
    }
    const result = report(changes, stats, few, many);
    console.log(result);
    if (!quick) writeMarked('docs/benchmarks.md', 'mounts', result);
  } finally {
    owned.dispose();
  }
}

void main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
