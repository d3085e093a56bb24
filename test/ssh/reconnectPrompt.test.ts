// A connection that is lost and can only be made again by asking somebody.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectVfs } from '../../src/client/connect';
import type { Vfs } from '../../src/client/vfs';
import { openHost } from '../../src/ssh/host';
import { nobody, type PasswordQuestion, type Prompter, type SecretAnswer } from '../../src/ssh/auth/prompter';
import { LoginAnswers } from '../../src/ssh/auth/loginAnswers';
import { makeAccount } from '../fixtures/accounts';
import { stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { type Sshd, startSshd } from '../fixtures/sshd';
import { realAgent } from './realAgent';

const PASSWORD = 'correct horse';
/** Seconds after which the server ends a connection that has not logged in; the shortest that a loaded machine can keep. */
const LOGIN_GRACE_S = 3;

/** A person who answers when the test does. */
class Person implements Prompter {
  readonly confirmHostKey = nobody.confirmHostKey;
  readonly passphrase = nobody.passphrase;
  readonly keyboardInteractive = nobody.keyboardInteractive;
  /** Every question that was asked, with how to answer it. */
  readonly asked: { question: PasswordQuestion; answer(secret: string | undefined): void }[] = [];

  password(question: PasswordQuestion): Promise<SecretAnswer | undefined> {
    return new Promise((resolve) => {
      const answer = (secret: string | undefined) =>
        resolve(secret === undefined ? undefined : { secret, remember: false });
      this.asked.push({ question, answer });
    });
  }
}

/** Knows a password as long as the test lets it: one that was valid for a single login. */
class Forgetful extends LoginAnswers {
  forgotten = false;

  override async get(key: string): Promise<string | undefined> {
    return this.forgotten ? undefined : super.get(key);
  }
}

interface Setting {
  readonly sshd: Sshd;
  readonly proxy: TcpProxy;
  readonly person: Person;
  readonly vfs: Vfs;
  readonly file: string;
  /** What the tree said of its link, since the last look. */
  readonly states: string[];
}

async function until(t: TestContext, condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10, undefined, { signal: t.signal });
}

/** A tree whose password was typed once, and is wanted again when the connection is lost. */
async function connected(
  t: TestContext,
  transportKind: 'builtin' | 'system',
  rungs: 'auto' | 'sftp' = 'auto',
): Promise<Setting> {
  const account = makeAccount('livemount-asked', '/bin/sh', PASSWORD);
  t.after(() => account.dispose());
  const folder = mkdtempSync(join(tmpdir(), 'livemount-asked-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(account.home, 'file');
  writeFileSync(file, 'content', { mode: 0o644 });
  const settings = { PasswordAuthentication: 'yes', LoginGraceTime: `${LOGIN_GRACE_S}` };
  const sshd = await startSshd({ user: account.name, settings });
  t.after(() => sshd.dispose());
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  sshd.addHost('asking', { Port: `${proxy.port}`, PubkeyAuthentication: 'no' });
  const agent = await realAgent(`prompt test ${process.pid} ${folder}`);
  t.after(() => agent.dispose());
  const person = new Person();
  const secrets = new Forgetful();
  const opening = openHost('asking', {
    configFile: sshd.configFile,
    payload: agent.payload,
    graceS: 30,
    prompter: person,
    secrets,
    transportKind,
    rungs,
  });
  await until(t, () => person.asked.length === 1);
  person.asked[0]?.answer(PASSWORD);
  const link = await opening;
  t.after(() => {
    if (link.daemon !== undefined) stopProcess(link.daemon.pid);
  });
  const vfs = await connectVfs(link, { graceS: 30 });
  t.after(() => vfs.dispose());
  assert.equal((await vfs.readFile(file)).toString(), 'content');
  secrets.forgotten = true;
  person.asked.length = 0;
  const states: string[] = [];
  vfs.onStateChange((state) => states.push(state));
  return { sshd, proxy, person, vfs, file, states };
}

/** Connections that the server has taken so far. */
const logins = (sshd: Sshd) => sshd.log().split('Connection from').length - 1;

for (const transportKind of ['builtin', 'system'] as const) {
  test(`${transportKind}: a password that is typed after the host's patience ended is asked for once, and used`, {
    timeout: 25_000,
  }, async (t) => {
    const { sshd, proxy, person, vfs, states } = await connected(t, transportKind);
    proxy.reset();
    await until(t, () => person.asked.length === 1);
    const before = logins(sshd);
    await until(t, () => sshd.connections().length === 0);
    // Longer than the first waits of the schedule.
    await delay(1500);
    assert.equal(person.asked.length, 1, 'the question stands, and no other was asked');
    assert.equal(logins(sshd), before, 'and no connection waits behind it');
    person.asked[0]?.answer(PASSWORD);
    await until(t, () => vfs.state === 'connected');
    assert.equal(person.asked.length, 1);
    assert.deepEqual(states, ['reconnecting', 'connected'], 'to the tree it was one attempt');
  });
}

for (const rungs of ['auto', 'sftp'] as const) {
  test(`${rungs}: a question that was closed is not asked again until somebody wants to reconnect`, {
    timeout: 25_000,
  }, async (t) => {
    const { sshd, proxy, person, vfs, file } = await connected(t, 'builtin', rungs);
    const watch = vfs.watch(join(file, '..'), { recursive: true }, () => {});
    t.after(() => watch.dispose());
    await watch.ready;
    proxy.reset();
    await until(t, () => person.asked.length === 1);
    // Who is impatient meanwhile asks for no second question.
    vfs.reconnect();
    const before = logins(sshd);
    person.asked[0]?.answer(undefined);
    // Longer than the first waits of the schedule, and than a round of whoever polls.
    await delay(3500);
    assert.equal(person.asked.length, 1);
    assert.equal(logins(sshd), before, 'nothing knocks at the host');
    assert.equal(vfs.state, 'reconnecting');
    vfs.reconnect();
    await until(t, () => person.asked.length === 2);
    person.asked[1]?.answer(PASSWORD);
    await until(t, () => vfs.state === 'connected');
    assert.equal((await vfs.readFile(file)).toString(), 'content');
    assert.equal(person.asked.length, 2);
  });
}
