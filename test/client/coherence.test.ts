import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { Change, Vfs } from '../../src/client/vfs';
import { eventually, HostAgent, scratch, WireLink } from './support/hostAgent';
import { lagOfLanes, lanesOfSuperblocks } from './support/lanes';
import { seeded } from './support/random';
import { clientTree, hostTree, type Snapshot } from './support/snapshot';
import { isMount, type Wire } from './support/wire';

/** Runs this many seeds; a given LIVEMOUNT_SEED runs alone. */
const SEEDS = process.env.LIVEMOUNT_SEED !== undefined ? 1 : Number(process.env.LIVEMOUNT_SEEDS ?? 200);
/** They mostly wait, for events and for delayed frames. */
const AT_ONCE = 10;
/** Rounds of a seed: after each, when the last event is there, nobody may show anything old. */
const ROUNDS = 3;
const STEPS = 25;
/** What happens to one object within such a time may be told at its end, in ms. (docs/watch.md) */
const WINDOW_MS = 25;

type Random = () => number;

/** One client, and what it may not go behind: the newest version of each file that it has been shown or has written. */
interface Reader {
  readonly name: string;
  readonly vfs: Vfs;
  readonly shown: Map<string, number>;
  /** Paths that an event was told of. */
  readonly heard: Set<string>;
}

/** How often something was tried, and came to what it should. A run in which nothing does proves nothing. */
interface Tries {
  made: number;
  worked: number;
}

/** Of all seeds together. */
const reads: Tries = { made: 0, worked: 0 };
const changes: Tries = { made: 0, worked: 0 };

/** A file whose versions have an order, since it has one writer: a client, or the host. */
interface Counter {
  readonly file: string;
  readonly writer: Reader | undefined;
  value: number;
}

/** Two clients on the same directories, each of a superblock of its own. */
interface World {
  readonly random: Random;
  readonly dirs: readonly string[];
  readonly clients: readonly Reader[];
  readonly counters: readonly Counter[];
}

/** Reads a counter file; it must not be older than what this client was shown when the read began. */
async function readCounter({ name, vfs, shown }: Reader, file: string): Promise<void> {
  const atLeast = shown.get(file) ?? 0;
  reads.made++;
  let content: string;
  try {
    content = (await vfs.readFile(file)).toString();
  } catch (error) {
    assert.match(String(error), /ENOENT|ENOTCONN|EAGAIN|ESTALE/);
    return;
  }
  reads.worked++;
  // The host truncates and then writes.
  if (content === '') return;
  const value = Number(content);
  assert.ok(value >= atLeast, `${name} read ${value} of ${path.basename(file)} after it had seen ${atLeast}`);
  shown.set(file, Math.max(value, shown.get(file) ?? 0));
}

const NAMES = ['a', 'b', 'c', 'd'];

function pick<T>(random: Random, of: readonly T[]): T {
  return of[Math.floor(random() * of.length)] as T;
}

/** One change of the host that touches names: made by the host, or through a client. */
async function changeNames({ random, dirs, clients }: World): Promise<void> {
  const place = () =>
    path.join(
      pick(random, dirs),
      ...Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(random, NAMES)),
    );
  const one = place();
  const other = place();
  const through = random() < 0.4 ? pick(random, clients).vfs : undefined;
  changes.made++;
  try {
    switch (Math.floor(random() * 6)) {
      case 0:
        if (through) await through.mkdir(one);
        else fs.mkdirSync(one, { recursive: random() < 0.5 });
        break;
      case 1:
        if (through) await through.remove(one, { recursive: true });
        else fs.rmSync(one, { recursive: true });
        break;
      case 2:
        if (through) await through.rename(one, other, { overwrite: random() < 0.5 });
        else fs.renameSync(one, other);
        break;
      case 3:
        fs.symlinkSync(random() < 0.5 ? pick(random, NAMES) : other, one);
        break;
      case 4:
        if (through) {
          await through.writeFile(one, Buffer.from(`through ${random()}`), {
            create: true,
            overwrite: true,
            expect: 'any',
          });
        } else fs.writeFileSync(one, `host ${random()}`);
        break;
      default:
        fs.appendFileSync(one, 'more');
    }
    changes.worked++;
  } catch (error) {
    const { code } = error as { code?: string };
    assert.ok(code !== undefined, String(error));
    assert.ok(!['EIO', 'EPROTO'].includes(code), `${code}: ${error}`);
  }
}

