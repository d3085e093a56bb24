import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, test } from 'node:test';
import { clear, commandsRun, fake, memento, shown } from './support/fakeVscode';
import { LocalFolders, topmost } from '../../src/extension/mount/localFolders';
import { type Machine, whatIsMissing } from '../../src/extension/mount/missing';
import {
  makeMountPoint,
  mountFolders,
  mountPointOf,
  removeMountPoint,
} from '../../src/extension/mount/mountPoints';
import { WindowLog } from '../../src/extension/show';
import { machineWordsIn } from '../fixtures/machineWords';

beforeEach(clear);

const able: Machine = {
  platform: 'linux',
  isRoot: false,
  exists: () => true,
  isOpen: () => true,
  hasProgram: () => true,
};

test('a machine that cannot mount says in a sentence what is missing, and what helps', () => {
  const cases: readonly (readonly [Partial<Machine>, RegExp])[] = [
    [{ platform: 'darwin' }, /^Only on Linux .* works here too\.$/],
    [{ platform: 'win32' }, /^Only on Linux/],
    [{ exists: () => false }, /^\/dev\/fuse is missing .* pass the device into the container\.$/],
    [{ isOpen: () => false }, /^Your user may not open \/dev\/fuse/],
    [{ hasProgram: () => false }, /^The program fusermount3 is missing .* install the package “fuse3”/],
  ];
  for (const [lacks, words] of cases) {
    const said = whatIsMissing({ ...able, ...lacks }) ?? '';
    assert.match(said, words);
    assert.deepEqual(machineWordsIn(said), []);
  }
  assert.equal(whatIsMissing(able), undefined);
  assert.equal(
    whatIsMissing({ ...able, isRoot: true, isOpen: () => false, hasProgram: () => false }),
    undefined,
    'root mounts by itself',
  );
});

test('each folder of a host has a mount point of its own, with the folder’s name at its end', () => {
  const places = [
    { host: 'build', path: '/srv/project' },
    { host: 'build', path: '/home/project' },
    { host: 'db', path: '/srv/project' },
    { host: 'build', path: '/srv' },
    { host: 'me@build:2222', path: '/srv/project' },
    { host: 'CORP\\me@build', path: '/srv/project' },
  ];
  const points = places.map((place) => mountPointOf('/run', place));
  assert.equal(new Set(points).size, points.length);
  for (const [index, point] of points.entries()) {
    assert.equal(path.basename(point), path.basename(places[index]?.path ?? ''));
    assert.equal(path.dirname(path.dirname(point)), '/run', 'none lies in another one');
  }
  assert.equal(path.basename(mountPointOf('/run', { host: 'build', path: '/' })), 'root');
  const long = mountPointOf('/run', { host: 'h'.repeat(900), path: `/${'ä'.repeat(200)}` });
  for (const name of long.split('/')) assert.ok(Buffer.byteLength(name) < 255, name);
});

test('mount points are made in a private folder of the user, and go when they are empty', (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-points-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const others = path.join(folder, 'others');
  mkdirSync(others);
  chmodSync(others, 0o777);
  const own = path.join(folder, 'own/mounts');
  const place = { host: 'build', path: '/srv' };
  const at = makeMountPoint([others, own], place);
  assert.ok(at.startsWith(`${own}/`), 'not where others may write');
  assert.equal(statSync(own).mode & 0o777, 0o700);
  assert.equal(statSync(own).uid, process.getuid?.());
  assert.equal(makeMountPoint([others, own], place), at);
  writeFileSync(path.join(at, 'file'), '');
  removeMountPoint(at);
  assert.ok(existsSync(path.join(at, 'file')), 'what is in it stays');
  rmSync(path.join(at, 'file'));
  removeMountPoint(at);
  assert.equal(existsSync(path.dirname(at)), false);
  assert.throws(() => makeMountPoint([others], place));
  assert.deepEqual(mountFolders({ XDG_RUNTIME_DIR: '/run/user/7' }, '/home/me'), [
    '/run/user/7/livemount/mounts',
    '/home/me/.local/state/livemount/mounts',
  ]);
});

test('of mounts on one directory the topmost is listed, once', () => {
  const at = (directory: string, source: string) => ({ directory, source });
  assert.deepEqual(topmost([at('/a', 'build:/1'), at('/b', 'build:/2'), at('/a', 'build:/3')]), [
    at('/a', 'build:/3'),
    at('/b', 'build:/2'),
  ]);
});

test('a window mounts again only what was opened there, on hosts that may be connected', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-back-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const memory = memento();
  const place = { host: 'build', path: '/srv' };
  const directory = mountPointOf(folder, place);
  await memory.update('localFolders', [{ ...place, directory }, { host: '-oProxyCommand=x', path: '/' }, 7]);
  const asked: string[] = [];
  const local = new LocalFolders({
    memory,
    permit: async (host) => {
      asked.push(host);
      return false;
    },
    program: { cli: '/none', hostKeyStore: '/none', answering: undefined as never },
    options: () => [],
    bases: () => [folder],
    log: new WindowLog(),
  });
  fake.workspace.workspaceFolders = [{ uri: fake.Uri.file('/somewhere/else'), name: 'else' }];
  await local.comeBack();
  assert.deepEqual(asked, []);
  fake.workspace.workspaceFolders = [{ uri: fake.Uri.file(`${directory}/src`), name: 'src' }];
  await local.comeBack();
  assert.deepEqual(asked, ['build']);
  assert.equal(existsSync(directory), false, 'nothing is made for a host that may not be connected');
  assert.deepEqual(
    commandsRun.filter(({ id }) => id === 'vscode.openFolder'),
    [],
  );
  assert.deepEqual(
    shown.filter(({ door }) => door === 'showErrorMessage'),
    [],
  );
});
