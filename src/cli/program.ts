import type { Readable, Writable } from 'node:stream';
import { type CommandLine, parseCommandLine } from './commandLine';
import { COMMANDS, type CommandName, isCommand } from './commandTable';
import { ExitCode } from './commands/types';
import type { Connect, Context } from './context';
import { errorLine } from './errors';
import { commandHelp, generalHelp, usage } from './help';
import { Output } from './output';
import { UsageError } from './usageError';

/** What the program has of its process. */
export interface Surroundings {
  readonly args: readonly string[];
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** Writes one line for people. */
  readonly say: (line: string) => void;
  /** Aborted when the user interrupts. */
  readonly interrupt: AbortSignal;
  readonly connect: Connect;
  readonly version: string;
  /** There is a terminal on which to ask the user. */
  readonly isInteractive: boolean;
}

/** Runs one command line; never rejects. The result is the exit status. */
export async function runProgram(surroundings: Surroundings): Promise<ExitCode> {
  const { args, say, stdout, interrupt, isInteractive } = surroundings;
  const ending = new AbortController();
  const signal = AbortSignal.any([interrupt, ending.signal]);
  const output = new Output(stdout, () => ending.abort());
  try {
    const line = parseCommandLine(args);
    const code = await perform(line, surroundings, output, signal);
    await output.flush();
    return code;
  } catch (error) {
    if (error instanceof UsageError) {
      say(`livemount: ${error.message}`);
      say(usage(commandIn(args)));
      return ExitCode.USAGE;
    }
    // A reader that has enough, as of `| head`, is no failure; what it made us give up is none either.
    if (ending.signal.aborted) return ExitCode.OK;
    if (interrupt.aborted) return interrupted(args, say);
    say(`livemount: ${errorLine(error, isInteractive)}`);
    return ExitCode.FAILED;
  }
}

async function perform(
  line: CommandLine,
  surroundings: Surroundings,
  stdout: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  switch (line.kind) {
    case 'version':
      await stdout.write(`livemount ${surroundings.version}\n`);
      return ExitCode.OK;
    case 'help':
      await stdout.write(line.command === undefined ? generalHelp() : commandHelp(line.command));
      return ExitCode.OK;
    case 'run': {
      const { command, flags, operands } = line;
      const { stdin, say, connect } = surroundings;
      const level = flags.verbose?.length ?? 0;
      const context: Context = {
        flags,
        stdin,
        stdout,
        signal,
        connect,
        say: (text) => say(`livemount: ${text}`),
        log: (wanted, text) => {
          if (level >= wanted) say(`livemount: ${text}`);
        },
      };
      return COMMANDS[command].run(context, operands);
    }
  }
}

/** Ending `watch` is what an interrupt is for; anything else was not finished. */
function interrupted(args: readonly string[], say: (line: string) => void): ExitCode {
  if (commandIn(args) === 'watch') return ExitCode.OK;
  say('livemount: interrupted');
  return ExitCode.FAILED;
}

function commandIn(args: readonly string[]): CommandName | undefined {
  return args.find((word): word is CommandName => isCommand(word));
}
