import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { until } from './until';

const USER = 65534;
const PROGRAM = resolve(__dirname, 'asUser.ts');
const ROOT = resolve(__dirname, '../..');

/** A user of this machine who may open /dev/fuse, as distributions let everybody; machines for tests often do not. */
test('an ordinary user mounts through fusermount3, and is told in a sentence what is missing', async (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'livemount-user-'));
  const [at, served] = [join(folder, 'at'), join(folder, 'served')];
  for (const place of [at, served]) fs.mkdirSync(place);
  fs.writeFileSync(join(served, 'file'), 'content');
  for (const place of [folder, at, served]) fs.chownSync(place, USER, USER);
  const { mode } = fs.statSync('/dev/fuse');
  t.after(() => {
    fs.chmodSync('/dev/fuse', mode & 0o777);
    spawnSync('umount', ['-l', at], { stdio: 'ignore' });
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const start = (env: NodeJS.ProcessEnv = {}) => {
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, served, at], {
      cwd: ROOT,
      uid: USER,
      gid: USER,
      env: { ...process.env, HOME: folder, XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    return { child, said: () => said };
  };

  fs.chmodSync('/dev/fuse', 0o600);
  const refused = start();
  await once(refused.child, 'exit');
  assert.match(refused.said(), /^\/dev\/fuse may not be opened by this user/m);

  fs.chmodSync('/dev/fuse', 0o666);
  const without = start({ PATH: '/nowhere' });
  await once(without.child, 'exit');
  assert.match(without.said(), /^fusermount3 is missing: install the package fuse3/m);

  const serving = start();
  await until('it is mounted', async () => serving.said().includes('mounted'));
  // Nobody else sees it, not even root.
  const asUser = (script: string) =>
    spawnSync('/bin/sh', ['-c', script], {
      uid: USER,
      gid: USER,
      cwd: '/',
      encoding: 'utf8',
      timeout: 20_000,
    });
  assert.equal(asUser(`cat ${at}/file && echo made > ${at}/made`).stdout, 'content');
  assert.equal(fs.readFileSync(join(served, 'made'), 'utf8'), 'made\n');
  assert.throws(() => fs.readdirSync(at), { code: 'EACCES' });
  serving.child.stdin.end('unmount\n');
  const [code] = (await once(serving.child, 'exit')) as [number];
  assert.deepEqual([code, serving.said()], [0, 'mounted\n']);
  await until('it is gone', async () => !fs.readFileSync('/proc/self/mountinfo', 'utf8').includes(at));
});
