import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ground } from './mounted';
import { until } from './until';

const FOLDERS = 12;
const FILES = 10;

test('a tree that was looked at once costs the host nothing the next time', async (t) => {
  const { folder, mount } = await ground(t);
  for (let i = 0; i < FOLDERS; i++) {
    fs.mkdirSync(join(folder, `folder-${i}`));
    for (let j = 0; j < FILES; j++) fs.writeFileSync(join(folder, `folder-${i}/file-${j}`), `${i} ${j}`);
  }
  const served = await mount(folder);
  const requests = async () => Number(await served.ask('requests'));
  await until('the lease', async () => (await served.ask('leased')) === 'true');
  const walk = () =>
    execFileSync('find', [served.at, '-type', 'f', '-newermt', '1990-01-01'], { encoding: 'utf8' });
  const read = () => execFileSync('grep', ['-r', '-c', '1 1', served.at], { encoding: 'utf8' });

  const before = await requests();
  const files = walk();
  assert.equal(files.trim().split('\n').length, FOLDERS * FILES);
  const cold = (await requests()) - before;
  t.diagnostic(`find, cold: ${cold} requests for ${FOLDERS} folders and ${FOLDERS * FILES} files`);
  assert.ok(cold < FOLDERS, `${cold} requests`);
  assert.equal(walk(), files);
  assert.equal((await requests()) - before, cold, 'find, again');

  const found = read();
  const afterRead = await requests();
  t.diagnostic(`grep, cold: ${afterRead - before - cold} requests`);
  assert.ok(afterRead - before - cold < FOLDERS * 6, `${afterRead - before - cold} requests`);
  assert.equal(read(), found);
  assert.equal(await requests(), afterRead, 'grep, again');
  for (let i = 0; i < 20; i++) assert.equal(fs.existsSync(join(served.at, `folder-1/absent-${i}`)), false);
  assert.equal(await requests(), afterRead, 'names that are not there');

  // Who knows the names looks them up one by one, as git does.
  const other = await mount(folder);
  await until('the lease', async () => (await other.ask('leased')) === 'true');
  const first = Number(await other.ask('requests'));
  for (let i = 0; i < FOLDERS; i++) {
    for (let j = 0; j < FILES; j++) assert.ok(fs.statSync(join(other.at, `folder-${i}/file-${j}`)).size > 0);
  }
  const looked = Number(await other.ask('requests')) - first;
  t.diagnostic(`stat of each file, cold: ${looked} requests`);
  assert.ok(looked < 2 * FOLDERS, `${looked} requests`);
  await other.unmount();

  // What changes is asked for again, and nothing else.
  fs.writeFileSync(join(folder, 'folder-3/file-3'), 'changed');
  await until(
    'the new content',
    async () => fs.readFileSync(join(served.at, 'folder-3/file-3'), 'utf8') === 'changed',
  );
  await served.unmount();
});

test('git status of what has not changed asks the host nothing, and hears of rights that were taken', async (t) => {
  const { folder, mount } = await ground(t);
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_CONFIG_NOSYSTEM: '1' };
  const git = (at: string, ...args: string[]) =>
    execFileSync('git', ['-C', at, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], {
      env,
      encoding: 'utf8',
    });
  for (let i = 0; i < FOLDERS; i++) {
    fs.mkdirSync(join(folder, `folder-${i}`));
    fs.writeFileSync(join(folder, `folder-${i}/file`), `${i}`);
  }
  git(folder, 'init', '--quiet');
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '--message', 'first');
  const served = await mount(folder);
  const requests = async () => Number(await served.ask('requests'));
  await until('the lease', async () => (await served.ask('leased')) === 'true');
  assert.equal(git(served.at, 'status', '--porcelain'), '');
  const before = await requests();
  assert.equal(git(served.at, 'status', '--porcelain'), '');
  assert.equal(await requests(), before);

  const mayRun = () => {
    try {
      fs.accessSync(join(served.at, 'folder-1/file'), fs.constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  assert.equal(mayRun(), false);
  fs.chmodSync(join(folder, 'folder-1/file'), 0o755);
  await until('it may be run', async () => mayRun());
  assert.equal(mayRun(), true);
  fs.chmodSync(join(folder, 'folder-1/file'), 0o644);
  await until('it may not be run', async () => !mayRun());
  await served.unmount();
});
