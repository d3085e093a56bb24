// The same through a host's agent: git runs there as a process of the session.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { GitRepository, gitVersion } from '../../src/client/git/repository';
import { VfsGitHost } from '../../src/extension/git/vfsGitHost';
import { connected } from '../client/support/hostAgent';
import { git } from './localHost';

test('git runs on the host, with input, a status that streams, and a failure that is told', async (t) => {
  const { vfs, dir } = await connected(t);
  git(dir, 'init', '-q');
  git(dir, 'config', 'user.name', 'Ada');
  git(dir, 'config', 'user.email', 'ada@example.org');
  for (let i = 0; i < 300; i++) writeFileSync(path.join(dir, `file ${i}`), 'x');
  const host = new VfsGitHost(vfs);
  const repository = await GitRepository.find(host, await gitVersion(host, '/'), dir);
  assert.equal(repository?.root, dir);
  assert.equal((await repository?.status())?.entries.length, 300);
  await repository?.stageAll();
  await repository?.commit('from far away');
  assert.equal(git(dir, 'log', '-1', '--format=%s').trim(), 'from far away');
  assert.equal(await repository?.unfinished(), undefined);
  await assert.rejects(host.git({ args: ['status'], cwd: dir, signal: AbortSignal.abort() }), {
    code: 'ECANCELED',
  });
});
