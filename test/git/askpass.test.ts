// A remote that wants a password, over HTTP: git's own server behind a real one that checks it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { GitFailure } from '../../src/client/git/failure';
import type { GitQuestion } from '../../src/client/git/host';
import { cloneRepository, GitRepository, gitVersion } from '../../src/client/git/repository';
import { VfsGitHost } from '../../src/extension/git/vfsGitHost';
import { connected } from '../client/support/hostAgent';
import { git, scratch } from './localHost';

const SECRET = 'open sesame "$(id)"';

async function guardedServer(t: TestContext, folder: string): Promise<string> {
  git(folder, 'init', '-q', '--bare', 'guarded.git');
  git(path.join(folder, 'guarded.git'), 'config', 'http.receivepack', 'true');
  const expected = `Basic ${Buffer.from(`ada:${SECRET}`).toString('base64')}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization === expected) return backend(folder, request, response);
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/guarded.git`;
}

/** `git http-backend` as a web server runs it (git-http-backend(1)). */
function backend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'ada',
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      ...(request.headers['content-encoding'] && {
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      }),
    },
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    let status = 200;
    for (const line of output.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(': ');
      if (name === 'Status') status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status).end(output.subarray(end + 4));
  });
}

test('a remote with a password is cloned from and pushed to, and the password stands nowhere', async (t) => {
  const { vfs, dir, agent } = await connected(t);
  agent.login = { ...agent.login, env: { ...agent.login.env, HOME: dir, GIT_CONFIG_NOSYSTEM: '1' } };
  const address = await guardedServer(t, scratch(t));
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
