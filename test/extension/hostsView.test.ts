import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { clear, fake, memento } from './support/fakeVscode';
import { connectedTo } from './support/connectedTo';
import { mountOf } from './support/mountOf';
import { MemoryVfs } from '../cli/memoryVfs';
import { machineWordsIn } from '../fixtures/machineWords';
import type { SuperblockView } from '../../src/client/vfs';
import { Hosts } from '../../src/extension/hosts/hosts';
import { RecentFolders } from '../../src/extension/open/recentFolders';
import { WindowLog } from '../../src/extension/show';
import { uriOf } from '../../src/extension/uris';
import { History } from '../../src/extension/views/history';
import { HostsTree } from '../../src/extension/views/hostsTree';
import type { Node } from '../../src/extension/views/nodes';
import { sparkline } from '../../src/extension/views/sparkline';
import { WatchHub } from '../../src/extension/watchHub';
import { MOUNT_READONLY } from '../../src/protocol/livemount';

beforeEach(() => {
  clear();
  fake.workspace.workspaceFolders = [{ uri: uriOf({ host: 'build', path: '/srv' }) as never, name: 'srv' }];
});

interface Row {
  readonly node: Node;
  readonly label: string;
  readonly description: string;
  readonly spoken: string;
  readonly depth: number;
}

/** What is mounted on this machine, of hosts. */
const localFolders = () => [{ directory: '/run/user/1/livemount/mounts/build-1/srv', source: 'build:/srv' }];

async function rowsOf(
  views: readonly SuperblockView[],
  configured: readonly string[] = [],
  mountsLeftOut = 0,
): Promise<Row[]> {
  const vfs = Object.assign(new MemoryVfs(), {
    superblocks: () => views,
    mountsLeftOut,
    statfs: async () => ({ totalBytes: 100n << 30n, freeBytes: 40n << 30n }),
    statSuperblock: async () => ({
      events: 0n,
      overflows: 0n,
      errors: 0n,
      watches: 12n,
      polled: 0n,
      queued: 0n,
      dirty: 0n,
      aggregated: 0,
    }),
  });
  const log = new WindowLog();
  const hosts = new Hosts(async () => connectedTo(vfs, { reason: '/usr/bin/node' }), log);
  const watches = new WatchHub(hosts, log);
  const history = new History(hosts, watches);
  const recent = new RecentFolders(memento());
  await recent.opened({ host: 'db', path: '/var/lib' });
  const tree = new HostsTree({
    hosts,
    watches,
    history,
    recent,
    configuredHosts: () => configured,
    localFolders,
  });
  await hosts.session('build').vfs();
  watches.watch(uriOf({ host: 'build', path: '/srv' }), true, []);
  vfs.happen('modify', '/srv/a.txt');
  const rows: Row[] = [];
  const visit = async (node: Node | undefined, depth: number): Promise<void> => {
    if (node !== undefined) {
      const item = tree.getTreeItem(node);
      rows.push({
        node,
        label: String(item.label),
        description: String(item.description ?? ''),
        spoken: item.accessibilityInformation?.label ?? '',
        depth,
      });
    }
    for (const child of await tree.getChildren(node)) await visit(child, depth + 1);
  };
  await visit(undefined, -1);
  // What was asked for comes a moment later, and is drawn then.
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  rows.length = 0;
  await visit(undefined, -1);
  history.dispose();
  tree.dispose();
  hosts.dispose();
  return rows;
}

const views = [
  mountOf('/', 'ext4', { mount: { backend: 'inotify' } }),
  mountOf('/srv/nfs', 'nfs4', {
    mount: { backend: 'poll', pollMs: 5000, reason: 'other machines write here' },
  }),
  mountOf('/srv/cd', 'iso9660', { mount: { backend: 'inotify', flags: MOUNT_READONLY } }),
  mountOf('/srv/dead', 'nfs4', { notResponding: true }),
  mountOf('/mnt/usb', 'vfat'),
  mountOf('/proc', 'proc'),
  mountOf('/sys/fs/cgroup', 'cgroup2'),
];

