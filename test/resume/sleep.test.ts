// The client's machine sleeps, or its process is stopped, for longer than a link may be silent.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { processState, stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import { type Sshd, type SshdSettings, startSshd } from '../fixtures/sshd';
import type { SleeperTask, SleeperWord } from './sleeper';

/** In place of five seconds: a silence of 1.5 s is the link's end. */
const KEEPALIVE_MS = 500;
const DEADLINE_MS = 1500;
/** Longer than both. */
const SLEEP_MS = 2500;

interface Sleeper {
  readonly words: readonly SleeperWord[];
  readonly pid: number;
  readonly proxy: TcpProxy;
  readonly sshd: Sshd;
  readonly folder: string;
  askAndSleep(): void;
}

/** Resolves as soon as the condition holds; the test's own time limit is what ends the wait. */
async function until(t: TestContext, condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10, undefined, { signal: t.signal });
}

async function startSleeper(t: TestContext, settings: SshdSettings = {}): Promise<Sleeper> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-sleep-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'file'), 'content');
  const cache = `${folder}.cache`;
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const sshd = await startSshd({ settings: { ...settings, SetEnv: `XDG_CACHE_HOME=${cache}` } });
  t.after(() => sshd.dispose());
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  sshd.addHost('proxied', { Port: `${proxy.port}` });
  const task: SleeperTask = {
    target: 'proxied',
    configFile: sshd.configFile,
    folder,
    keepaliveMs: KEEPALIVE_MS,
    deadlineMs: DEADLINE_MS,
  };
  const program = join(__dirname, 'sleeper.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // What it keeps until its end goes with the test, however it ends.
    env: { ...process.env, TMPDIR: folder },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the client cannot be started');
  t.after(() => stopProcess(pid, 'SIGKILL'));
  const words: SleeperWord[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const word = JSON.parse(line) as SleeperWord;
    if (word.word === 'ready') t.after(() => stopProcess(word.daemon));
    words.push(word);
  });
  await until(t, () => words.some((word) => word.word === 'state' && word.state === 'watching'));
  words.length = 0;
  return { words, pid, proxy, sshd, folder, askAndSleep: () => child.stdin.write('\n') };
}

/** With a read and a save on the way: what was saved stands on the host, and nobody has heard of it. */
async function fallAsleep(t: TestContext, { proxy, pid, folder, askAndSleep }: Sleeper): Promise<void> {
  proxy.freeze('down');
  askAndSleep();
  await until(t, () => processState(pid) === 'T');
  await until(t, () => existsSync(join(folder, 'saved')));
  assert.equal(readFileSync(join(folder, 'saved'), 'utf8'), 'saved');
  writeFileSync(join(folder, 'meanwhile'), '');
}

/** Everything was done and told, the save once; gives the states of the link since it fell asleep. */
async function wakeUp(t: TestContext, { words, pid, folder }: Sleeper): Promise<string[]> {
  process.kill(pid, 'SIGCONT');
  const has = (word: SleeperWord['word']) => words.some((one) => one.word === word);
  const knows = (path: string) => words.some((one) => one.word === 'changed' && one.path === path);
  await until(t, () => has('read') && has('saved') && knows(join(folder, 'meanwhile')));
  const outcomes = words.flatMap((one) => ('outcome' in one ? [`${one.word} ${one.outcome}`] : []));
  assert.deepEqual(outcomes.sort(), ['read content', 'saved ok']);
  return words.flatMap((one) => (one.word === 'state' ? [`${one.state} ${one.reason}`.trim()] : []));
}

test('a client that sleeps while its link lives goes on over it, and nothing it waits for is overdue', {
  timeout: 60_000,
}, async (t) => {
  const sleeper = await startSleeper(t);
  await fallAsleep(t, sleeper);
  sleeper.proxy.flow('down');
  await delay(SLEEP_MS);
  assert.deepEqual(await wakeUp(t, sleeper), []);
});

test('a client whose link died silently while it slept makes a new one without waiting for the old one', {
  timeout: 60_000,
}, async (t) => {
  const sleeper = await startSleeper(t);
  await fallAsleep(t, sleeper);
  sleeper.proxy.freeze();
  await delay(SLEEP_MS);
  const states = await wakeUp(t, sleeper);
  // An attempt over the old connection would fail, and be told in between.
  assert.equal(states.length, 2, states.join('; '));
  assert.match(states[0] ?? '', /^reconnecting .*nothing was heard/);
  assert.equal(states[1], 'connected');
});

test('a client that the server gave up while it slept resumes', { timeout: 60_000 }, async (t) => {
  const sleeper = await startSleeper(t, { ClientAliveInterval: '1', ClientAliveCountMax: '1' });
  await fallAsleep(t, sleeper);
  await until(t, () => sleeper.sshd.connections().length === 0);
  sleeper.proxy.reset();
  const states = await wakeUp(t, sleeper);
  assert.deepEqual(
    states.map((state) => state.split(' ')[0]),
    ['reconnecting', 'connected'],
  );
});
