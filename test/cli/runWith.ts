import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import type { Connect } from '../../src/cli/context';
import { Interrupted, runProgram } from '../../src/cli/program';
import { asError } from '../../src/base/errors';
import type { Clock } from '../../src/base/clock';
import type { Screen } from '../../src/cli/meter';
import type { HostCleaning } from '../../src/ssh/agent/clean';
import type { MemoryVfs } from './memoryVfs';

/** A run of the program inside the test. */
export interface Run {
  readonly code: Promise<number>;
  readonly stdout: PassThrough;
  /** What was said to people so far. */
  readonly said: readonly string[];
  interrupt(): void;
  /** Standard output so far. */
  printed(): string;
  /** All of standard output, once the program has ended. */
  output(): Promise<string>;
}

/** What a test says of the program's surroundings besides. */
export interface Surrounding {
  readonly isTerminal?: boolean;
  readonly screen?: Screen;
  readonly clock?: Clock;
  readonly cleaning?: HostCleaning;
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** Where the host of these tests says that the user's home folder is. */
export const HOME = '/home/me';

/** Runs the program with these arguments against a tree in memory. */
export function runWith(
  vfs: MemoryVfs | Connect,
  args: readonly string[],
  stdin: Readable = Readable.from([]),
  more: Surrounding = {},
): Run {
  const stdout = Object.assign(new PassThrough(), { isTTY: more.isTerminal ?? false });
  const said: string[] = [];
  const interrupt = new AbortController();
  const code = runProgram({
    args,
    stdin,
    stdout,
    stderr: new PassThrough().resume(),
    say: (line) => said.push(line),
    interrupt: interrupt.signal,
    env: {},
    screen: more.screen,
    ...(more.clock && { clock: more.clock }),
    connect:
      typeof vfs === 'function'
        ? vfs
        : async () => ({
            vfs,
            home: async () => HOME,
            openTcp: async () => {
              throw asError('no network');
            },
          }),
    connectForMount: () => Promise.reject(new Error('nothing can be mounted from memory')),
    cleaning: async () => {
      if (more.cleaning === undefined) throw asError('nothing to clean');
      return more.cleaning;
    },
    hosts: () => ['box', 'other'],
    version: '1.2.3',
    confirm: more.confirm,
  });
  const chunks: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const printed = () => Buffer.concat(chunks).toString();
  return {
    code,
    stdout,
    said,
    interrupt: () => interrupt.abort(new Interrupted('SIGINT')),
    printed,
    async output() {
      await code;
      stdout.end();
      if (!stdout.readableEnded) await once(stdout, 'end');
      return printed();
    },
  };
}
