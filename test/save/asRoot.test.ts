// "Save as root", over a real sshd and through the real sudo: for that one save, with the user's password.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import type { Duplex } from 'node:stream';
import { connectVfs } from '../../src/client/connect';
import type { Vfs } from '../../src/client/vfs';
import { ErrnoError } from '../../src/protocol/errno';
import { bootstrapAsRoot } from '../../src/ssh/agent/bootstrap';
import type { AskSudoPassword } from '../../src/ssh/agent/conversation';
import { eventually } from '../client/support/hostAgent';
import { makeAccount } from '../fixtures/accounts';
import { startSshd } from '../fixtures/sshd';
import { connectTo } from '../ssh/connectTo';
import { realAgent } from '../ssh/realAgent';

const PASSWORD = 'correct horse %s';
const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

before(() => execFileSync('sudo', ['--version'], { stdio: 'ignore' }));

/** A user who may become root as the rule says, on a host with a file of root's. */
async function host(t: TestContext, name: string, rule: string | undefined) {
  const account = makeAccount(name, '/bin/sh', PASSWORD);
  t.after(() => account.dispose());
  const sudoers = `/etc/sudoers.d/${name}`;
  if (rule !== undefined) {
    writeFileSync(sudoers, `${name} ALL=(root) ${rule}\n`, { mode: 0o440 });
    t.after(() => rmSync(sudoers, { force: true }));
  }
  const sshd = await startSshd({ user: name });
  t.after(() => sshd.dispose());
  const agent = await realAgent(`as root ${name} ${process.pid}`);
  t.after(() => agent.dispose());
  const transport = await connectTo(sshd, { user: name });
  t.after(() => transport.dispose());
  const folder = mkdtempSync(join(tmpdir(), 'livemount-as-root-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const file = join(folder, 'hosts.conf');
  writeFileSync(file, 'old', { mode: 0o640 });
  chownSync(file, 0, 0);
  return {
    file,
    open: (ask: AskSudoPassword) => bootstrapAsRoot(transport, agent.payload, ask),
  };
}

async function clientOver(t: TestContext, channel: Duplex): Promise<Vfs> {
  const link = {
    rung: 'root',
    reason: 'sudo',
    openChannel: async () => channel,
    isTransient: () => false,
    dispose: () => void channel.destroy(),
  };
  const vfs = await connectVfs(link, {});
  t.after(() => vfs.dispose());
  return vfs;
}

test('a file of root’s is saved with the user’s password, and stays root’s', async (t) => {
  const { file, open } = await host(t, 'lmroot1', 'ALL');
  const asked: number[] = [];
  const channel = await open(async (attempt) => {
    asked.push(attempt);
    return attempt === 1 ? 'wrong' : PASSWORD;
  });
  assert.deepEqual(asked, [1, 2], 'a wrong password is asked for again');
  const vfs = await clientOver(t, channel);
  const { version } = await vfs.stat(file);
  writeFileSync(file, 'changed meanwhile');
  const save = (expect: typeof version | 'any') =>
    vfs.writeFile(file, Buffer.from('new'), { create: false, overwrite: true, expect });
  await assert.rejects(save(version), errno('EREMCHG'));
  await save('any');
  assert.equal(readFileSync(file, 'utf8'), 'new');
  const { uid, mode } = statSync(file);
  assert.deepEqual([uid, mode & 0o7777], [0, 0o640]);
});

test('nothing is asked where sudo needs no password', async (t) => {
  const { file, open } = await host(t, 'lmroot2', 'NOPASSWD: ALL');
  const channel = await open(() => Promise.reject(new Error('asked')));
  const vfs = await clientOver(t, channel);
  await vfs.writeFile(file, Buffer.from('new'), { create: false, overwrite: true, expect: 'any' });
  assert.equal(readFileSync(file, 'utf8'), 'new');
});

test('who may not become root is told so in sudo’s words, and who gives no password is let go', async (t) => {
  const { open, file } = await host(t, 'lmroot3', undefined);
  await assert.rejects(
    open(async () => PASSWORD),
    (error) => errno('EACCES')(error) && /sudoers/.test(String(error)),
  );
  await assert.rejects(
    open(async () => undefined),
    errno('ECANCELED'),
  );
  assert.equal(readFileSync(file, 'utf8'), 'old');
});

test('three wrong passwords are enough', async (t) => {
  const { open } = await host(t, 'lmroot4', 'ALL');
  let asked = 0;
  await assert.rejects(
    open(async () => {
      asked++;
      return 'wrong';
    }),
    errno('EACCES'),
  );
  assert.equal(asked, 3);
});

test('the server of root’s has the password in no command line, and ends with its channel', async (t) => {
  const { open } = await host(t, 'lmroot5', 'ALL');
  const channel = await open(async () => PASSWORD);
  const commands = () => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  const servers = () =>
    commands()
      .split('\n')
      .filter((line) => /lmroot5.* serve --stdio --root \//.test(line));
  assert.ok(servers().length > 0);
  assert.ok(!commands().includes(PASSWORD));
  channel.destroy();
  await eventually('it ended', () => servers().length === 0);
});
