import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import type { Connect } from '../../src/cli/context';
import { runProgram } from '../../src/cli/program';
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

/** Runs the program with these arguments against a tree in memory. */
export function runWith(
  vfs: MemoryVfs | Connect,
  args: readonly string[],
  stdin: Readable = Readable.from([]),
): Run {
  const stdout = new PassThrough();
  const said: string[] = [];
  const interrupt = new AbortController();
  const code = runProgram({
    args,
    stdin,
    stdout,
    say: (line) => said.push(line),
    interrupt: interrupt.signal,
    connect: typeof vfs === 'function' ? vfs : async () => vfs,
    version: '1.2.3',
    isInteractive: false,
  });
  const chunks: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const printed = () => Buffer.concat(chunks).toString();
  return {
    code,
    stdout,
    said,
    interrupt: () => interrupt.abort(),
    printed,
    async output() {
      await code;
      stdout.end();
      if (!stdout.readableEnded) await once(stdout, 'end');
      return printed();
    },
  };
}
