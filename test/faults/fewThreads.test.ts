// On a host that lets its users have few processes, the agent takes what it may have, and saves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { buildSync } from 'esbuild';
import { libcFlavour } from '../../src/agent/libc/native';
import { threadBudget } from '../../src/agent/threadBudget';

const DIST = resolve(__dirname, '../../dist');
const KIND = `${process.platform}-${process.arch}-${libcFlavour()}`;
const USER = 61_500;

function folder(t: TestContext): string {
  const path = mkdtempSync('/tmp/livemount-threads-');
  chmodSync(path, 0o755);
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

for (const limit of [40, 60, 120]) {
  test(`with ${limit} processes allowed a save succeeds`, (t) => {
    const top = folder(t);
    copyFileSync(join(DIST, 'native', KIND, 'koffi.node'), join(top, 'koffi.node'));
    const program = join(top, 'saver.cjs');
    const entryPoints = [join(__dirname, 'programs/syncOnce.ts')];
    buildSync({ entryPoints, outfile: program, bundle: true, platform: 'node' });
    const work = join(top, 'w');
    mkdirSync(work);
    chownSync(work, USER, USER);
    const shell = `ulimit -u ${limit}; exec "$@"`;
    const who = [
      '--reuid',
      `${USER + limit}`,
      '--regid',
      `${USER}`,
      '--clear-groups',
      '/bin/bash',
      '-c',
      shell,
      'sh',
    ];
    chmodSync(work, 0o777);
    const { status, stdout, stderr } = spawnSync(
      'setpriv',
      [...who, process.execPath, program, join(work, 'a')],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(stdout.trim(), 'on disk', `${status} ${stderr}`);
  });
}

/** What /proc and /sys of a host say. */
function host(t: TestContext, files: Readonly<Record<string, string>>): string {
  const top = folder(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, name)), { recursive: true });
    writeFileSync(join(top, name), text);
  }
  return top;
}

test('a control group’s bound counts, also one further up, and that of the older kind', (t) => {
  const v2 = { 'proc/self/cgroup': '0::/user/one\n' };
  const group = 'sys/fs/cgroup/user/one';
  assert.equal(threadBudget(host(t, {})), 128, 'a host that says nothing');
  assert.equal(threadBudget(host(t, { ...v2, [`${group}/pids.max`]: 'max\n' })), 128);
  assert.equal(
    threadBudget(host(t, { ...v2, [`${group}/pids.max`]: '100\n', [`${group}/pids.current`]: '20\n' })),
    40,
  );
  const above = { 'sys/fs/cgroup/user/pids.max': '64\n', 'sys/fs/cgroup/user/pids.current': '44\n' };
  assert.equal(threadBudget(host(t, { ...v2, ...above, [`${group}/pids.max`]: 'max\n' })), 10);
  const v1 = {
    'proc/self/cgroup': '9:memory:/m\n4:cpu,pids:/p\n',
    'sys/fs/cgroup/pids/p/pids.max': '30\n',
    'sys/fs/cgroup/pids/p/pids.current': '30\n',
  };
  assert.equal(threadBudget(host(t, v1)), 4, 'never less than saves need');
});
