import { COMMANDS, type CommandName, isCommand, TOPICS, type Topic } from './commandTable';
import type { Command } from './commands/types';
import { COMMON_OPTIONS, type Flags, isOption, OPTIONS, type OptionName, type OptionSpec } from './options';
import { didYouMean } from './suggestion';
import { UsageError } from './usageError';

/** A command line that was understood. */
export type CommandLine =
  | {
      readonly kind: 'run';
      readonly command: CommandName;
      readonly flags: Flags;
      readonly operands: readonly string[];
    }
  | {
      readonly kind: 'topic';
      readonly topic: Topic;
      readonly word: string | undefined;
      readonly flags: Flags;
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
  if (Object.hasOwn(TOPICS, name)) {
    return { kind: 'topic', topic: name as Topic, word: operands[0], flags };
  }
  const command = known(name);
  if (flags.help) return { kind: 'help', command };
  checkOptions(command, flags);
  checkOperands(command, operands);
  return { kind: 'run', command, flags, operands };
}

function known(name: string): CommandName {
  if (isCommand(name)) return name;
  const words = [...Object.keys(COMMANDS), ...Object.keys(TOPICS), 'help'];
  throw new UsageError(`there is no command ${JSON.stringify(name)}${didYouMean(name, words)}`);
}

/** Flags as they are gathered, by name. */
type Gathered = Record<string, boolean | string | (boolean | string)[]>;

/** Options and words, in any order; behind `--` all are words. A letter may mean something of its own behind its command. */
function parseWords(args: readonly string[]): { flags: Flags; words: readonly string[] } {
  const flags: Gathered = {};
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? '';
    if (argument === '--') {
      words.push(...args.slice(at + 1));
      break;
    }
    const next = () => args[++at];
    if (argument.startsWith('--')) takeLong(flags, argument.slice(2), next);
    else if (argument.startsWith('-') && argument !== '-')
      takeLetters(flags, argument.slice(1), words[0], next);
    else words.push(argument);
  }
  // Names, kinds and words are the table's, as just checked.
  return { flags: flags as Flags, words };
}

function takeLong(flags: Gathered, text: string, next: () => string | undefined): void {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  const attached = at < 0 ? undefined : text.slice(at + 1);
  if (!isOption(name)) {
    throw new UsageError(`there is no option --${name}${didYouMean(name, Object.keys(OPTIONS), '--')}`);
  }
  const spec: OptionSpec = OPTIONS[name];
  if (spec.type === 'boolean') {
    if (attached !== undefined) throw new UsageError(`--${name} takes no value`);
    put(flags, name, spec, true);
  } else {
    put(flags, name, spec, valueGiven(`--${name}`, spec, attached ?? next()));
  }
}

function takeLetters(
  flags: Gathered,
  letters: string,
  command: string | undefined,
  next: () => string | undefined,
): void {
  const own = command !== undefined && isCommand(command) ? letterTable(command) : commonLetters;
  for (let rest = letters; rest !== ''; ) {
    const [letter = ''] = rest;
    rest = rest.slice(letter.length);
    const name = own.get(letter) ?? everyLetter.get(letter);
    if (name === undefined) throw new UsageError(`there is no option -${letter}`);
    const spec: OptionSpec = OPTIONS[name];
    if (spec.type === 'boolean') {
      put(flags, name, spec, true);
      continue;
    }
    put(flags, name, spec, valueGiven(`-${letter}`, spec, rest === '' ? next() : rest));
    return;
  }
}

function valueGiven(spelled: string, { values, argument }: OptionSpec, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`${spelled} takes ${argument ?? 'a value'}`);
  if (values !== undefined && !values.includes(value)) {
    const hint = didYouMean(value, values);
    throw new UsageError(`${spelled} takes one of ${values.join(', ')}, not ${JSON.stringify(value)}${hint}`);
  }
  return value;
}

function put(flags: Gathered, name: OptionName, { multiple }: OptionSpec, value: boolean | string): void {
  const before = flags[name];
  if (multiple !== true) flags[name] = value;
  else if (Array.isArray(before)) before.push(value);
  else flags[name] = [value];
}

/** The letter by which a command takes an option, if it has one. */
export function letterOf(option: OptionName, command?: CommandName): string | undefined {
  const { short }: OptionSpec = OPTIONS[option];
  if (command === undefined) return short;
  const letters: Command['letters'] = (COMMANDS[command] as Command).letters;
  const own = letters?.[option];
  if (own !== undefined) return own;
  // It means another option of this command.
  return short !== undefined && Object.values(letters ?? {}).includes(short) ? undefined : short;
}

const commonLetters = lettersOf([...COMMON_OPTIONS, 'version']);
const everyLetter = lettersOf(Object.keys(OPTIONS) as OptionName[]);

function letterTable(command: CommandName): ReadonlyMap<string, OptionName> {
  return lettersOf(optionsOf(command), command);
}

function lettersOf(options: readonly OptionName[], command?: CommandName): ReadonlyMap<string, OptionName> {
  const letters = new Map<string, OptionName>();
  for (const option of options) {
    const letter = letterOf(option, command);
    if (letter !== undefined) letters.set(letter, option);
  }
  return letters;
}

/** The options a command takes, its own first. */
export function optionsOf(command: CommandName): readonly OptionName[] {
  return [...COMMANDS[command].options, ...COMMON_OPTIONS];
}

function checkOptions(command: CommandName, flags: Flags): void {
  const accepted = optionsOf(command);
  for (const name of Object.keys(flags) as OptionName[]) {
    if (accepted.includes(name)) continue;
    const { short }: OptionSpec = OPTIONS[name];
    const letter = short === undefined ? '' : ` (-${short})`;
    throw new UsageError(`${command} takes no --${name}${letter}${didYouMean(name, accepted, '--')}`);
  }
}

function checkOperands(command: CommandName, operands: readonly string[]): void {
  const wanted = (COMMANDS[command] as Command).operands;
  const least = wanted.filter(({ optional }) => optional !== true).length;
  const most = wanted.some(({ many }) => many === true) ? Number.POSITIVE_INFINITY : wanted.length;
  if (operands.length >= least && operands.length <= most) return;
  const given =
    operands.length === 0
      ? 'none was given'
      : operands.length === 1
        ? 'one word was given'
        : `${operands.length} words were given`;
  throw new UsageError(`${command} takes ${operandWords(command).join(' ')}; ${given}`);
}

/** A command's operands as the usage shows them. */
export function operandWords(command: CommandName): string[] {
  return (COMMANDS[command] as Command).operands.map(({ word, many, optional }) => {
    const shown = many === true ? `${word}...` : word;
    return optional === true ? `[${shown}]` : shown;
  });
}
