// Git: from a change on the host to the updated view, opening a diff, staging 1,000 files, against the editor's own git
// extension on a local disk and on sshfs: `npm run bench -- git [--scale quick] [--ours]`. With --ours no
// window is opened, and nothing is compared.
//
// Both are measured where extensions run: until the extension has told the editor, not until it is drawn. The editor's
// own one runs in a real window; where nothing tells it of a change it is refreshed by hand, which is what a user does.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { build } from 'esbuild';
import { measureOurs } from './git/ours';
import { connectVfs } from '../src/client/connect';
import { agentFilesIn, loadPayload } from '../src/ssh/agent/payload';
import { openHost } from '../src/ssh/host';
import { stopProcess } from '../test/fixtures/processes';
import { type Sshd, startSshd } from '../test/fixtures/sshd';
import { openEditor } from '../test/vscode/editor';
import { CHANGED, SPEC_VARIABLE, type Spec, type Took } from './git/spec';
import { ProxyProcess } from './measure/proxyProcess';
import { machineSentence } from './report/machine';
import { duration, median } from './report/numbers';
import { markdownTable, writeMarked } from './report/page';

const { values } = parseArgs({
  options: { scale: { type: 'string', default: 'full' }, ours: { type: 'boolean', default: false } },
});
const quick = values.scale === 'quick';
const TREES = quick ? [1000] : [1000, 80_000];
const ROUND_TRIPS_MS = quick ? [20] : [0, 20, 100];
const REPETITIONS = quick ? 3 : 7;
const STAGED = 1000;
/** A status over sshfs that takes longer than this is not waited for: the window would do it several times. */
const SSHFS_STATUS_MS = 15_000;
const PATIENCE_MS = 10_000;
/** For a window to open, find the repository and do its work. */
const WINDOW_MS = 240_000;
const HOST = 'measured';

interface Row {
  readonly what: string;
  readonly took: Took | undefined;
}

