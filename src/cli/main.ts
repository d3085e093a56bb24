// The program `livemount`: its process, and nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectHost } from './connectHost';
import { runProgram } from './program';
import { hasTerminal } from './ttyPrompter';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // A second one ends the program at once, as without us.
  process.once(signal, () => interrupt.abort());
}

const isInteractive = hasTerminal();
const { version } = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as {
  version: string;
};

void runProgram({
  args: process.argv.slice(2),
  stdin: process.stdin,
  stdout: process.stdout,
  say: (line) => void process.stderr.write(`${line}\n`),
  interrupt: interrupt.signal,
  connect: (request) => connectHost(request, { dist: __dirname, isInteractive }),
  version,
  isInteractive,
}).then((code) => {
  process.exitCode = code;
  // Standard input would keep us waiting when the command gave up before its end.
  process.stdin.destroy();
});
