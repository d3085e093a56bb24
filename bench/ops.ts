// The operations an editor asks for, against the other ways to work on a remote folder; see docs/benchmarks.md.
//   npm run bench -- ops [--scale quick|standard|full] [--peers NAME,...] [--work NAME,...] [--rtt MS,...]
// Results go to the terminal and, of a whole race, into docs/benchmarks.md and media/benchmark-ops.svg.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { DisposableStore, onDispose } from '../src/base/dispose';
import { type Sshd, startSshd } from '../test/fixtures/sshd';
import { type Contestant, PeerContestant } from './ops/contestant';
import { OpensshContestant } from './ops/opensshContestant';
import { PEERS, type PeerName } from './ops/peer';
import { type Leg, runLeg } from './ops/race';
import { chart, report } from './ops/report';
import { SCALES, type Scale, type ScaleName } from './ops/scales';
import type { TracedCall } from './ops/trace';
import { makeBulk } from './ops/tree';
import { WORK, type WorkName } from './ops/work';
import { machineSentence } from './report/machine';
import { writeMarked } from './report/page';

const root = path.resolve(__dirname, '..');
const dist = path.join(root, 'dist');

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: 'standard' },
    peers: { type: 'string', default: Object.keys(PEERS).join(',') },
    work: { type: 'string', default: Object.keys(WORK).join(',') },
    rtt: { type: 'string' },
  },
});

function isScale(name: string): name is ScaleName {
  return Object.hasOwn(SCALES, name);
}

function isPeer(name: string): name is PeerName {
  return Object.hasOwn(PEERS, name);
}

function isWork(name: string): name is WorkName {
  return Object.hasOwn(WORK, name);
}

/** The scale that was asked for, with only the round trips that were. */
function chosenScale(name: ScaleName): Scale {
  const scale = SCALES[name];
  const rtts = values.rtt?.split(',').map(Number);
  return rtts === undefined
    ? scale
    : { ...scale, links: scale.links.filter(({ rttMs }) => rtts.includes(rttMs)) };
}

async function main(): Promise<void> {
  if (!isScale(values.scale)) throw new Error(`--scale takes one of ${Object.keys(SCALES).join(', ')}`);
  const names = values.peers.split(',').filter(isPeer);
  const works = values.work.split(',').filter(isWork);
  const legs = await measure(chosenScale(values.scale), names, works);

  const results = report(legs);
  console.log(`\n${results}`);
  const isWhole = names.length === Object.keys(PEERS).length && works.length === Object.keys(WORK).length;
  if (values.scale === 'quick' || values.rtt !== undefined || !isWhole) return;
  const versions = { OpenSSH: ['ssh', '-V'], sshfs: ['sshfs', '-V'], rsync: ['rsync', '--version'] };
  const picture = '![What one waits for on a link with a long round trip](../media/benchmark-ops.svg)';
  const table = [machineSentence(versions), picture, results].join('\n\n');
  writeMarked(path.join(root, 'docs/benchmarks.md'), 'ops', table);
  writeFileSync(path.join(root, 'media/benchmark-ops.svg'), chart(legs));
}

async function measure(scale: Scale, names: readonly PeerName[], works: readonly WorkName[]): Promise<Leg[]> {
  const owned = new DisposableStore();
  const contestants: Contestant[] = [];
  try {
    const folder = mkdtempSync(path.join(tmpdir(), 'livemount-bench-'));
    owned.add(onDispose(() => rmSync(folder, { recursive: true, force: true })));
    const sshd = owned.add(await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${folder}/cache` } }));
    const program = await bundlePeers(folder);
    const agent = await ownAgent(folder);
    for (const name of names) contestants.push(await startContestant(name, sshd, program, agent));

    const bulk = path.join(folder, 'bulk');
    mkdirSync(bulk);
    makeBulk(bulk, scale.sizes);
    const trace = JSON.parse(
      readFileSync(path.join(root, 'bench/ops/openFolder.json'), 'utf8'),
    ) as TracedCall[];
    const legs: Leg[] = [];
    for (const link of scale.links) {
      legs.push(
        await runLeg(contestants, link, {
          scale,
          works,
          trace,
          folder,
          bulk,
          log: (line) => console.log(line),
        }),
      );
    }
    return legs;
  } finally {
    for (const contestant of contestants) await contestant.end();
    owned.dispose();
  }
}

async function startContestant(
  name: PeerName,
  sshd: Sshd,
  program: string,
  agent: string,
): Promise<Contestant> {
  return name === 'openssh'
    ? OpensshContestant.start(sshd)
    : PeerContestant.start(name, sshd, program, agent);
}

/** The peers as one program: what they need of memory and time is theirs, not that of a compiler. */
async function bundlePeers(folder: string): Promise<string> {
  const outfile = path.join(folder, 'peer.cjs');
  await build({
    entryPoints: [path.join(root, 'bench/ops/peerProcess.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    loader: { '.node': 'empty' },
    logLevel: 'warning',
  });
  return outfile;
}

/** The built agent with a hash of its own, so that the daemon is this run's. */
async function ownAgent(folder: string): Promise<string> {
  const copy = path.join(folder, 'dist');
  mkdirSync(copy);
  const program = readFileSync(path.join(dist, 'agent.js'));
  writeFileSync(
    path.join(copy, 'agent.js'),
    Buffer.concat([program, Buffer.from(`\n// bench ${process.pid} ${Date.now()}\n`)]),
  );
  symlinkSync(path.join(dist, 'native'), path.join(copy, 'native'));
  return copy;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
