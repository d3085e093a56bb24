import { parseArgs } from 'node:util';
import { COMMANDS, type CommandName, isCommand } from './commandTable';
import { COMMON_OPTIONS, type Flags, OPTIONS, type OptionName, type OptionSpec } from './options';
import { UsageError } from './usageError';

/** A command line that was understood. */
export type CommandLine =
  | {
      readonly kind: 'run';
      readonly command: CommandName;
      readonly flags: Flags;
      readonly operands: readonly string[];
    }
  | { readonly kind: 'help'; readonly command: CommandName | undefined }
  | { readonly kind: 'version' };

/** Reads the arguments behind the program's name. UsageError, with the command it concerns, for what is not in the tables. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { flags, words } = parseWords(args);
  const [name, ...operands] = words;
  if (flags.version) return { kind: 'version' };
  if (name === 'help')
    return { kind: 'help', command: operands[0] === undefined ? undefined : known(operands[0]) };
  if (name === undefined) {
    if (flags.help) return { kind: 'help', command: undefined };
    throw new UsageError('a command is missing');
  }
  const command = known(name);
  if (flags.help) return { kind: 'help', command };
  checkOptions(command, flags);
  checkOperands(command, operands);
  return { kind: 'run', command, flags, operands };
}

function known(name: string): CommandName {
  if (!isCommand(name)) throw new UsageError(`there is no command ${JSON.stringify(name)}`);
  return name;
}

function parseWords(args: readonly string[]): { flags: Flags; words: readonly string[] } {
  const specs: Record<string, OptionSpec> = OPTIONS;
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short !== undefined && { short }), ...(multiple === true && { multiple }) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
    });
    for (const [name, value] of Object.entries(values)) {
      const words = specs[name]?.values;
      if (words !== undefined && !words.includes(`${value}`)) {
        throw new UsageError(`--${name} takes one of ${words.join(', ')}, not ${JSON.stringify(value)}`);
      }
    }
    // Names, kinds and words are the table's, as just checked.
    return { flags: { ...values } as Flags, words: positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** The options a command takes, its own first. */
export function optionsOf(command: CommandName): readonly OptionName[] {
  return [...COMMANDS[command].options, ...COMMON_OPTIONS];
}

function checkOptions(command: CommandName, flags: Flags): void {
  const accepted = optionsOf(command);
  for (const name of Object.keys(flags) as OptionName[]) {
    if (!accepted.includes(name)) throw new UsageError(`${command} takes no --${name}`);
  }
}

function checkOperands(command: CommandName, operands: readonly string[]): void {
  const wanted = COMMANDS[command].operands;
  if (operands.length !== wanted.length) {
    throw new UsageError(`${command} takes ${wanted.join(' ')}; ${operands.length} words were given`);
  }
}
