// The live mount against sshfs and the local disk, cold and again, over links of several round trips:
// `npm run bench -- mount [--scale quick] [--counts]`. With --counts only what does not depend on the machine: the requests
// that the host is asked.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { TcpProxy } from '../test/fixtures/proxy';
import { startSshd } from '../test/fixtures/sshd';
import { ground, type Ground } from '../test/mount/mounted';
import { until } from '../test/mount/until';
import { machineSentence } from './report/machine';
import { duration } from './report/numbers';
import { markdownTable, writeMarked } from './report/page';

const run = promisify(execFile);
const { values } = parseArgs({
  options: { scale: { type: 'string', default: 'full' }, counts: { type: 'boolean', default: false } },
});
const quick = values.scale === 'quick';
const [FOLDERS, FILES] = quick ? [50, 10] : [500, 20];
const ROUND_TRIPS_MS = quick ? [20] : [0, 20, 100];

/** What is done in the folder. Each is measured cold, in a mount of its own, and once more. */
const WORK: Readonly<Record<string, (top: string) => Promise<unknown>>> = {
  'find, with all sizes': (top) => run('find', [join(top, 'tree'), '-size', '+1G']),
  'git status': (top) =>
    run('git', ['-C', join(top, 'tree'), 'status', '--porcelain'], { env: gitEnvironment }),
  'grep -r': (top) => run('grep', ['-rc', 'nowhere to be found', join(top, 'tree')]).catch(() => undefined),
  'tar out': (top) =>
    run('sh', ['-c', 'tar -C "$0" -cf - tree | cat > /dev/null', top], { maxBuffer: 1 << 20 }),
  'open, edit, save': (top) =>
    run('sh', ['-c', 'cd "$0" && cat file > .new && echo more >> .new && mv .new file', top]),
};
const gitEnvironment = { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_CONFIG_NOSYSTEM: '1' };

function makeTree(top: string): void {
  mkdirSync(join(top, 'tree'), { recursive: true });
  writeFileSync(join(top, 'file'), 'content\n'.repeat(100));
  for (let i = 0; i < FOLDERS; i++) {
    const folder = join(top, 'tree', `part-${i % 10}`, `folder-${i}`);
    mkdirSync(folder, { recursive: true });
    for (let j = 0; j < FILES; j++)
      writeFileSync(join(folder, `file-${j}`), `content ${i} ${j}\n`.repeat(20));
  }
  const git = (...args: string[]) =>
    execFileSync(
      'git',
      ['-C', join(top, 'tree'), '-c', 'user.name=b', '-c', 'user.email=b@localhost', ...args],
      {
        env: gitEnvironment,
        stdio: 'ignore',
      },
    );
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'all');
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

interface Row {
  readonly work: string;
  readonly cold: number;
  readonly again: number;
  readonly coldRequests?: number;
  readonly againRequests?: number;
}

async function livemount(place: Ground, folder: string, rtt: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [work, act] of Object.entries(WORK)) {
    const proxy = await place.proxy();
    proxy.delay = rtt / 2;
    const served = await place.mount(folder, {}, proxy);
    await until('the lease', async () => (await served.ask('leased')) === 'true');
    const requests = async () => Number(await served.ask('requests'));
    const before = await requests();
    const cold = await time(() => act(served.at));
    const between = await requests();
    const again = await time(() => act(served.at));
    const after = await requests();
    rows.push({ work, cold, again, coldRequests: between - before, againRequests: after - between });
    await served.unmount();
  }
  return rows;
}

async function sshfs(folder: string, rtt: number): Promise<Row[]> {
  const sshd = await startSshd();
  const proxy = await TcpProxy.start({ targetPort: sshd.port, delay: rtt / 2 });
  sshd.addHost('delayed', { Port: String(proxy.port) });
  const at = mkdtempSync(join(tmpdir(), 'livemount-bench-sshfs-'));
  const rows: Row[] = [];
  try {
    for (const [work, act] of Object.entries(WORK)) {
      const outside = statSync(at).dev;
      const child = spawn('sshfs', ['-f', '-F', sshd.configFile, `delayed:${folder}`, at], {
        stdio: 'ignore',
      });
      await until(
        'sshfs is mounted',
        async () => (await run('stat', ['-c', '%d', at])).stdout.trim() !== `${outside}`,
      );
      rows.push({ work, cold: await time(() => act(at)), again: await time(() => act(at)) });
      await run('fusermount3', ['-u', '-z', at]);
      child.kill();
    }
    return rows;
  } finally {
    execFileSync('sh', ['-c', 'umount -l "$0" 2>/dev/null || true', at]);
    rmSync(at, { recursive: true, force: true });
    proxy.dispose();
    sshd.dispose();
  }
}

async function main(): Promise<void> {
  const endings: (() => unknown)[] = [];
  const place = await ground({ after: (end) => void endings.push(end as () => unknown) });
  try {
    const folder = join(place.folder, 'bench');
    makeTree(folder);
    const files = `${FOLDERS} folders, ${FOLDERS * FILES} files`;
    if (values.counts) {
      const rows = await livemount(place, folder, 0);
      const cells = rows.map((row) => [row.work, `${row.coldRequests}`, `${row.againRequests}`]);
      const table = markdownTable([`requests (${files})`, 'cold', 'again'], cells);
      console.log(table);
      if (!quick) writeMarked('docs/benchmarks.md', 'mount requests', table);
      return;
    }
    const local: Row[] = [];
    for (const [work, act] of Object.entries(WORK)) {
      local.push({ work, cold: Number.NaN, again: await time(() => act(folder)) });
    }
    const cells: string[][] = [];
    for (const rtt of ROUND_TRIPS_MS) {
      const [ours, theirs] = [await livemount(place, folder, rtt), await sshfs(folder, rtt)];
      for (const [i, row] of ours.entries()) {
        const [other, disk] = [theirs[i], local[i]];
        cells.push([
          `${row.work}, ${rtt} ms`,
          duration(row.cold),
          duration(row.again),
          duration(other?.cold ?? Number.NaN),
          duration(other?.again ?? Number.NaN),
          duration(disk?.again ?? Number.NaN),
        ]);
      }
    }
    const head = [files, 'Livemount, cold', 'again', 'sshfs, cold', 'again', 'local disk'];
    const table = markdownTable(head, cells);
    const programs = { sshfs: ['sshfs', '--version'], git: ['git', '--version'] };
    console.log(table);
    if (!quick) writeMarked('docs/benchmarks.md', 'mount', `${machineSentence(programs)}\n\n${table}`);
  } finally {
    for (const end of endings) end();
  }
}

void main();
