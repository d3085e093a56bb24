import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { Vfs } from '../../src/client/vfs';
import { HostAgent, scratch, WireLink } from './support/hostAgent';
import { seeded } from './support/random';
import { isNotification } from './support/wire';

/** Runs this many seeds; a given LIVEMOUNT_SEED runs alone. */
const SEEDS = process.env.LIVEMOUNT_SEED !== undefined ? 1 : Number(process.env.LIVEMOUNT_SEEDS ?? 8);
const STEPS = 120;

type Random = () => number;

/** The tree as one looks at it: path -> kind and content. */
type Snapshot = Map<string, string>;

function hostTree(dir: string, at = dir, into: Snapshot = new Map()): Snapshot {
  for (const name of fs.readdirSync(at)) {
    const file = path.join(at, name);
    const stat = fs.lstatSync(file);
    const relative = path.relative(dir, file);
    if (stat.isSymbolicLink())
      into.set(
        relative,
        `link ${fs.existsSync(file) ? (fs.statSync(file).isDirectory() ? 'directory' : 'file') : 'other'}`,
      );
    else if (stat.isDirectory()) {
      into.set(relative, 'directory');
      hostTree(dir, file, into);
    } else into.set(relative, `file ${stat.size} ${fs.readFileSync(file, 'utf8')}`);
  }
  return into;
}

async function clientTree(vfs: Vfs, dir: string, at = dir, into: Snapshot = new Map()): Promise<Snapshot> {
  for (const entry of await vfs.readDirectory(at)) {
    const file = path.join(at, entry.name);
    const relative = path.relative(dir, file);
    if (entry.isSymlink) into.set(relative, `link ${entry.kind}`);
    else if (entry.kind === 'directory') {
      into.set(relative, 'directory');
      await clientTree(vfs, dir, file, into);
    } else {
      const { size } = await vfs.stat(file);
      into.set(relative, `file ${size} ${(await vfs.readFile(file)).toString()}`);
    }
  }
  return into;
}

/** One client, and what it may not go behind: the newest version of each file that it has been shown or has written. */
interface Reader {
  readonly name: string;
  readonly vfs: Vfs;
  readonly link: WireLink;
  readonly shown: Map<string, number>;
}

/** Reads a counter file; it must not be older than what this client was shown when the read began. */
async function readCounter({ name, vfs, shown }: Reader, file: string): Promise<void> {
  const atLeast = shown.get(file) ?? 0;
  let content: string;
  try {
    content = (await vfs.readFile(file)).toString();
  } catch (error) {
    assert.match(String(error), /ENOENT|ENOTCONN|EAGAIN|ESTALE/);
    return;
  }
  const value = Number(content.trim());
  assert.ok(value >= atLeast, `${name} read ${value} of ${path.basename(file)} after it had seen ${atLeast}`);
  shown.set(file, Math.max(value, shown.get(file) ?? 0));
}

const NAMES = ['a', 'b', 'c', 'd'];

/** One change of the host that touches names: made by the host, or through a client. */
async function changeNames(dir: string, random: Random, clients: readonly Reader[]): Promise<void> {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const place = () =>
    path.join(dir, ...Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(NAMES)));
  const one = place();
  const other = place();
  const through = random() < 0.4 ? pick(clients).vfs : undefined;
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
        fs.symlinkSync(random() < 0.5 ? pick(NAMES) : other, one);
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
  } catch (error) {
    const { code } = error as { code?: string };
    assert.ok(code !== undefined, String(error));
    assert.ok(!['EIO', 'EPROTO'].includes(code), `${code}: ${error}`);
  }
}

async function run(t: TestContext, seed: number): Promise<void> {
  const { random } = seeded(seed);
  const dir = scratch(t);
  // Without it: fanotify, where the test may.
  const agent = new HostAgent(random() < 0.5 ? 'inotify' : undefined);
  const cuts = random() < 0.5;
  const slow = random() < 0.5;
  const clients: Reader[] = [];
  for (const name of ['A', 'B']) {
    const link = new WireLink(agent, false);
    link.onWire = (wire) => {
      if (slow) wire.delay = () => random() * 8;
      let left = cuts ? 20 + Math.floor(random() * 200) : Number.POSITIVE_INFINITY;
      wire.filter = (passing) => {
        if (isNotification(passing) || --left > 0) return true;
        wire.break();
        return false;
      };
    };
    const vfs = await connectVfs(link);
    clients.push({ name, vfs, link, shown: new Map() });
  }
  const persist = setInterval(() => {
    for (const { vfs } of clients) vfs.reconnect();
  }, 5);
  t.after(async () => {
    clearInterval(persist);
    for (const { vfs } of clients) vfs.dispose();
    await agent.close();
  });
  const watches = clients.map(({ vfs }) => vfs.watch(dir, { recursive: true }, () => undefined));
  await Promise.all(watches.map((watch) => watch.ready));

  // Each counter has one writer, so its versions have an order: 0 is written by the host, 1 and 2 by the clients.
  const counters = [0, 1, 2].map((writer) => ({ file: path.join(dir, `counter-${writer}`), value: 0 }));
  for (const { file } of counters) fs.writeFileSync(file, '0');

  const background: Promise<void>[] = [];
  for (let step = 0; step < STEPS; step++) {
    const choice = random();
    const reader = clients[Math.floor(random() * 2)] as Reader;
    if (choice < 0.2) {
      const counter = counters[0] as (typeof counters)[number];
      fs.writeFileSync(counter.file, `${++counter.value}`);
    } else if (choice < 0.4) {
      const index = 1 + Math.floor(random() * 2);
      const counter = counters[index] as (typeof counters)[number];
      const writer = clients[index - 1] as Reader;
      const value = ++counter.value;
      await writer.vfs.writeFile(counter.file, Buffer.from(`${value}`), {
        create: true,
        overwrite: true,
        expect: 'any',
      });
      writer.shown.set(counter.file, value);
    } else if (choice < 0.7) {
      const counter = counters[Math.floor(random() * 3)] as (typeof counters)[number];
      background.push(readCounter(reader, counter.file));
    } else await changeNames(dir, random, clients);
    if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, random() * 10));
    if (random() < 0.05)
      background.push(
        clientTree(reader.vfs, dir).then(
          () => undefined,
          () => undefined,
        ),
      );
  }
  await Promise.all(background);

  // Once the last event is here, nobody shows anything old, without being asked to look again.
  for (const { link } of clients) {
    link.onWire = () => undefined;
    link.wire.filter = () => true;
  }
  const real = hostTree(dir);
  for (const { name, vfs } of clients) {
    let seen: Snapshot | undefined;
    const same = async () => {
      seen = await clientTree(vfs, dir).catch((error: unknown) => new Map([['error', String(error)]]));
      return isSame(seen, real);
    };
    let settled = false;
    const end = Date.now() + 15_000;
    while (!settled && Date.now() < end) {
      settled = await same();
      if (!settled) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(seen && [...seen].sort(), [...real].sort(), `client ${name}`);
  }
  for (const watch of watches) watch.dispose();
}

function isSame(a: Snapshot, b: Snapshot): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

const first = seeded().seed;
for (let i = 0; i < SEEDS; i++) {
  const seed = first + i;
  test(`two clients and the host never show each other anything old, LIVEMOUNT_SEED=${seed}`, (t) =>
    run(t, seed));
}
