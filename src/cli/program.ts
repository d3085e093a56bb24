import { setMaxListeners } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type Clock, systemClock } from '../base/clock';
import { fitTerminalLine } from '../base/fitToShow';
import type { HostCleaning } from '../ssh/agent/clean';
import { coloursFor } from './colours';
import { type CommandLine, parseCommandLine } from './commandLine';
import { COMMANDS, type CommandName, isCommand, type Topic } from './commandTable';
import { ExitCode } from './commands/types';
import { completionScript } from './completion';
import type { Connect, ConnectForMount, ConnectRequest, Context } from './context';
import { errorDetails, errorLine } from './errors';
import { commandHelp, generalHelp, usage } from './help';
import { manualPage } from './manual';
import { Meter, type Screen } from './meter';
import type { LocalTerminal } from './localTerminal';
import type { Flags } from './options';
import { Output } from './output';
import { UsageError } from './usageError';

/** What the program has of its process. */
export interface Surroundings {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly terminal?: LocalTerminal | undefined;
  /** Standard error as a terminal, where progress can be drawn; undefined if it is none. */
  readonly screen: Screen | undefined;
  /** Writes one line for people. */
  readonly say: (line: string) => void;
  /** Aborted when the user interrupts; the reason may be an Interrupted. */
  readonly interrupt: AbortSignal;
  readonly connect: Connect;
  readonly connectForMount: ConnectForMount;
  readonly cleaning: (request: ConnectRequest) => Promise<HostCleaning>;
  /** The hosts that the SSH configuration names. */
  readonly hosts: (configFile: string | undefined) => readonly string[];
  readonly version: string;
  /** Asks on the terminal; undefined where there is none. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
  /** A window asks its user for this program, so nobody has to be told of a terminal. */
  readonly isAskedFor?: boolean;
  readonly clock?: Clock;
}

/** Signals that end the program, with their numbers (signal(7)): a shell calls such an end 128 + number. */
const INTERRUPTS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
export type InterruptName = keyof typeof INTERRUPTS;
export const INTERRUPT_NAMES = Object.keys(INTERRUPTS) as InterruptName[];

/** Why a command was given up: the signal that came. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(readonly signal: InterruptName) {
    super('interrupted');
  }

  get exitCode(): number {
    return 128 + INTERRUPTS[this.signal];
  }
}

/** Runs one command line; never rejects. The result is the exit status. */
export async function runProgram(surroundings: Surroundings): Promise<number> {
  const { args, stdout, interrupt } = surroundings;
  const ending = new AbortController();
  const signal = AbortSignal.any([interrupt, ending.signal]);
  // Each request under way listens to it; they are bounded elsewhere, and leave.
  setMaxListeners(0, signal);
  const output = new Output(stdout, () => ending.abort());
  const meter = new Meter(surroundings.screen, surroundings.clock ?? systemClock);
  const say = (line: string) => {
    meter.clear();
    surroundings.say(fitTerminalLine(line));
  };
  try {
    const line = parseCommandLine(args);
    const code = await perform(line, surroundings, { output, meter, say, signal });
    await output.flush();
    return interrupt.aborted ? interruptCode(interrupt) : code;
  } catch (error) {
    if (error instanceof UsageError) {
      say(`livemount: ${error.message}`);
      for (const text of usage(commandIn(args)).split('\n')) say(text);
      return ExitCode.USAGE;
    }
    // A reader that has enough, as of `| head`, is no failure; what it made us give up is none either.
    if (ending.signal.aborted) return ExitCode.OK;
    if (interrupt.aborted) {
      say('livemount: interrupted');
      return interruptCode(interrupt);
    }
    sayFailure(error, surroundings, say, verbosityIn(args));
    return ExitCode.FAILED;
  }
}

interface Means {
  readonly output: Output;
  readonly meter: Meter;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

async function perform(
  line: CommandLine,
  surroundings: Surroundings,
  { output, meter, say, signal }: Means,
): Promise<number> {
  switch (line.kind) {
    case 'version':
      await output.write(`livemount ${surroundings.version}\n`);
      return ExitCode.OK;
    case 'help':
      await output.write(line.command === undefined ? generalHelp() : commandHelp(line.command));
      return ExitCode.OK;
    case 'topic':
      await output.write(topicText(line.topic, line.word, line.flags, surroundings));
      return ExitCode.OK;
    case 'run': {
      const { command, flags, operands } = line;
      const { args, stdin, stderr, terminal, connect, connectForMount, cleaning, confirm, env } =
        surroundings;
      const level = flags.verbose?.length ?? 0;
      const context: Context = {
        flags,
        stdin,
        stdout: output,
        stderr: new Output(stderr, () => undefined),
        terminal,
        env,
        colours: coloursFor(output.isTerminal, env),
        meter,
        signal,
        connect,
        connectForMount,
        args,
        cleaning,
        confirm,
        say: (text) => say(`livemount: ${text}`),
        sayFailure: (error) => sayFailure(error, surroundings, say, level),
        log: (wanted, text) => {
          if (level >= wanted) say(`livemount: ${text}`);
        },
      };
      return COMMANDS[command].run(context, operands);
    }
  }
}

function topicText(
  topic: Topic,
  word: string | undefined,
  flags: Flags,
  { version, hosts }: Surroundings,
): string {
  switch (topic) {
    case 'completion':
      return completionScript(word);
    case 'manual':
      return manualPage(version);
    case 'hosts':
      return hosts(flags['ssh-config'])
        .map((host) => `${fitTerminalLine(host)}\n`)
        .join('');
  }
}

function sayFailure(
  error: unknown,
  { confirm, isAskedFor = false }: Surroundings,
  say: (line: string) => void,
  level: number,
): void {
  say(`livemount: ${errorLine(error, isAskedFor || confirm !== undefined)}`);
  const details = level > 0 ? errorDetails(error) : undefined;
  if (details !== undefined) say(`livemount: (${details})`);
}

function interruptCode({ reason }: AbortSignal): number {
  return (reason instanceof Interrupted ? reason : new Interrupted('SIGINT')).exitCode;
}

function commandIn(args: readonly string[]): CommandName | undefined {
  return args.find((word): word is CommandName => isCommand(word));
}

/** For a command line whose options could not be read, or a failure beyond its command. */
function verbosityIn(args: readonly string[]): number {
  return args.filter((word) => word === '--verbose' || /^-v+$/.test(word)).length;
}
