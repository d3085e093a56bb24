// A TcpProxy in a process of its own, so that what it does is not done by what is measured.
// As a program: `proxyProcess.ts TARGET_PORT`; sends its port, takes delays in ms.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Disposable } from '../../src/base/dispose';
import { TcpProxy } from '../../test/fixtures/proxy';

export class ProxyProcess implements Disposable {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(targetPort: number): Promise<ProxyProcess> {
    const child = fork(__filename, [`${targetPort}`], { execArgv: ['--import', 'tsx'] });
    const [port] = (await once(child, 'message')) as [number];
    return new ProxyProcess(child, port);
  }

  /** Half of the round trip that is added from now on, in ms; resolves when it is. */
  async delay(oneWayMs: number): Promise<void> {
    const set = once(this.child, 'message');
    this.child.send(oneWayMs);
    await set;
  }

  dispose(): void {
    this.child.kill();
  }
}

async function serve(targetPort: number): Promise<void> {
  const proxy = await TcpProxy.start({ targetPort });
  process.on('message', (oneWayMs: number) => {
    proxy.delay = oneWayMs;
    process.send?.(proxy.port);
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.(proxy.port);
}

const [targetPort] = process.argv.slice(2);
if (require.main === module && targetPort !== undefined) void serve(Number(targetPort));
