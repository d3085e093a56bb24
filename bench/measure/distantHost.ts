import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Disposable, DisposableStore, onDispose } from '../../src/base/dispose';
import { agentFilesIn, loadPayload } from '../../src/ssh/agent/payload';
import { type HostLink, openHost } from '../../src/ssh/host';
import { stopProcess } from '../../test/fixtures/processes';
import { type Sshd, startSshd } from '../../test/fixtures/sshd';
import { ProxyProcess } from './proxyProcess';

/** A real sshd of this machine behind a proxy that delays, and a folder on it. */
export interface DistantHost extends Disposable {
  readonly scratch: string;
  readonly sshd: Sshd;
  readonly proxy: ProxyProcess;
  /** Starts the agent, or finds the one that an earlier link started; it ends with the host. */
  open(alias: string): Promise<HostLink>;
}

/** `alias` leads through the proxy. */
export async function startDistantHost(name: string, alias: string): Promise<DistantHost> {
  const owned = new DisposableStore();
  const scratch = mkdtempSync(join(tmpdir(), `livemount-bench-${name}-`));
  owned.add(onDispose(() => rmSync(scratch, { recursive: true, force: true })));
  try {
    const sshd = owned.add(
      await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${join(scratch, 'cache')}` } }),
    );
    const proxy = owned.add(await ProxyProcess.start(sshd.port));
    sshd.addHost(alias, { Port: `${proxy.port}` });
    const payload = await loadPayload(agentFilesIn(resolve(__dirname, '../../dist')));
    let daemon: number | undefined;
    owned.add(onDispose(() => daemon !== undefined && stopProcess(daemon)));
    const open = async (to: string) => {
      const link = await openHost(to, { configFile: sshd.configFile, payload, graceS: 60 });
      daemon = link.daemon?.pid;
      return link;
    };
    return { scratch, sshd, proxy, open, dispose: () => owned.dispose() };
  } catch (error) {
    owned.dispose();
    throw error;
  }
}
