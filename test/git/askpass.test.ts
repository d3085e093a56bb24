// A remote that wants a password, over HTTP: git's own server behind a real one that checks it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { GitFailure } from '../../src/client/git/failure';
import type { GitQuestion } from '../../src/client/git/host';
import { cloneRepository, GitRepository, gitVersion } from '../../src/client/git/repository';
import { VfsGitHost } from '../../src/extension/git/vfsGitHost';
import { connected } from '../client/support/hostAgent';
import { guardedServer, SECRET } from './guardedServer';
import { git, scratch } from './localHost';

test('a remote with a password is cloned from and pushed to, and the password stands nowhere', async (t) => {
  const { vfs, dir, agent } = await connected(t);
  agent.login = { ...agent.login, env: { ...agent.login.env, HOME: dir, GIT_CONFIG_NOSYSTEM: '1' } };
  const address = await guardedServer((end) => t.after(end), scratch(t));
  const host = new VfsGitHost(vfs);
  const asked: GitQuestion[] = [];
  let seenInProc = false;
  const ask = async (question: GitQuestion) => {
    asked.push(question);
    seenInProc ||= standsInProc(SECRET);
    return question.prompt.startsWith('Username') ? 'ada' : SECRET;
  };
  await cloneRepository(host, { address, parent: dir, name: 'clone' }, { ask });
  assert.deepEqual(
    asked.map(({ by, prompt }) => [by, prompt.replace(/\d{4,5}/, 'PORT')]),
    [
      ['git', "Username for 'http://127.0.0.1:PORT': "],
      ['git', "Password for 'http://ada@127.0.0.1:PORT': "],
    ],
  );
  const repository = await GitRepository.find(host, await gitVersion(host, '/'), `${dir}/clone`);
  assert.ok(repository);
  git(repository.root, 'config', 'user.name', 'Ada');
  git(repository.root, 'config', 'user.email', 'ada@example.org');
  git(repository.root, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  writeFileSync(path.join(repository.root, 'file'), 'x');
  await repository.stageAll();
  await repository.commit('pushed');
  await repository.push('origin', 'main', { setUpstream: true, ask });
  assert.equal(git(repository.root, 'ls-files').trim(), 'file');
  assert.equal(seenInProc, false, 'the password stood in an argument or a variable');

  await assert.rejects(
    repository.fetch('origin', { ask: async () => 'wrong' }),
    (error) => error instanceof GitFailure && error.kind === 'authentication',
  );
  await assert.rejects(
    repository.fetch('origin', { ask: async () => undefined }),
    (error) => error instanceof GitFailure && error.kind === 'authentication',
  );
  await assert.rejects(
    repository.fetch('origin'),
    (error) => error instanceof GitFailure && error.kind === 'authentication',
  );
});

/** Whether any process has a text among its arguments or variables. */
function standsInProc(text: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .some((pid) =>
      ['cmdline', 'environ'].some((file) => {
        try {
          return readFileSync(`/proc/${pid}/${file}`).includes(text);
        } catch {
          return false;
        }
      }),
    );
}
