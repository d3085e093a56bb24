import { isMainThread } from 'node:worker_threads';
import { messageOf } from '../base/errors';
import { ErrnoError } from '../protocol/errno';
import { runConnect } from './daemon/connect';
import { parseConnectOptions } from './daemon/options';
import { exitPastThreads } from './libc/exit';
import { peerUid } from './libc/peer';
import { runFindProcess } from './find/findProcess';
import { runNamesProcess } from './find/namesProcess';
import { isFindThread, runFindThread } from './find/findThread';
import { isPumpWorker, runPumpWorker } from './libc/pumpWorker';
import { runAsRoot } from './asRoot';
import { runLm } from './lm/lm';
import { serveDaemon } from './serveDaemon';
import { serveStdio } from './serveStdio';
import { SERVE_USAGE } from './serveOptions';
import { threadBudget } from './threadBudget';

const USAGE = `usage: ${SERVE_USAGE}
       agent.js connect --id HASH --marker TEXT [--grace SECONDS]
       agent.js as-root --marker TEXT
       agent.js daemon --socket PATH [--grace SECONDS] [--backend NAME]
`;

/** Exit codes: 0 ended well, 1 failed, 2 bad arguments or bytes that are no FUSE. */
async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case 'serve':
      return serveStdio(rest);
    case 'connect':
      await runConnect(parseConnectOptions(rest, __filename), peerUid);
      return 0;
    case 'as-root':
      return runAsRoot(rest);
    case 'lm':
      return runLm(rest);
    case 'daemon':
      return serveDaemon(rest);
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

/** One line on standard error: standard output carries frames only. */
function complain(error: unknown): number {
  process.stderr.write(`livemount agent: ${messageOf(error)}\n`);
  return error instanceof ErrnoError && error.code === 'EINVAL' ? 2 : 1;
}

if (isMainThread && process.argv[2] === 'find' && process.send !== undefined) {
  // Started by the daemon, with a channel to it.
  runFindProcess();
} else if (isMainThread && process.argv[2] === 'names' && process.send !== undefined) {
  runNamesProcess();
} else if (isMainThread) {
  process.env.UV_THREADPOOL_SIZE ??= String(threadBudget());
  main(process.argv.slice(2)).then(
    (code) => exitPastThreads(code),
    (error) => exitPastThreads(complain(error)),
  );
} else if (isPumpWorker()) {
  runPumpWorker();
} else if (isFindThread()) {
  runFindThread();
}
