import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EventLog } from './eventLog';
import { ground } from './mounted';
import { until } from './until';

const FILES = Number(process.env.LIVEMOUNT_FILES ?? 150);
const STORM = Number(process.env.LIVEMOUNT_STORM ?? 1000);

test('git, tar and sqlite work in a mount, and leave on the host what they leave on a disk', async (t) => {
  const { folder, mount } = await ground(t);
  const [work, beside] = ['work', 'beside'].map((name) => join(folder, name)) as [string, string];
  for (const place of [work, beside]) fs.mkdirSync(place);
  const served = await mount(work);
  const run = (cwd: string, command: string, ...args: string[]) =>
    execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      env: {
        ...process.env,
        HOME: beside,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const git = (cwd: string, ...args: string[]) =>
    run(cwd, 'git', '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args);

  const source = join(beside, 'source');
  fs.mkdirSync(source);
  git(source, 'init', '--quiet', '--initial-branch=main');
  for (let i = 0; i < FILES; i++) {
    const place = join(source, `folder-${i % 7}`);
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(join(place, `file-${i}`), `content ${i}\n`.repeat(i % 50));
  }
  fs.symlinkSync('folder-1', join(source, 'link'));
  git(source, 'add', '--all');
  git(source, 'commit', '--quiet', '--message', 'first');
  fs.appendFileSync(join(source, 'folder-1/file-1'), 'changed\n');
  git(source, 'commit', '--quiet', '--all', '--message', 'second');

  const clone = join(served.at, 'clone');
  git(served.at, 'clone', '--quiet', source, 'clone');
  assert.equal(git(clone, 'status', '--porcelain'), '');
  git(clone, 'checkout', '--quiet', 'HEAD~1');
  git(clone, 'checkout', '--quiet', 'main');
  fs.appendFileSync(join(clone, 'folder-2/file-2'), 'mine\n');
  assert.equal(git(clone, 'status', '--porcelain'), ' M folder-2/file-2\n');
  git(clone, 'commit', '--quiet', '--all', '--message', 'third');
  git(clone, 'gc', '--quiet');
  assert.equal(git(join(work, 'clone'), 'fsck', '--full', '--no-progress'), '');
  assert.equal(git(join(work, 'clone'), 'status', '--porcelain'), '');

  run(served.at, 'tar', '-xf', tarOf(run, source, beside));
  assert.equal(run(folder, 'diff', '-r', '--no-dereference', source, join(work, 'source')), '');
  const packed = run(served.at, 'sh', '-c', 'tar -cf - source | tar -tf - | sort');
  assert.equal(packed, run(beside, 'sh', '-c', 'tar -cf - source | tar -tf - | sort'));

  run(served.at, 'sqlite3', 'data.db', SQL);
  assert.equal(run(work, 'sqlite3', 'data.db', 'select count(*), sum(n) from t;'), '500|125250\n');
  assert.equal(run(work, 'sqlite3', 'data.db', 'pragma integrity_check;'), 'ok\n');
  run(served.at, 'rm', '-rf', 'clone', 'source');
  assert.deepEqual(fs.readdirSync(work), ['data.db']);
  await served.unmount();
});

const SQL = `create table t (n integer);
begin; with recursive c(n) as (select 1 union all select n + 1 from c where n < 500) insert into t select n from c; commit;`;

function tarOf(
  run: (cwd: string, command: string, ...args: string[]) => string,
  source: string,
  beside: string,
) {
  const archive = join(beside, 'source.tar');
  run(beside, 'tar', '-cf', archive, source.slice(beside.length + 1));
  return archive;
}

test('a storm of new files on the host is told here without loss', async (t) => {
  const { folder, mount } = await ground(t);
  fs.mkdirSync(join(folder, 'storm'));
  const served = await mount(folder);
  const log = await EventLog.of(served.at);
  t.after(() => log.dispose());
  fs.writeFileSync(join(folder, 'first'), '');
  await until('the first event', async () => log.net()['/first'] === 'came');
  log.clear();
  for (let i = 0; i < STORM; i++) fs.writeFileSync(join(folder, `storm/file-${i}`), 'content');
  await until('all of them', async () => Object.keys(log.net()).length === STORM);
  assert.ok(Object.values(log.net()).every((net) => net === 'came'));
  for (let i = 0; i < STORM; i += 2) fs.unlinkSync(join(folder, `storm/file-${i}`));
  await until('half of them', async () => Object.keys(log.net()).length === STORM / 2);
  assert.equal(fs.readdirSync(join(served.at, 'storm')).length, STORM / 2);
  await log.end();
  await served.unmount();
});