test('a mount answers first whether it is live, well, how full, and what happened last', async () => {
  const rows = await rowsOf(views);
  const at = rows.findIndex(({ label, node }) => node.type === 'superblock' && label === '/');
  assert.match(rows[at]?.description ?? '', /^ext4 · live · 60 % full$/);
  const answers = rows.slice(at + 1, at + 6).map(({ label, description }) => `${label}: ${description}`);
  assert.deepEqual(answers.slice(0, 4), [
    'Changes show: live',
    'Health: well',
    'Space: 40.0 GiB free of 100 GiB (60 % used)',
    'Access: read and write',
  ]);
  assert.match(answers[4] ?? '', /^Last change: changed: \/srv\/a\.txt, (?:just now|\d+ s ago)$/);
  assert.equal(rows[at + 6]?.label, 'Details');
});

test('what is polled, read-only or dead says so in its row', async () => {
  const rows = await rowsOf(views);
  const of = (label: string) =>
    rows.find((row) => row.label === label && row.node.type === 'superblock')?.description;
  assert.match(of('nfs') ?? '', /looked at every 5 s/);
  assert.match(of('cd') ?? '', /read-only/);
  assert.match(of('dead') ?? '', /does not answer/);
  assert.match(rows.find(({ node }) => node.type === 'host')?.description ?? '', /needs a look: 1/);
});

test('rows that are zero are left out, and what the kernel makes up is folded away', async () => {
  const rows = await rowsOf(views);
  assert.deepEqual(
    rows.filter(({ description }) => /^0(?![:\d])/.test(description)),
    [],
  );
  const underSystem = rows.filter(({ label }) => ['/proc', '/sys/fs/cgroup'].includes(label));
  const system = rows.findIndex(({ label }) => label === 'System');
  assert.equal(underSystem.length, 2);
  for (const row of underSystem) assert.ok(rows.indexOf(row) > system && row.depth === 2);
  assert.ok(rows.findIndex(({ label }) => label === '/mnt/usb') < system);
});

test('mounts beyond those that are followed are counted below the others', async () => {
  const more = (rows: readonly Row[]) => rows.find(({ label }) => label === 'More mounts');
  assert.equal(more(await rowsOf(views)), undefined);
  const row = more(await rowsOf(views, [], 1234));
  assert.deepEqual([row?.description, row?.depth], ['1234, too many to be followed', 1]);
});

test('a screen reader reads every row by its name and what it says, not by its tooltip', async () => {
  for (const { label, description, spoken, node } of await rowsOf(views, ['db7'])) {
    assert.ok(spoken !== '', label);
    if (node.type === 'change') continue;
    if (node.type === 'localFolder') {
      assert.equal(spoken, 'build:/srv, mounted on this machine');
      continue;
    }
    assert.ok(spoken.startsWith(label), `${label} is read as ${spoken}`);
    const words = description.replace(/[▁-█ ]+/g, ' ').trim();
    assert.ok(spoken.includes(words) || words === '', `${spoken} lacks ${words}`);
    assert.doesNotMatch(spoken, /[▁-█]/);
  }
});

test('outside of the details no row has a word of the machine room', async () => {
  const rows = await rowsOf(views, ['db7']);
  let detailsDepth = Number.POSITIVE_INFINITY;
  for (const { label, description, depth } of rows) {
    if (depth > detailsDepth) continue;
    detailsDepth = label === 'Details' ? depth : Number.POSITIVE_INFINITY;
    assert.deepEqual(machineWordsIn(`${label} ${description}`), []);
  }
});

test('hosts of the SSH configuration and recent folders are listed, those that are open not twice', async () => {
  const rows = await rowsOf(views, ['build', 'db7']);
  assert.deepEqual(
    rows.filter(({ node }) => node.type === 'configured').map(({ label }) => label),
    ['db7'],
  );
  assert.deepEqual(
    rows.filter(({ node }) => node.type === 'folder').map(({ description }) => description),
    ['db:/var/lib'],
  );
});

test('what is mounted on this machine is listed by its folder, with the host it is of', async () => {
  const rows = await rowsOf(views);
  const at = rows.findIndex(({ node }) => node.type === 'section' && node.section === 'local');
  assert.equal(rows[at]?.label, 'Local folders');
  const row = rows[at + 1];
  assert.deepEqual([row?.label, row?.description], ['srv', 'build:/srv']);
});

test('a plot is a bar a value, as high as it is to the largest', () => {
  assert.equal(sparkline([0, 5, 10]), '▁▅█');
  assert.equal(sparkline([undefined, 0, 0]), ' ▁▁');
  assert.equal(sparkline([]), '');
});