function makeTree(root: string, files: number): readonly string[] {
  for (let index = 0; index < files; index++) {
    const folder = join(root, `d${index % 400}`);
    if (index < 400) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${index}.txt`), `${index}\n`.repeat(20));
  }
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root });
  git('init', '-q');
  for (const [key, value] of [
    ['user.name', 'Ada'],
    ['user.email', 'ada@example.org'],
    // Whatever this machine's git would start by itself would run beside what is measured.
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
  ] as const) {
    git('config', key, value);
  }
  git('add', '-A');
  git('commit', '-qm', 'base');
  mkdirSync(join(root, 'new'));
  const names = Array.from({ length: STAGED }, (_, index) => `new/n${index}.txt`);
  for (const name of names) writeFileSync(join(root, name), `${name}\n`);
  return names;
}

async function ours(sshd: Sshd, proxy: ProxyProcess, rtt: number, spec: Omit<Spec, 'report'>): Promise<Took> {
  await proxy.delay(rtt / 2);
  const payload = await loadPayload(agentFilesIn(resolve(__dirname, '../dist')));
  const link = await openHost(HOST, { configFile: sshd.configFile, payload, graceS: 60 });
  const vfs = await connectVfs(link);
  try {
    return await measureOurs(vfs, HOST, spec);
  } finally {
    const daemon = link.daemon?.pid;
    vfs.dispose();
    if (daemon !== undefined) stopProcess(daemon);
  }
}

/** The editor's own extension on a folder of this machine, in a window of its own. */
async function theirs(scratch: string, entry: string, spec: Omit<Spec, 'report'>): Promise<Took> {
  const report = join(scratch, 'report.json');
  rmSync(report, { force: true });
  const specFile = join(scratch, 'spec.json');
  writeFileSync(specFile, JSON.stringify({ ...spec, report } satisfies Spec));
  const settings = {
    'git.enabled': true,
    'git.openRepositoryInParentFolders': 'never',
    'git.autofetch': false,
  };
  const development = join(scratch, 'extension');
  mkdirSync(development, { recursive: true });
  const manifest = { name: 'bench', publisher: 'bench', version: '0.0.1', engines: { vscode: '*' } };
  writeFileSync(join(development, 'package.json'), JSON.stringify(manifest));
  await using _editor = await openEditor({
    folders: [spec.root],
    extension: development,
    open: 'folder',
    tests: entry,
    settings,
    env: { [SPEC_VARIABLE]: specFile },
  });
  for (const end = Date.now() + WINDOW_MS; Date.now() < end; ) {
    const text = readIfThere(report);
    if (text !== undefined) return JSON.parse(text) as Took;
    await delay(200);
  }
  throw new Error('the window did not end');
}

function readIfThere(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text.endsWith('}') ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Mounts a folder by sshfs for as long as the work takes. */
async function onSshfs<T>(
  sshd: Sshd,
  proxy: ProxyProcess,
  rtt: number,
  folder: string,
  work: (at: string) => Promise<T>,
): Promise<T> {
  await proxy.delay(rtt / 2);
  const at = mkdtempSync(join(tmpdir(), 'livemount-bench-sshfs-'));
  const outside = statSync(at).dev;
  const child = spawn('sshfs', ['-f', '-F', sshd.configFile, `${HOST}:${folder}`, at], { stdio: 'ignore' });
  try {
    const mounted = async () =>
      (await promisify(execFile)('stat', ['-c', '%d', at])).stdout.trim() !== `${outside}`;
    for (let look = 0; !(await mounted()); look++) {
      if (look > 300) throw new Error('sshfs did not mount');
      await delay(50);
    }
    return await work(at);
  } finally {
    execFileSync('sh', [
      '-c',
      'fusermount3 -u -z "$0" 2>/dev/null || umount -l "$0" 2>/dev/null || true',
      at,
    ]);
    child.kill();
    rmSync(at, { recursive: true, force: true });
  }
}

/** Whether git itself is quick enough there to be worth a window. */
async function isQuickEnough(at: string): Promise<boolean> {
  const status = promisify(execFile)('git', ['--no-optional-locks', 'status', '--porcelain'], {
    cwd: at,
    timeout: SSHFS_STATUS_MS,
    maxBuffer: 1 << 26,
  });
  return status.then(
    () => true,
    () => false,
  );
}

function cell(times: readonly (number | undefined)[] | undefined): string {
  if (times === undefined || times.length === 0) return '–';
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? 'never' : duration(median(known));
}

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'livemount-bench-git-'));
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${join(scratch, 'cache')}` } });
  const proxy = await ProxyProcess.start(sshd.port);
  try {
    sshd.addHost(HOST, { Port: `${proxy.port}` });
    const entry = join(scratch, 'builtin.js');
    await build({
      entryPoints: [resolve(__dirname, 'git/builtin.ts')],
      outfile: entry,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      external: ['vscode'],
      logLevel: 'warning',
    });
    const cells: string[][] = [];
    const tell = (files: number, { what, took }: Row) => {
      const row = [
        `${files} files, ${what}`,
        cell(took?.follow),
        cell(took?.refresh),
        cell(took?.diff),
        cell(took?.stage),
      ];
      cells.push(row);
      console.log(`${row.join(' | ')}${took?.error === undefined ? '' : ` (${took.error})`}`);
    };
    for (const files of TREES) {
      const root = join(scratch, `tree${files}`);
      mkdirSync(root);
      const stage = makeTree(root, files);
      const common = { changedAt: root, repetitions: REPETITIONS, stage, patience: PATIENCE_MS };
      if (!values.ours) {
        const local = await theirs(scratch, entry, { ...common, root });
        tell(files, { what: 'the editor’s git, local disk', took: local });
      }
      for (const rtt of ROUND_TRIPS_MS) {
        const mine = await ours(sshd, proxy, rtt, { ...common, root });
        tell(files, { what: `Livemount, ${rtt} ms`, took: mine });
        if (values.ours) continue;
        const other = await onSshfs(sshd, proxy, rtt, root, async (at) =>
          (await isQuickEnough(at)) ? theirs(scratch, entry, { ...common, root: at }) : undefined,
        );
        tell(files, { what: `the editor’s git on sshfs, ${rtt} ms`, took: other });
      }
    }
    const head = ['', 'a change is seen', 'refreshed by hand', 'a diff opens', `${STAGED} files are staged`];
    const words = `Medians. “never”: nothing told it within ${PATIENCE_MS / 1000} s. “–”: \`git status\` alone took more than ${SSHFS_STATUS_MS / 1000} s there. The change is one line in \`${CHANGED}\`.`;
    const programs = { git: ['git', '--version'], sshfs: ['sshfs', '--version'], OpenSSH: ['ssh', '-V'] };
    const text = `${words}\n\n${markdownTable(head, cells)}\n\n${machineSentence(programs)}`;
    console.log(text);
    if (!quick && !values.ours) writeMarked('docs/benchmarks.md', 'git', text);
  } finally {
    proxy.dispose();
    sshd.dispose();
    rmSync(scratch, { recursive: true, force: true });
  }
}

void main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
