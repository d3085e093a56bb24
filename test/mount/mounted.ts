import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { DisposableStore, onDispose } from '../../src/base/dispose';
import { isAlive, stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';
import type { ServeOptions } from './serve';

const ROOT = resolve(__dirname, '../..');

/** A mount that a process of its own serves. */
export interface Served {
  /** Where it is mounted. */
  readonly at: string;
  readonly process: ChildProcess;
  /** Asks the serving process something; gives its line. */
  ask(question: string): Promise<string>;
  /** What the serving process said for people. */
  said(): string;
  /** Unmounts; throws where the serving process did not end well, or complained. */
  unmount(): Promise<void>;
}

/** The agent's daemon as a process of its own, and mounts of what it serves. Everything goes when the test ends. */
export interface Ground {
  /** A folder of the test's own, on the host and beside it. */
  readonly folder: string;
  readonly daemon: () => number;
  /** The daemon dies and another one takes its place; `between` runs when there is none. */
  restartDaemon(between?: () => void): Promise<void>;
  /** A link of its own for a mount. It runs in this process, so what works in the mount must be another one. */
  proxy(): Promise<TcpProxy>;
  mount(path: string, options?: ServeOptions, proxy?: TcpProxy): Promise<Served>;
  /** The same at a directory that is there. */
  mountAt(path: string, at: string): Promise<Served>;
}

export async function ground(t: Pick<TestContext, 'after'>): Promise<Ground> {
  const owned = new DisposableStore();
  t.after(() => owned.dispose());
  const own = (dispose: () => void) => owned.add(onDispose(dispose));
  const folder = mkdtempSync(join(tmpdir(), 'livemount-live-'));
  own(() => rmSync(folder, { recursive: true, force: true }));
  const run = mkdtempSync(join(tmpdir(), 'livemount-run-'));
  own(() => rmSync(run, { recursive: true, force: true }));
  const socket = join(run, 'socket');
  let pid = await startDaemon(socket, run);
  own(() => stopProcess(pid));
  let mounts = 0;
  return {
    folder,
    daemon: () => pid,
    async restartDaemon(between = () => undefined) {
      stopProcess(pid, 'SIGKILL');
      while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
      between();
      rmSync(socket, { force: true });
      pid = await startDaemon(socket, run);
    },
    proxy: async () => owned.add(await TcpProxy.start({ targetPath: socket })),
    async mount(path, options = {}, proxy) {
      const at = join(run, `mount-${mounts++}`);
      mkdirSync(at);
      return serve(path, at, proxy === undefined ? socket : String(proxy.port), options, own);
    },
    mountAt: (path, at) => serve(path, at, socket, {}, own),
  };
}

async function startDaemon(socket: string, run: string): Promise<number> {
  const log = openSync(join(run, 'log'), 'a');
  const agent = join(ROOT, 'dist/agent.js');
  const daemon = spawn(process.execPath, [agent, 'daemon', '--socket', socket, '--grace', '60'], {
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: run, XDG_DATA_HOME: run },
  });
  closeSync(log);
  if (daemon.pid === undefined) throw new Error('the daemon cannot be started');
  await Promise.race([
    once(daemon.stdio[3] as Readable, 'data'),
    once(daemon, 'exit').then(() => {
      throw new Error(`the daemon ended: ${readFileSync(join(run, 'log'), 'utf8')}`);
    }),
  ]);
  return daemon.pid;
}

async function serve(
  path: string,
  at: string,
  where: string,
  options: ServeOptions,
  own: (dispose: () => void) => unknown,
): Promise<Served> {
  const program = join(__dirname, 'serve.ts');
  const args = ['--import', 'tsx', program, where, path, at, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  // Whatever a test left: nobody may wait for a mount that nobody serves.
  own(() => {
    spawnSync('umount', ['-l', at], { stdio: 'ignore' });
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout });
  const next = nextLine(lines);
  const first = await Promise.race([next(), once(child, 'exit').then(() => 'ended')]);
  if (first !== 'mounted') throw new Error(`not mounted (${first}): ${said}`);
  return {
    at,
    process: child,
    said: () => said,
    ask(question) {
      child.stdin.write(`${question}\n`);
      return next();
    },
    async unmount() {
      const done = spawnSync('umount', [at], { encoding: 'utf8' });
      if (done.status !== 0) throw new Error(`umount: ${done.stderr}`);
      if (child.exitCode === null) await once(child, 'exit');
      if (child.exitCode !== 0 || said !== '') throw new Error(`it ended with ${child.exitCode}: ${said}`);
    },
  };
}

function nextLine(lines: Interface): () => Promise<string> {
  const waiting: ((line: string) => void)[] = [];
  const come: string[] = [];
  lines.on('line', (line) => {
    const waiter = waiting.shift();
    if (waiter) waiter(line);
    else come.push(line);
  });
  return () => {
    const line = come.shift();
    return line === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(line);
  };
}
