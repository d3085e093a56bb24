import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { clear, fake } from './support/fakeVscode';
import { connectedTo } from './support/connectedTo';
import { MemoryVfs } from '../cli/memoryVfs';
import type { Clock } from '../../src/base/clock';
import { Hosts } from '../../src/extension/hosts/hosts';
import { LookedAt } from '../../src/extension/lookedAt';
import { WindowLog } from '../../src/extension/show';
import { uriOf } from '../../src/extension/uris';
import { WatchHub } from '../../src/extension/watchHub';

beforeEach(() => {
  clear();
  fake.workspace.workspaceFolders = [];
  fake.window.visibleTextEditors = [];
});

const at = (path: string) => uriOf({ host: 'build', path });

async function connected() {
  const vfs = new MemoryVfs();
  const log = new WindowLog();
  const hosts = new Hosts(async () => connectedTo(vfs), log);
  const hub = new WatchHub(hosts, log);
  await hosts.session('build').vfs();
  const watched = (isVisible: boolean) =>
    [...vfs.watches.values()]
      .filter(({ options }) => (options.visible ?? false) === isVisible)
      .map(({ path }) => path)
      .sort();
  return { vfs, hub, watched };
}

/** A clock whose one timer is rung by hand. */
function bell() {
  let ring: () => void = () => undefined;
  const clock: Clock = {
    now: () => 0,
    after: (_ms, run) => {
      ring = run;
      return { dispose: () => undefined };
    },
  };
  return { clock, ring: () => ring() };
}

test('what a person looks at is marked as visible at the host: open folders, visible editors, listed folders', async () => {
  fake.workspace.workspaceFolders = [{ uri: at('/srv') as never, name: 'srv' }];
  fake.window.visibleTextEditors = [{ document: { uri: at('/srv/log/build.log') } }];
  const { hub, watched } = await connected();
  const { clock, ring } = bell();
  const looked = new LookedAt(hub, clock);
  hub.watch(at('/srv'), true, []);
  looked.listed(at('/srv/visitors'));
  ring();
  assert.deepEqual(watched(true), ['/srv', '/srv/log/build.log', '/srv/visitors']);
  assert.deepEqual(watched(false), ['/srv']);
  looked.dispose();
  assert.deepEqual(watched(true), []);
});

test('a program that lists a whole tree looks at nothing', async () => {
  const { hub, watched } = await connected();
  const { clock, ring } = bell();
  const looked = new LookedAt(hub, clock);
  for (let i = 0; i < 1000; i++) looked.listed(at(`/srv/${i}`));
  ring();
  assert.deepEqual(watched(true), []);
  looked.dispose();
});

test('of the folders that were listed one after the other the last ones stay visible', async () => {
  const { hub, watched } = await connected();
  const { clock, ring } = bell();
  const looked = new LookedAt(hub, clock);
  for (let i = 0; i < 100; i++) {
    looked.listed(at(`/srv/${i}`));
    ring();
  }
  assert.equal(watched(true).length, 32);
  assert.ok(watched(true).includes('/srv/99'));
  looked.dispose();
});

test('a change in a visible folder is reported once', async () => {
  const { vfs, hub } = await connected();
  const told: string[] = [];
  hub.onDidChangeFile((events) => told.push(...events.map(({ uri }) => uri.path)));
  hub.watch(at('/srv'), true, []);
  hub.look(at('/srv'));
  vfs.happen('create', '/srv/new');
  assert.deepEqual(told, ['/srv/new']);
});

test('the excludes of a repository’s settings are bounded in number and length', async () => {
  const { vfs, hub } = await connected();
  const bomb = '{a,b}'.repeat(1000);
  hub.watch(at('/srv'), true, [bomb, ...Array.from({ length: 5000 }, (_, i) => `**/${i}`)]);
  const [watch] = [...vfs.watches.values()];
  assert.equal(watch?.options.excludes?.length, 200);
  assert.ok(!watch?.options.excludes?.includes(bomb));
});
