import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectVfs } from '../../src/client/connect';
import type { Change, Vfs } from '../../src/client/vfs';
import { type HostLink, openHost } from '../../src/ssh/host';
import { stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { startSshd } from '../fixtures/sshd';
import { realAgent } from './realAgent';

const SEED = Number(process.env.LIVEMOUNT_SEED ?? Date.now() & 0xffffff);
/** The whole test has 500; a run of all tests makes do with a sample. */
const CUTS = Number(process.env.LIVEMOUNT_CUTS ?? 25);

/** Longer than any event takes: what is missing then is lost, and shown as the difference. */
const PATIENCE_MS = 60_000;

/** mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Cuttable {
  readonly vfs: Vfs;
  readonly link: HostLink;
  readonly proxy: TcpProxy;
  readonly folder: string;
}

/** A host with the real agent, behind a proxy that can cut. */
async function cuttableHost(t: TestContext): Promise<Cuttable> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-cuts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const cache = `${folder}.cache`;
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${cache}` } });
  t.after(() => sshd.dispose());
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  sshd.addHost('cuttable', { Port: `${proxy.port}` });
  const agent = await realAgent(`cuts test ${process.pid}`);
  t.after(() => agent.dispose());
  const link = await openHost('cuttable', {
    configFile: sshd.configFile,
    payload: agent.payload,
    graceS: 60,
  });
  const daemon = link.daemon;
  if (daemon !== undefined) t.after(() => stopProcess(daemon.pid));
  const vfs = await connectVfs(link, { graceS: 60 });
  t.after(() => vfs.dispose());
  return { vfs, link, proxy, folder };
}

/** Every path below a folder, directories with a slash. */
function treeOf(folder: string, base = ''): string[] {
  return readdirSync(join(folder, base), { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(base, entry.name);
      return entry.isDirectory() ? [`${path}/`, ...treeOf(folder, path)] : [path];
    })
    .sort();
}

/** What a subscriber knows who has nothing but the events. */
class Mirror {
  readonly paths = new Set<string>();
  private readonly awaited = new Map<string, () => void>();

  constructor(private readonly folder: string) {}

  readonly take = (changes: readonly Change[]): void => {
    for (const change of changes) this.apply(change);
  };

  /** Resolves when the path has been told of, or will hardly be any more. */
  async toldOf(path: string): Promise<void> {
    if (this.paths.has(path)) return;
    const told = new Promise<void>((resolve) => this.awaited.set(path, resolve));
    await Promise.race([told, delay(PATIENCE_MS, undefined, { ref: false })]);
  }

  private apply({ kind, path, to, isDirectory }: Change): void {
    const name = `${path.slice(this.folder.length + 1)}${isDirectory ? '/' : ''}`;
    if (kind === 'create') this.add(name);
    else if (kind === 'delete') this.remove(name);
    else if (kind === 'rename' && to !== undefined)
      this.move(name, `${to.slice(this.folder.length + 1)}${isDirectory ? '/' : ''}`);
    else assert.notEqual(kind, 'overflow', 'nothing here is too much for a queue');
  }

  private add(name: string): void {
    this.paths.add(name);
    this.awaited.get(name)?.();
  }

  private remove(name: string): void {
    for (const path of [...this.paths])
      if (path === name || (name.endsWith('/') && path.startsWith(name))) this.paths.delete(path);
  }

  private move(from: string, to: string): void {
    const moved = [...this.paths].filter(
      (path) => path === from || (from.endsWith('/') && path.startsWith(from)),
    );
    this.remove(to);
    for (const path of moved) {
      this.paths.delete(path);
      this.add(to + path.slice(from.length));
    }
    this.add(to);
  }
}

test(`across ${CUTS} random cuts every operation takes effect exactly once, and no event is lost (seed ${SEED})`, {
  timeout: 20 * 60_000,
}, async (t) => {
  const random = randomFrom(SEED);
  const { vfs, proxy, link, folder } = await cuttableHost(t);
  const daemon = link.daemon;
  const ours = join(folder, 'ours');
  const theirs = join(folder, 'theirs');
  mkdirSync(ours);
  mkdirSync(theirs);
  const mirror = new Mirror(folder);
  for (const path of ['ours/', 'theirs/']) mirror.paths.add(path);
  const watch = vfs.watch(folder, { recursive: true }, mirror.take);
  t.after(() => watch.dispose());
  await watch.ready;

  let cuts = 0;
  link.onClose(() => {
    cuts++;
    arm();
  });
  const arm = () => {
    // From the middle of the key exchange to some hundred operations later.
    proxy.endAfter(1 + random(60_000), random(2) === 0 ? 'up' : 'down', random(2) === 0 ? 'cut' : 'reset');
  };
  // A cut in the middle of connecting is no close of the link.
  vfs.onStateChange((state) => {
    if (state === 'connected') arm();
  });
  arm();

  const model = new Map<string, string>();
  let made = 0;
  for (let step = 0; cuts < CUTS; step++) {
    assert.ok(step < CUTS * 2000, `${cuts} cuts in ${step} steps`);
    const names = [...model.keys()];
    const name = names[random(Math.max(1, names.length))];
    const choice = random(10);
    if (name === undefined || choice < 4) {
      // An operation that is carried out twice fails the second time: the name is taken, or gone.
      const fresh = `file${made++}`;
      const text = `${fresh} ${'x'.repeat(random(3000))}`;
      await vfs.writeFile(join(ours, fresh), Buffer.from(text), { create: true, overwrite: false });
      model.set(fresh, text);
    } else if (choice < 6) {
      const text = `saved at ${step} ${'y'.repeat(random(3000))}`;
      await vfs.writeFile(join(ours, name), Buffer.from(text), { create: false, overwrite: true });
      model.set(name, text);
    } else if (choice < 8) {
      const fresh = `renamed${made++}`;
      await vfs.rename(join(ours, name), join(ours, fresh), { overwrite: false });
      model.set(fresh, model.get(name) ?? '');
      model.delete(name);
    } else if (choice < 9) {
      await vfs.remove(join(ours, name), { recursive: false });
      model.delete(name);
    } else {
      const made = join(theirs, `at${step}`);
      mkdirSync(made);
      writeFileSync(join(made, 'inner'), '');
      if (random(2) === 0) renameSync(made, `${made}.moved`);
      else rmSync(made, { recursive: true });
    }
  }

  assert.deepEqual(
    new Map(readdirSync(ours).map((name) => [name, readFileSync(join(ours, name), 'utf8')])),
    new Map([...model].sort()),
  );
  writeFileSync(join(theirs, 'last'), '');
  await mirror.toldOf('theirs/last');
  assert.deepEqual([...mirror.paths].sort(), treeOf(folder));
  assert.deepEqual(link.daemon, daemon);
});
