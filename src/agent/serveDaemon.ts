import { AgentServer } from './agentServer';
import { runDaemon } from './daemon/daemon';
import { parseDaemonOptions } from './daemon/options';
import { peerUid } from './libc/peer';
import { loginOf } from './processes/login';
import { parseBackend } from './serveOptions';

/** `agent.js daemon`: serves the whole host to all windows of this user until its last session has been gone long enough. */
export async function serveDaemon(args: readonly string[]): Promise<number> {
  const options = parseDaemonOptions(args);
  const log = (message: string) => process.stderr.write(`${new Date().toISOString()} ${message}\n`);
  // The log is what can best be missed on a disk that is full; without this a line that has no room ends the process.
  process.stderr.on('error', () => {});
  const agent = new AgentServer({
    root: Buffer.from('/'),
    cache: 'none',
    backend: parseBackend(process.env.LIVEMOUNT_BACKEND),
    graceS: options.graceS,
    processes: {
      login: () => loginOf(process.env),
      folder: `${options.socketPath.replace(/\.sock$/, '')}.d`,
      lmCommand: [process.execPath, process.argv[1] ?? '', 'lm'],
    },
    log,
  });
  try {
    // Whoever cleans up may take the program's folder from under a daemon at any time; who is told it listens has all of it.
    await agent.ready();
    void agent.recover();
    await runDaemon(
      options,
      (channel) =>
        void agent.server.accept(channel).then((error) => {
          if (error !== undefined) log(`a channel ended: ${error.message}`);
        }),
      () => agent.isNeeded,
      peerUid,
    );
  } finally {
    await agent.close();
  }
  return 0;
}
