import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { readGreeting } from '../../src/agent/daemon/greeting';
import { type ConnectOptions, connectVfs } from '../../src/client/connect';
import type { Link } from '../../src/client/session/link';
import type { Vfs } from '../../src/client/vfs';
import { DisposableStore, onDispose } from '../../src/base/dispose';
import { ErrnoError } from '../../src/protocol/errno';
import { stopProcess } from '../fixtures/processes';
import { TcpProxy } from '../fixtures/proxy';

/** The agent's daemon, as a process of its own, and a folder. What is missing to a host is SSH: a cut costs a millisecond. */
export interface DaemonHost {
  readonly folder: string;
  readonly pid: number;
  /** A client through a proxy of its own. It ends with the test, before the daemon does. */
  connect(options: ConnectOptions, prepare?: (proxy: TcpProxy) => void): Promise<Client>;
}

export interface Client {
  readonly vfs: Vfs;
  readonly proxy: TcpProxy;
}

export async function startDaemonHost(t: TestContext): Promise<DaemonHost> {
  const owned = new DisposableStore();
  t.after(() => owned.dispose());
  const own = (dispose: () => void) => owned.add(onDispose(dispose));
  const folder = mkdtempSync(join(tmpdir(), 'livemount-cuts-'));
  own(() => rmSync(folder, { recursive: true, force: true }));
  const run = mkdtempSync(join(tmpdir(), 'livemount-run-'));
  own(() => rmSync(run, { recursive: true, force: true }));
  const socket = join(run, 'socket');
  const agent = resolve(__dirname, '../../dist/agent.js');
  const log = openSync(join(run, 'log'), 'a');
  const daemon = spawn(process.execPath, [agent, 'daemon', '--socket', socket, '--grace', '60'], {
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: run, XDG_DATA_HOME: run },
  });
  closeSync(log);
  const { pid } = daemon;
  if (pid === undefined) throw new Error('the daemon cannot be started');
  own(() => stopProcess(pid));
  await once(daemon.stdio[3] as Readable, 'data');
  const connect: DaemonHost['connect'] = async (options, prepare) => {
    const proxy = owned.add(await TcpProxy.start({ targetPath: socket }));
    prepare?.(proxy);
    return { proxy, vfs: owned.add(await connectVfs(new ProxiedLink(proxy), { graceS: 60, ...options })) };
  };
  // Another window that is open all the time: what is tested is the link, not how a watch begins.
  const { vfs } = await connect({});
  await vfs.watch(folder, { recursive: true }, () => {}).ready;
  return { folder, pid, connect };
}

/** Channels through a proxy, one connection each. */
class ProxiedLink implements Link {
  readonly rung = 'daemon';
  readonly reason = 'a test';

  constructor(private readonly proxy: TcpProxy) {}

  async openChannel(signal?: AbortSignal): Promise<Duplex> {
    const socket = createConnection({ port: this.proxy.port, host: '127.0.0.1', noDelay: true });
    const abort = () => socket.destroy(new ErrnoError('ECANCELED'));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await readGreeting(socket);
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  dispose(): void {}
}
