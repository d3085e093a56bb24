// A live mount in a process of its own, as `livemount mount` is one: whoever works in the mount must not be who serves it.
//   serve.ts SOCKET PATH DIRECTORY [JSON options]; prints "mounted", then obeys lines of standard input.
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { createInterface } from 'node:readline';
import { readGreeting } from '../../src/agent/daemon/greeting';
import { connectTree } from '../../src/client/connect';
import type { Link } from '../../src/client/session/link';
import { openLiveMount } from '../../src/mount/liveMount';
import { normalize } from '../../src/protocol/paths';
import { FEATURE_KERNEL } from '../../src/protocol/livemount';

export interface ServeOptions {
  readonly readOnly?: boolean;
  readonly timeoutS?: number;
  readonly keepaliveMs?: number;
  readonly gatherMs?: number;
}

const [where = '', path = '', directory = '', json = '{}'] = process.argv.slice(2);
const options = JSON.parse(json) as ServeOptions;

/** A port of a proxy, or a socket's path. */
class SocketLink implements Link {
  readonly rung = 'daemon';
  readonly reason = 'a test';
  readonly channels = new Set<Duplex>();

  async openChannel(): Promise<Duplex> {
    const port = Number(where);
    const socket = Number.isNaN(port)
      ? createConnection({ path: where })
      : createConnection({ port, host: '127.0.0.1', noDelay: true });
    await readGreeting(socket);
    return socket;
  }

  dispose(): void {}
}

async function main(): Promise<void> {
  const tree = await connectTree(new SocketLink(), {
    features: FEATURE_KERNEL,
    graceS: 60,
    ...(options.keepaliveMs !== undefined && { keepaliveMs: options.keepaliveMs }),
  });
  const mount = await openLiveMount(tree, {
    path,
    directory,
    source: `test:${path}`,
    readOnly: options.readOnly ?? false,
    timeoutS: options.timeoutS,
    gatherMs: options.gatherMs,
    log: (line) => void process.stderr.write(`${line}\n`),
  });
  process.stdout.write('mounted\n');
  createInterface({ input: process.stdin }).on('line', (line) => {
    if (line === 'state') process.stdout.write(`${tree.state}\n`);
    else if (line === 'leased') process.stdout.write(`${tree.core.fsnotify.watches(normalize(path))}\n`);
    else if (line === 'requests') process.stdout.write(`${tree.core.session.sent}\n`);
  });
  const reason = await mount.ended;
  if (reason !== undefined) process.stderr.write(`${reason}\n`);
  tree.dispose();
  process.exitCode = reason === undefined ? 0 : 1;
  process.stdin.destroy();
}

main().catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
