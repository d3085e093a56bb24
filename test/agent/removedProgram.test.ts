// A daemon whose program is taken away: by a cleaner of caches, or by the user.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { readGreeting } from '../../src/agent/daemon/greeting';
import { libcFlavour } from '../../src/agent/libc/native';
import { connectVfs } from '../../src/client/connect';
import { isAlive, stopProcess } from '../fixtures/processes';

const DIST = resolve(__dirname, '../../dist');

/** The built agent with its native module, in a folder of its own as on a host. */
function install(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-removed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'program');
  const run = join(folder, 'run');
  for (const made of [program, run]) mkdirSync(made, { mode: 0o700 });
  cpSync(join(DIST, 'agent.js'), join(program, 'agent.cjs'));
  const native = `native/${process.platform}-${process.arch}-${libcFlavour()}/koffi.node`;
  cpSync(join(DIST, native), join(program, 'koffi.node'));
  return { folder, program, run, socket: join(run, 'socket') };
}

function start(t: TestContext, { program, run, socket }: ReturnType<typeof install>, flags: string[] = []) {
  const command = [...flags, join(program, 'agent.cjs'), 'daemon', '--socket', socket];
  const daemon = spawn(process.execPath, command, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: run, XDG_DATA_HOME: run },
  });
  const { pid } = daemon;
  if (pid === undefined) throw new Error('the daemon cannot be started');
  t.after(() => stopProcess(pid));
  let said = '';
  daemon.stderr?.on('data', (text) => {
    said += text;
  });
  return { daemon, pid, ready: once(daemon.stdio[3] as Readable, 'data'), said: () => said };
}

test('as soon as a daemon says that it listens, it needs its program no more', {
  timeout: 30_000,
}, async (t) => {
  const place = install(t);
  const { pid, ready } = start(t, place);
  await ready;
  rmSync(place.program, { recursive: true });
  const vfs = await connectVfs({
    rung: 'daemon',
    reason: 'a test',
    openChannel: async () => {
      const socket = createConnection(place.socket);
      await readGreeting(socket);
      return socket;
    },
    dispose: () => {},
  });
  t.after(() => vfs.dispose());
  const heard = new Promise<string>((resolve) => {
    const watch = vfs.watch(place.folder, { recursive: true }, ([change]) => resolve(change?.path ?? ''));
    t.after(() => watch.dispose());
    void watch.ready.then(() => writeFileSync(join(place.folder, 'new'), ''));
  });
  assert.equal(await heard, join(place.folder, 'new'));
  assert.ok(isAlive(pid));
});

test('a daemon whose program goes while it is being loaded does not start, says why, and leaves no socket', {
  timeout: 30_000,
}, async (t) => {
  const place = install(t);
  // Runs in every thread before the program does: the second thread finds nothing.
  const trap = join(place.folder, 'trap.cjs');
  const remove = `require('node:fs').rmSync(${JSON.stringify(place.program)}, { recursive: true, force: true })`;
  writeFileSync(trap, `if (!require('node:worker_threads').isMainThread) ${remove};`);
  const { daemon, said } = start(t, place, ['--require', trap]);
  const [code] = await once(daemon, 'exit');
  assert.equal(code, 1);
  assert.match(said(), /livemount agent: .*agent\.cjs/);
  assert.equal(existsSync(place.socket), false);
});
