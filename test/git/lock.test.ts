// Locks that git leaves behind, with real processes that use them or don't.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { commandOf } from '../../src/client/git/call';
import { GitFailure } from '../../src/client/git/failure';
import { lockNamed, lookAtLock } from '../../src/client/git/lock';
import { STATUS_ARGS } from '../../src/client/git/status';
import { LocalHost, newRepository } from './localHost';

/** A process that runs until the test ends; it has printed a line. */
async function running(t: TestContext, cwd: string, script: string, name = 'sh'): Promise<number> {
  const child = spawn('sh', ['-c', script], { cwd, argv0: name, stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  await once(child.stdout, 'data');
  assert.ok(child.pid);
  return child.pid;
}

test('a lock that nobody uses is free, and is removed only when it is', async (t) => {
  const { folder, host, repository } = await newRepository(t);
  const lock = path.join(folder, '.git/index.lock');
  const places = [folder, path.join(folder, '.git')];
  assert.deepEqual(await lookAtLock(host, lock, places), { kind: 'gone' });
  writeFileSync(lock, '');
  writeFileSync(path.join(folder, 'a'), '');
  const failure = await repository.stageAll().catch((error: unknown) => error);
  assert.ok(failure instanceof GitFailure);
  assert.equal(failure.kind, 'locked');
  assert.equal(lockNamed(failure.words, [repository.gitDir]), lock);
  assert.deepEqual(await lookAtLock(host, lock, places), { kind: 'free' });
  assert.equal(existsSync(lock), true);

  const pid = await running(t, '/', `exec 9>>'${lock}'; echo; read -r _`);
  assert.deepEqual(await lookAtLock(host, lock, places, { remove: true }), { kind: 'held', pid });
  assert.equal(existsSync(lock), true);
});

test('a git at work in the repository holds its lock, one elsewhere and a status do not', async (t) => {
  const { folder, host } = await newRepository(t);
  const { folder: elsewhere } = await newRepository(t);
  const lock = path.join(folder, '.git/index.lock');
  writeFileSync(lock, '');
  // An alias of git's keeps git itself waiting for its shell.
  const waiting = (...words: string[]) => `git -c alias.wait='!echo; read -r _; :' ${words.join(' ')} wait`;
  await running(t, elsewhere, waiting());
  assert.deepEqual(await lookAtLock(host, lock, [folder]), { kind: 'free' });
  const flag = path.join(elsewhere, 'waiting');
  writeFileSync(flag, '');
  const monitor = path.join(elsewhere, 'monitor');
  writeFileSync(monitor, `#!/bin/sh\necho >&2\nwhile [ -e '${flag}' ]; do sleep 0.05; done\n`, {
    mode: 0o755,
  });
  t.after(() => rmSync(flag, { force: true }));
  const { argv } = commandOf({ args: ['-c', `core.fsmonitor=${monitor}`, ...STATUS_ARGS], cwd: folder });
  await running(t, folder, `${argv.map((word) => `'${word}'`).join(' ')} 2>&1`);
  assert.deepEqual(await lookAtLock(host, lock, [folder]), { kind: 'free' });
  await running(t, folder, waiting());
  const state = await lookAtLock(host, lock, [folder], { remove: true });
  assert.equal(state.kind, 'held');
  assert.equal(existsSync(lock), true);
});

test('with remove a free lock is gone', async (t) => {
  const { folder, host } = await newRepository(t);
  const lock = path.join(folder, '.git/refs/heads/it’s "$(id)".lock');
  writeFileSync(lock, '');
  assert.deepEqual(await lookAtLock(host, lock, [folder], { remove: true }), { kind: 'free' });
  assert.equal(existsSync(lock), false);
});

test('only a lock of this repository is taken from git’s words', () => {
  const places = ['/r/.git', '/main/.git'] as const;
  const named = (name: string) => lockNamed(`fatal: Unable to create '${name}': File exists.`, [...places]);
  assert.equal(named('/main/.git/refs/heads/x.lock'), '/main/.git/refs/heads/x.lock');
  for (const bad of ['/etc/passwd.lock', '/r/.git/../../etc/x.lock', '/r/.git/config', '/r/.gitx/a.lock']) {
    assert.equal(named(bad), '/r/.git/index.lock', bad);
  }
  assert.equal(lockNamed('', [...places]), '/r/.git/index.lock');
});

test('a host that says nonsense about a lock knows nothing', async () => {
  class Odd extends LocalHost {
    override async script() {
      return { code: 0, stdout: Buffer.from('free held 1\nrm -rf\n'), stderr: Buffer.alloc(0) };
    }
  }
  assert.deepEqual(await lookAtLock(new Odd(), '/r/.git/index.lock', ['/r']), { kind: 'unknown' });
});
