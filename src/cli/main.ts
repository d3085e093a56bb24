// The program `livemount`: its process, and nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listHosts } from '../ssh/config/listHosts';
import { isMountThread, runMountThread } from '../mount/kernel/thread';
import { askingWindow } from './askingWindow';
import { isInBackground } from './background';
import { commandOfHelper, isMountHelper } from './mountHelper';
import { cleanHost, connectForMount, connectHost } from './connectHost';
import { localTerminal } from './localTerminal';
import { INTERRUPT_NAMES, Interrupted, runProgram } from './program';
import { rawArguments } from './rawArguments';
import { confirmOnTerminal, hasTerminal } from './ttyPrompter';
import { UsageError } from './usageError';

const interrupt = new AbortController();
const installation = { dist: __dirname, isInteractive: hasTerminal(), window: askingWindow() };
const { version } = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as {
  version: string;
};
const { stderr } = process;

// The bundle is the program of the threads of a mount, too.
if (isMountThread()) runMountThread();
else start();

function start(): void {
  for (const signal of INTERRUPT_NAMES) {
    // A second one ends the program at once, as without us.
    process.once(signal, () => interrupt.abort(new Interrupted(signal)));
  }
  void run().then((code) => {
    process.exitCode = code;
    // Standard input would keep us waiting when the command gave up before its end.
    process.stdin.destroy();
  });
}

async function run(): Promise<number> {
  let args: readonly string[];
  try {
    args = rawArguments(process.argv);
    if (isMountHelper(process.argv[1]) && !isInBackground()) {
      const command = commandOfHelper(args);
      if (command === undefined) return 0;
      args = command;
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`livemount: ${error.message}\n`);
    return 2;
  }
  return runProgram({
    args,
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr,
    terminal: localTerminal(process.stdin, process.stdout),
    screen: stderr.isTTY
      ? {
          get columns() {
            return stderr.columns;
          },
          write: (text) => void stderr.write(text),
        }
      : undefined,
    say: (line) => void stderr.write(`${line}\n`),
    interrupt: interrupt.signal,
    connect: (request) => connectHost(request, installation),
    connectForMount: (request) => connectForMount(request, installation),
    cleaning: (request) => cleanHost(request, installation),
    hosts: (configFile) => listHosts(configFile),
    version,
    confirm: installation.isInteractive ? confirmOnTerminal : undefined,
    isAskedFor: installation.window !== undefined,
  });
}