async function count(counter: Counter): Promise<void> {
  const { file, writer } = counter;
  const value = ++counter.value;
  if (writer === undefined) {
    fs.writeFileSync(file, `${value}`);
    return;
  }
  await writer.vfs.writeFile(file, Buffer.from(`${value}`), {
    create: true,
    overwrite: true,
    expect: 'any',
  });
  writer.shown.set(file, value);
}

/** Changes and reads at random, not all of them one after another. */
async function round(world: World): Promise<void> {
  const { random, clients, counters } = world;
  const underWay: Promise<void>[] = [];
  const later = (work: Promise<void>) => {
    // It is waited for at the end of the round; until then a failure is nobody else's.
    work.catch(() => undefined);
    underWay.push(work);
  };
  for (let step = 0; step < STEPS; step++) {
    const choice = random();
    const reader = pick(random, clients);
    if (choice < 0.4) await count(pick(random, counters));
    else if (choice < 0.7) later(readCounter(reader, pick(random, counters).file));
    else if (random() < 0.5) await changeNames(world);
    else later(changeNames(world));
    if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, random() * 10));
    if (random() < 0.1) later(look(reader, pick(random, world.dirs)));
  }
  await Promise.all(underWay);
}

/** What each name stands for, asked for by itself: 'ENOENT' for nothing. */
async function named({ vfs }: Reader, paths: readonly string[]): Promise<string[]> {
  const one = async (file: string) => {
    try {
      const { size, kind, isSymlink } = await vfs.lstat(file);
      return isSymlink ? 'link' : kind === 'file' ? `file ${size}` : kind;
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
  };
  return Promise.all(paths.map(one));
}

function namedOnHost(paths: readonly string[]): string[] {
  return paths.map((file) => {
    try {
      const stat = fs.lstatSync(file);
      if (stat.isSymbolicLink()) return 'link';
      return stat.isDirectory() ? 'directory' : `file ${stat.size}`;
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
  });
}

/** A walk over a tree that changes meanwhile: for what it leaves in the cache. */
async function look({ vfs }: Reader, dir: string): Promise<void> {
  await clientTree(vfs, dir).catch(() => undefined);
}

/**
 * Waits until every client has taken in all events of what was done before: those of a superblock come in order, but
 * for what a window of coalescing holds back, which a second sentinel later is behind as well.
 */
async function caughtUp({ dirs, clients }: World, round: number): Promise<void> {
  for (const turn of [1, 2]) {
    const sentinels = dirs.map((dir) => path.join(dir, `sentinel-${round}-${turn}`));
    for (const sentinel of sentinels) fs.writeFileSync(sentinel, '');
    await eventually('the sentinels were told', () =>
      clients.every(({ heard }) => sentinels.every((sentinel) => heard.has(sentinel))),
    );
    await new Promise((resolve) => setTimeout(resolve, 2 * WINDOW_MS));
  }
}

/** With the last event here, nobody shows anything old, in the first answer, without being asked to look again. */
async function assertNothingOld({ dirs, clients }: World): Promise<void> {
  for (const dir of dirs) {
    const paths = NAMES.flatMap((above) => [above, ...NAMES.map((name) => `${above}/${name}`)]);
    const asked = paths.map((name) => path.join(dir, name));
    for (const reader of clients) {
      // Name by name first: a listing would tell which are gone.
      const shown = await named(reader, asked);
      const there = namedOnHost(asked);
      const old = paths.flatMap((name, at) =>
        shown[at] === there[at] ? [] : [`${name}: ${shown[at]}, not ${there[at]}`],
      );
      assert.deepEqual(old, [], `client ${reader.name}, name by name, in ${dir}`);
      const seen: Snapshot = await clientTree(reader.vfs, dir);
      assert.deepEqual([...seen].sort(), [...hostTree(dir)].sort(), `client ${reader.name}`);
    }
  }
}

/** What the link to an agent does to its frames: nothing, delay, let them overtake each other, or break. */
function trouble(link: WireLink, random: Random): void {
  const cuts = random() < 0.5;
  const slow = random() < 0.6;
  const disordered = random() < 0.5;
  const afflict = (wire: Wire) => {
    const laneOf = disordered ? lanesOfSuperblocks() : () => undefined;
    const lag = lagOfLanes(random);
    wire.way = (passing) => {
      const lane = laneOf(passing);
      return { ms: lag(lane) + (slow ? random() * 8 : 0), lane };
    };
    let left = cuts ? 30 + Math.floor(random() * 150) : Number.POSITIVE_INFINITY;
    wire.filter = (passing) => {
      // A host with a thousand mounts tells them all on each new channel, and must get beyond that.
      if (isMount(passing) || --left > 0) return true;
      wire.break();
      return false;
    };
  };
  afflict(link.wire);
  link.onWire = afflict;
}

async function run(t: TestContext, seed: number, agents: readonly HostAgent[]): Promise<void> {
  const { random } = seeded(seed);
  const dirs = [scratch(t), scratch(t, OTHER_FILESYSTEM)];
  const agent = pick(random, agents);
  const clients: Reader[] = [];
  const persist = setInterval(() => {
    for (const { vfs } of clients) vfs.reconnect();
  }, 5);
  t.after(() => {
    clearInterval(persist);
    for (const { vfs } of clients) vfs.dispose();
  });
  for (const name of ['A', 'B']) {
    const link = new WireLink(agent, false);
    clients.push({ name, vfs: await connectVfs(link), shown: new Map(), heard: new Set() });
    trouble(link, random);
  }
  const watches = clients.flatMap(({ vfs, heard }) => {
    const hear = (changes: readonly Change[]) => {
      for (const change of changes) heard.add(change.path);
    };
    return dirs.map((dir) => vfs.watch(dir, { recursive: true }, hear));
  });
  await Promise.all(watches.map((watch) => watch.ready));
  const counters = [undefined, ...clients].map((writer, index): Counter => {
    const file = path.join(pick(random, dirs), `counter-${index}`);
    fs.writeFileSync(file, '0');
    return { file, writer, value: 0 };
  });
  const world: World = { random, dirs, clients, counters };
  for (let i = 0; i < ROUNDS; i++) {
    await round(world);
    await caughtUp(world, i);
    await assertNothingOld(world);
  }
  for (const watch of watches) watch.dispose();
}

/** A superblock of its own on every Linux. */
const OTHER_FILESYSTEM = '/dev/shm';

describe('coherence', { concurrency: AT_ONCE }, () => {
  // Without a name: the best there is, fanotify where the test may.
  const agents = [new HostAgent(), new HostAgent('inotify')];
  before(() => assert.notEqual(fs.statSync(OTHER_FILESYSTEM).dev, fs.statSync(tmpdir()).dev));
  after(() => Promise.all(agents.map((agent) => agent.close())));
  after(() => {
    // The numbers of a single seed say nothing.
    if (SEEDS < 10) return;
    assert.ok(reads.worked >= reads.made * 0.7, `${reads.worked} of ${reads.made} reads gave a value`);
    assert.ok(changes.worked >= changes.made / 5, `${changes.worked} of ${changes.made} changes were made`);
  });

  const first = seeded().seed;
  for (let i = 0; i < SEEDS; i++) {
    const seed = first + i;
    test(`two clients and the host never show each other anything old, LIVEMOUNT_SEED=${seed}`, (t) =>
      run(t, seed, agents));
  }
});
