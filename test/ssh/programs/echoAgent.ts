// An agent with no filesystem behind it: it answers every byte with itself. Bundled by the tests that start it.
import { runConnect } from '../../../src/agent/daemon/connect';
import { runDaemon } from '../../../src/agent/daemon/daemon';
import { parseConnectOptions, parseDaemonOptions } from '../../../src/agent/daemon/options';

async function main([verb, ...args]: string[]): Promise<void> {
  if (verb === 'connect') return runConnect(parseConnectOptions(args, __filename));
  return runDaemon(
    parseDaemonOptions(args),
    (channel) => channel.pipe(channel),
    () => false,
  );
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);
