// Searching in files and for names, against the same programs by themselves:
// `npm run bench -- find [--scale quick]`. Prints its table; it writes no page.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { RipgrepProgram } from '../src/agent/find/ripgrepProgram';
import { connectVfs } from '../src/client/connect';
import type { Vfs } from '../src/client/vfs';
import type { FindQuery } from '../src/protocol/find';
import { agentFilesIn, loadPayload } from '../src/ssh/agent/payload';
import { openHost } from '../src/ssh/host';
import { HostAgent, WireLink } from '../test/client/support/hostAgent';
import { PLAIN } from '../test/find/trees';
import { TcpProxy } from '../test/fixtures/proxy';
import { type Sshd, startSshd } from '../test/fixtures/sshd';
import { machineSentence } from './report/machine';
import { digits, duration, median, quantile } from './report/numbers';
import { markdownTable } from './report/page';

const { values } = parseArgs({ options: { scale: { type: 'string', default: 'full' } } });
const quick = values.scale === 'quick';
const FILES = quick ? 4000 : 80_000;
const FILE_BYTES = quick ? 3000 : 13_000;
const NAMES = quick ? 20_000 : 500_000;
const STORM = quick ? 2000 : 50_000;
const ROUND_TRIPS_MS = quick ? [0, 20] : [0, 20, 100];
const REPETITIONS = quick ? 3 : 7;
/** In one file of a hundred. */
const NEEDLE = 'needle_in_the_hay';

const QUERY: FindQuery = { ...PLAIN, pattern: NEEDLE, hidden: true, results: 1_000_000 };

/** How long until the first result was there, and until all were. */
interface Times {
  readonly first: number;
  readonly all: number;
  readonly matches: number;
}

