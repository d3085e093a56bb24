import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, test } from 'node:test';
import { answers, boxes, clear, memento, shown } from './support/fakeVscode';
import { MemoryVfs } from '../cli/memoryVfs';
import { Hosts } from '../../src/extension/hosts/hosts';
import { addHost, appendLines } from '../../src/extension/open/addHost';
import { FolderPicker } from '../../src/extension/open/folderPicker';
import { chooseHost } from '../../src/extension/open/hostPicker';
import { RecentFolders } from '../../src/extension/open/recentFolders';
import { WindowLog } from '../../src/extension/show';

beforeEach(clear);

const turns = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** What the editor does with what is typed: it marks the first item that is left. */
function type(value: string): void {
  const [box] = boxes.slice(-1);
  assert.ok(box);
  box.value = value;
  box.fire('onDidChangeValue', value);
}

function enter(selected?: string): void {
  const [box] = boxes.slice(-1);
  assert.ok(box);
  const item = box.items.find(({ label }) => label === selected);
  box.selectedItems = item === undefined ? [] : [item];
  box.fire('onDidAccept', undefined);
}

const labels = () => (boxes.at(-1)?.items ?? []).map(({ label }) => label);

function homeTree(): MemoryVfs {
  const vfs = new MemoryVfs();
  for (const folder of ['/home', '/home/me', '/home/me/project', '/home/me/profile', '/srv', '/srv/app']) {
    vfs.place(folder);
  }
  return vfs;
}

test('a path that is typed is completed, and Enter takes the first match', async () => {
  const chosen = FolderPicker.choose('build', homeTree(), '/home/me');
  await turns();
  assert.deepEqual(labels(), ['Open This Folder', '..', 'profile', 'project']);
  type('/srv/a');
  await turns();
  assert.deepEqual(labels(), ['app']);
  enter('app');
  await turns();
  assert.deepEqual(labels(), ['Open This Folder', '..']);
  enter('Open This Folder');
  assert.equal(await chosen, '/srv/app');
});

test('a folder whose name was typed whole is opened by one Enter, also when it comes before the list', async () => {
  const chosen = FolderPicker.choose('build', homeTree(), '/home/me');
  await turns();
  type('/srv/app');
  enter();
  assert.equal(await chosen, '/srv/app');
});

test('the home and the folder above can be typed, and Tab completes', async () => {
  const chosen = FolderPicker.choose('build', homeTree(), '/home/me');
  await turns();
  type('../../srv/a');
  await turns();
  FolderPicker.complete();
  await turns();
  assert.equal(boxes.at(-1)?.value, '../../srv/app/');
  type('~/project');
  await turns();
  enter('project');
  assert.equal(await chosen, '/home/me/project');
});

test('a folder that is not there is said in a row, and the title still says where one is', async () => {
  void FolderPicker.choose('build', homeTree(), '/home/me');
  await turns();
  type('/nowhere/x');
  await turns();
  assert.match(labels()[0] ?? '', /Could not list \/nowhere: there is no such folder/);
  enter(labels()[0]);
  await turns();
  assert.match(labels()[0] ?? '', /Could not list/, 'Enter on it does nothing');
});

function hostsWith(...names: string[]): Hosts {
  const hosts = new Hosts(() => Promise.reject(new Error('no such host')), new WindowLog());
  for (const name of names) hosts.session(name);
  return hosts;
}

test('Enter takes the first host that matches, not what was typed', async () => {
  const choice = chooseHost(hostsWith('buil'), ['build', 'db'], new RecentFolders(memento()));
  type('bui');
  // The editor orders by how well a label matches; the row for what was typed has a label that never does.
  assert.ok(!labels().includes('bui'));
  assert.ok(labels().indexOf('build') < labels().indexOf('buil'), 'the configuration stands first');
  enter('build');
  assert.deepEqual(await choice, { kind: 'host', host: 'build' });
});

test('what was typed counts where nothing matches, and what is no host is refused in place', async () => {
  const choice = chooseHost(hostsWith(), ['build'], new RecentFolders(memento()));
  type('me@else where');
  enter('Another host:');
  assert.match(labels()[0] ?? '', /is not a host/);
  type('me@elsewhere:2222');
  enter('Another host:');
  assert.deepEqual(await choice, { kind: 'host', host: 'me@elsewhere:2222' });
});

test('recent folders come first, favourites before the others, and are forgotten one by one', async () => {
  const recent = new RecentFolders(memento());
  await recent.opened({ host: 'db', path: '/var/lib' });
  await recent.opened({ host: 'build', path: '/srv' });
  await recent.setFavourite({ host: 'db', path: '/var/lib' }, true);
  const choice = chooseHost(hostsWith(), ['build'], recent);
  assert.deepEqual(labels().slice(0, 4), ['Recent folders', 'db:/var/lib', 'build:/srv', 'Hosts']);
  enter('build:/srv');
  assert.deepEqual(await choice, {
    kind: 'folder',
    place: { host: 'build', path: '/srv', isFavourite: false },
  });
  await recent.forget({ host: 'build', path: '/srv' });
  assert.deepEqual(
    recent.list().map(({ path: at }) => at),
    ['/var/lib'],
  );
});

test('of hundreds of folders the last ones and all favourites are remembered', async () => {
  const recent = new RecentFolders(memento());
  for (let i = 0; i < 5; i++) await recent.setFavourite({ host: 'a', path: `/f${i}` }, true);
  for (let i = 0; i < 300; i++) await recent.opened({ host: 'a', path: `/${i}` });
  assert.equal(recent.list().length, 25);
  assert.equal(recent.list().at(5)?.path, '/299');
});

test('a host is added to the SSH configuration only if that was chosen, in lines that were shown', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-add-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'ssh/config');
  answers.push('me@10.0.0.7:2222', 'lab', undefined);
  assert.equal(await addHost(file, []), undefined);
  assert.throws(() => statSync(file), 'nothing was written');
  const lines = 'Host lab\n  HostName 10.0.0.7\n  User me\n  Port 2222\n';
  assert.ok(shown.some(({ door, text }) => door.endsWith('.detail') && text === lines));
  answers.push('me@10.0.0.7:2222', 'lab', 'Write Them');
  assert.equal(await addHost(file, []), 'lab');
  assert.equal(readFileSync(file, 'utf8'), lines);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, 'Host a\n  User b');
  appendLines(file, lines);
  assert.equal(readFileSync(file, 'utf8'), `Host a\n  User b\n\n${lines}`);
});

test('no address or name brings other lines into the SSH configuration', async () => {
  for (const [address, alias] of [
    ['x\nProxyCommand touch /tmp/x', 'a'],
    ['"x" y@host', 'a'],
    ['me@host', 'a b'],
    ['me@host', '*'],
    ['me@host', 'a\n  ProxyCommand x'],
    ['me@host', 'known'],
  ] as const) {
    answers.push(address, alias, 'Write Them');
    assert.equal(
      await addHost('/nonexistent/never/config', ['known']),
      undefined,
      JSON.stringify([address, alias]),
    );
    answers.length = 0;
  }
});
