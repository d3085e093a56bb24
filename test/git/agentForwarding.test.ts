// Keys of this machine's SSH agent for git of the host, with a real ssh-agent, ssh and sshd.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { GitRepository, gitVersion } from '../../src/client/git/repository';
import { VfsGitHost } from '../../src/extension/git/vfsGitHost';
import { askAgent } from '../../src/ssh/auth/askAgent';
import { connected } from '../client/support/hostAgent';
import { startSshd } from '../fixtures/sshd';
import { git, scratch } from './localHost';

test('a push signs with a key that is only in the agent of this machine, and the host can do nothing else with it', async (t) => {
  const { vfs, dir, agent } = await connected(t);
  const sshd = await startSshd();
  t.after(() => sshd.dispose());
  const socket = path.join(scratch(t), 'agent');
  const keeper = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => keeper.kill());
  await once(keeper.stdout, 'data');
  const add = { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'pipe' as const };
  execFileSync('ssh-add', ['-q', sshd.identityFile], add);

  const ssh = `ssh -F none -o HostKeyAlias=${sshd.host} -o UserKnownHostsFile=${sshd.knownHostsFile} -o IdentityFile=${dir}/none -p ${sshd.port}`;
  agent.login = {
    ...agent.login,
    env: { ...agent.login.env, HOME: dir, GIT_CONFIG_NOSYSTEM: '1', GIT_SSH_COMMAND: ssh },
  };
  const bare = scratch(t);
  git(bare, 'init', '-q', '--bare');
  git(dir, 'init', '-q', 'work');
  const folder = path.join(dir, 'work');
  git(folder, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  writeFileSync(path.join(folder, 'file'), 'x');
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'first');
  git(
    folder,
    'remote',
    'add',
    'origin',
    `ssh://${sshd.user}@127.0.0.1${bare}`.replace('127.0.0.1/', `127.0.0.1:${sshd.port}/`),
  );
  const host = new VfsGitHost(vfs);
  const repository = await GitRepository.find(host, await gitVersion(host, '/'), folder);
  assert.ok(repository);

  const noAnswers = { ask: async () => undefined };
  await assert.rejects(repository.push('origin', 'main', noAnswers), { kind: 'authentication' });
  const kinds: (number | undefined)[] = [];
  const forwarded = (request: Buffer) => {
    kinds.push(request[0]);
    return askAgent(socket, request);
  };
  await repository.push('origin', 'main', { ...noAnswers, agent: forwarded });
  assert.equal(git(bare, 'log', '-1', '--format=%s', 'main').trim(), 'first');
  assert.ok(kinds.includes(11) && kinds.includes(13), `requests ${kinds.join()}`);

  // What runs on the host can't empty or lock the agent.
  const alias = 'alias.empty=!ssh-add -D';
  const emptied = await host.git({ args: ['-c', alias, 'empty'], cwd: folder, agent: forwarded });
  assert.notEqual(emptied.code, 0);
  assert.match(execFileSync('ssh-add', ['-l'], { ...add, encoding: 'utf8' }), /ED25519/);
  const listed = await host.git({
    args: ['-c', 'alias.keys=!ssh-add -l', 'keys'],
    cwd: folder,
    agent: forwarded,
  });
  assert.match(listed.stdout.toString(), /ED25519/);
  // The socket goes with the process, and a process without leave has none.
  assert.deepEqual(
    readdirSync(agent.terminalFolder).filter((name) => /^k\d/.test(name)),
    [],
  );
  const without = await host.git({ args: ['-c', 'alias.keys=!ssh-add -l', 'keys'], cwd: folder });
  assert.doesNotMatch(without.stdout.toString(), /ED25519/);
  assert.equal(existsSync(socket), true);
});

test('a host that sends nonsense for an agent is refused, and goes on', async (t) => {
  const { vfs, dir } = await connected(t);
  const host = new VfsGitHost(vfs);
  const program =
    'const s=require("net").connect(process.env.SSH_AUTH_SOCK);' +
    's.on("error",()=>{});s.on("close",()=>console.log("closed"));s.write(Buffer.from(process.argv[1],"hex"))';
  const say = async (hex: string) => {
    const alias = `alias.say=!${process.execPath} -e '${program}' ${hex}; :`;
    const { stdout } = await host.git({ args: ['-c', alias, 'say'], cwd: dir, agent: async () => undefined });
    return stdout.toString().trim();
  };
  git(dir, 'init', '-q');
  assert.equal(await say('7fffffff0b'), 'closed');
  assert.equal(await say('ffffffff'), 'closed');
  assert.equal(await askAgent('/nonexistent', Buffer.of(11)), undefined);
  for (const kind of [0, 1, 12, 17, 18, 19, 22, 27, 255]) {
    assert.equal(await askAgent('/nonexistent', Buffer.of(kind)), undefined);
  }
  assert.equal(await askAgent('/nonexistent', Buffer.alloc(0)), undefined);
});