function makeTree(root: string): void {
  const line = 'the quick brown fox jumps over the lazy dog and on it goes\n';
  const hay = line.repeat(Math.ceil(FILE_BYTES / line.length));
  for (let index = 0; index < FILES; index++) {
    const folder = join(root, `d${index % 200}`, `e${index % 7}`);
    if (index < 1400) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${index}.ts`), index % 100 === 0 ? `${hay}${NEEDLE}\n${hay}` : hay);
  }
}

async function bySearch(vfs: Vfs, root: string): Promise<Times> {
  const started = performance.now();
  let first = Number.NaN;
  let matches = 0;
  await vfs.search(root, QUERY, {
    found: (files) => {
      if (matches === 0) first = performance.now() - started;
      for (const file of files) matches += file.matches.length;
    },
  });
  return { first, all: performance.now() - started, matches };
}

async function byProgram(command: string, args: readonly string[], cwd?: string): Promise<Times> {
  const started = performance.now();
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  let first = Number.NaN;
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (text === '') first = performance.now() - started;
    text += chunk.toString('latin1');
  });
  await once(child, 'close');
  return { first, all: performance.now() - started, matches: text.split(NEEDLE).length - 1 };
}

async function repeated(measure: () => Promise<Times>): Promise<Times> {
  const all: Times[] = [];
  for (let index = 0; index < REPETITIONS; index++) all.push(await measure());
  return {
    first: median(all.map(({ first }) => first)),
    all: median(all.map((times) => times.all)),
    matches: all[0]?.matches ?? 0,
  };
}

const row = (what: string, { first, all, matches }: Times) => [
  what,
  duration(first),
  duration(all),
  `${matches}`,
];

async function overSsh(sshd: Sshd, root: string, roundTripMs: number): Promise<string[][]> {
  const proxy = await TcpProxy.start({ targetPort: sshd.port, delay: roundTripMs / 2 });
  const alias = `far${roundTripMs}`;
  sshd.addHost(alias, { Port: `${proxy.port}` });
  const payload = await loadPayload(agentFilesIn(resolve(__dirname, '../dist')));
  const link = await openHost(alias, { configFile: sshd.configFile, payload, graceS: 60 });
  const vfs = await connectVfs(link);
  try {
    await bySearch(vfs, root);
    const ours = await repeated(() => bySearch(vfs, root));
    const ssh = ['-F', sshd.configFile, alias, `cd ${root} && rg --json --hidden -F ${NEEDLE} .`];
    const theirs = await repeated(() => byProgram('ssh', ssh));
    return [row(`${roundTripMs} ms: Livemount`, ours), row(`${roundTripMs} ms: ssh HOST rg --json`, theirs)];
  } finally {
    vfs.dispose();
    proxy.dispose();
  }
}

/** Our own engine, in an agent of this process, against grep. */
async function ownEngine(root: string): Promise<string[][]> {
  RipgrepProgram.prototype.find = async () => undefined;
  const agent = new HostAgent();
  const vfs = await connectVfs(new WireLink(agent, false));
  try {
    const ours = await repeated(() => bySearch(vfs, root));
    const theirs = await repeated(() => byProgram('grep', ['-rnI', NEEDLE, '.'], root));
    return [row('no network: our own engine', ours), row('no network: grep -rnI', theirs)];
  } finally {
    vfs.dispose();
    await agent.close();
  }
}

/** Keystrokes answered from the list of names, and what a storm of new files costs beside it. */
async function names(root: string): Promise<string[][]> {
  const agent = new HostAgent();
  const vfs = await connectVfs(new WireLink(agent, false));
  const ask = async (pattern: string) => {
    const started = performance.now();
    const end = await vfs.files(root, { ...QUERY, pattern, ranked: true, results: 100 }, { found: () => {} });
    return { ms: performance.now() - started, building: end.building };
  };
  try {
    const began = performance.now();
    while ((await ask('x')).building) await new Promise((done) => setTimeout(done, 50));
    const made = performance.now() - began;
    const times: number[] = [];
    for (const word of ['filename', 'service', 'testindex', 'abc123']) {
      for (let length = 1; length <= word.length; length++) times.push((await ask(word.slice(0, length))).ms);
    }
    const before = process.cpuUsage();
    const storm = spawnSync(
      'sh',
      ['-c', `mkdir storm && cd storm && for i in $(seq ${STORM}); do : >s$i; done`],
      {
        cwd: root,
      },
    );
    if (storm.status !== 0) throw new Error(String(storm.stderr));
    while ((await ask(`s${STORM}`)).ms > 1000) await new Promise((done) => setTimeout(done, 100));
    const { user, system } = process.cpuUsage(before);
    return [
      [`list of ${NAMES} names`, '', duration(made), ''],
      [
        'a keystroke, median and 95 %',
        duration(median(times)),
        duration(quantile(times, 0.95)),
        `${times.length}`,
      ],
      [`agent’s CPU for ${STORM} new files`, '', duration((user + system) / 1000), digits(STORM)],
    ];
  } finally {
    vfs.dispose();
    await agent.close();
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-bench-find-'));
  const sshd = await startSshd();
  try {
    const tree = join(folder, 'tree');
    makeTree(tree);
    const manyNames = join(folder, 'names');
    for (let index = 0; index < NAMES; index++) {
      const place = join(manyNames, `service${index % 500}`);
      if (index < 500) mkdirSync(place, { recursive: true });
      writeFileSync(join(place, `filename${index}.ts`), '');
    }
    const rows: string[][] = [];
    for (const roundTripMs of ROUND_TRIPS_MS) rows.push(...(await overSsh(sshd, tree, roundTripMs)));
    rows.push(...(await ownEngine(tree)));
    rows.push(...(await names(manyNames)));
    console.log(`${machineSentence({ ripgrep: ['rg', '--version'], OpenSSH: ['ssh', '-V'] })}\n`);
    console.log(markdownTable(['', 'first', 'all', 'results'], rows));
  } finally {
    sshd.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main().then(() => process.exit(0));
