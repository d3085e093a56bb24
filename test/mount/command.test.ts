import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually } from '../client/support/hostAgent';
import { type Host, startHost } from '../e2e/host';
import { stopProcess } from '../fixtures/processes';
import { TestMounts } from '../fixtures/mounts';
import { endMount, startMount } from '../../src/extension/mount/mountProgram';
import { nobody } from '../../src/ssh/auth/prompter';

/** A folder to mount at; what the test leaves mounted there goes with it. */
function mountPoint(t: TestContext): string {
  const mounts = new TestMounts();
  const at = mounts.directory('here');
  t.after(() => {
    spawnSync('umount', ['-l', at], { stdio: 'ignore' });
    // Another test's mount namespace may hold a copy, which would keep the process that serves it.
    for (const pid of servingAt(at)) stopProcess(pid, 'SIGKILL');
    mounts.dispose();
  });
  return at;
}

function makeProject(host: Host): void {
  fs.mkdirSync(host.path('project'));
  fs.writeFileSync(host.path('project/file'), 'content');
}

test('the command mounts over a real sshd, lists the mount, refuses to end one that is in use, and ends it', async (t) => {
  const host = await startHost();
  t.after(() => host.dispose());
  const at = mountPoint(t);
  makeProject(host);

  const mounted = await host.cli.run(['mount', host.at('project'), at]);
  assert.deepEqual([mounted.code, mounted.stderr], [0, '']);
  assert.equal(fs.readFileSync(join(at, 'file'), 'utf8'), 'content');
  fs.writeFileSync(join(at, 'made'), 'here');
  assert.equal(fs.readFileSync(host.path('project/made'), 'utf8'), 'here');

  const listed = await host.cli.run(['mount']);
  assert.match(
    listed.stdout.toString(),
    new RegExp(`^DIRECTORY +SOURCE.*\n(.*\n)*${at} +\\S+:${host.path('project')}\n`),
  );

  const fd = fs.openSync(join(at, 'file'), 'r');
  const refused = await host.cli.run(['umount', at]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /a program works in it/);
  fs.closeSync(fd);
  const ended = await host.cli.run(['umount', at]);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.deepEqual(fs.readdirSync(at), []);
  await eventually(
    'nothing of it is listed',
    () => !fs.readFileSync('/proc/self/mountinfo', 'utf8').includes(at),
  );
});

/** The processes whose command line names the directory: it is this test's own. */
function servingAt(directory: string): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(directory);
      } catch {
        return false; // It ended since it was listed.
      }
    })
    .map(Number);
}

test('a window that starts the command answers its questions, and may go once the mount stands', async (t) => {
  const host = await startHost({ userKey: { passphrase: 'open sesame' } });
  t.after(() => host.dispose());
  const at = mountPoint(t);
  makeProject(host);
  const asked: string[] = [];
  const answering = {
    prompter: {
      ...nobody,
      passphrase: async ({ keyFile }: { keyFile: string }) => {
        asked.push(keyFile);
        return asked.length === 1 ? undefined : { secret: 'open sesame', remember: true };
      },
    },
    secrets: { get: async () => undefined, set: async () => undefined, delete: async () => undefined },
  };
  const program = {
    cli: join(host.cli.folder, 'dist/cli.js'),
    hostKeyStore: host.path('known_hosts'),
    answering,
  };
  const start = () =>
    startMount(program, {
      place: { host: host.sshd.host, path: host.path('project') },
      directory: at,
      options: [`--ssh-config=${host.sshd.configFile}`, '--transport=builtin'],
      signal: new AbortController().signal,
    });
  await assert.rejects(start(), (error: Error) => {
    assert.equal(error.name, 'MountProgramError');
    assert.doesNotMatch(error.message, /terminal/);
    return true;
  });
  await start();
  assert.equal(asked.length, 2);
  assert.equal(fs.readFileSync(join(at, 'file'), 'utf8'), 'content');
  const fd = fs.openSync(join(at, 'file'), 'r');
  await assert.rejects(endMount(program, at, false), /a program works in it; end it first/);
  fs.closeSync(fd);
  await endMount(program, at, false);
  assert.deepEqual(fs.readdirSync(at), []);
});
