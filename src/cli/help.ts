import { letterOf, operandWords, optionsOf } from './commandLine';
import { COMMANDS, type CommandName, TOPICS } from './commandTable';
import { type Command, ExitCode } from './commands/types';
import { COMMON_OPTIONS, OPTIONS, type OptionName, type OptionSpec } from './options';

/** Every terminal has as many columns. */
const WIDTH = 80;

export const DESCRIPTION = 'Works on the folders of another machine over SSH, and tells what changes there.';
export const PLACES =
  'HOST is an alias of your SSH configuration, or [user@]name[:port]; an IPv6 address with a port stands in brackets. PATH is absolute, or below your home folder there, as with scp: `build:`, `build:src`, `build:~/src`.';
export const STATUSES = `Exit status: ${ExitCode.OK} done, ${ExitCode.FAILED} failed, ${ExitCode.USAGE} the command line was not understood, ${ExitCode.CONFLICT} put found another file than expected and wrote nothing, 130 interrupted by Ctrl-C.`;

/** The program's help: all commands, and the options they share. */
export function generalHelp(): string {
  const commands = (Object.keys(COMMANDS) as CommandName[]).map((name) => ({
    left: [name, ...operandWords(name)].join(' '),
    right: COMMANDS[name].summary,
  }));
  const topics = Object.entries(TOPICS).map(([name, { words, summary }]) => ({
    left: [name, words.join('|')].join(' ').trim(),
    right: summary,
  }));
  return [
    'usage: livemount COMMAND [OPTION]... OPERAND...',
    '',
    ...paragraph(DESCRIPTION),
    '',
    ...twoColumns(commands),
    '',
    ...twoColumns([{ left: 'help COMMAND', right: 'more about a command' }, ...topics]),
    '',
    'Options of every command:',
    ...twoColumns([...COMMON_OPTIONS, 'version' as const].map((option) => optionRow(option))),
    '',
    ...paragraph(PLACES),
    '',
    ...paragraph(STATUSES),
    '',
  ].join('\n');
}

/** One command's help. */
export function commandHelp(name: CommandName): string {
  const command: Command = COMMANDS[name];
  const { notes = [] } = command;
  return [
    usage(name),
    '',
    ...paragraph(`${capital(command.summary)}.`),
    ...notes.flatMap((note) => ['', ...paragraph(note)]),
    '',
    ...twoColumns(optionsOf(name).map((option) => optionRow(option, name))),
    '',
  ].join('\n');
}

export function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** The usage lines that go with a usage error. */
export function usage(name: CommandName | undefined): string {
  if (name === undefined) {
    const words = wrapped(
      `${Object.keys(COMMANDS).join('|')} ...; see livemount --help`,
      WIDTH - 17,
      /(?<=[| ])/,
    );
    return words
      .map((line, index) => `${index === 0 ? 'usage: livemount ' : ' '.repeat(17)}${line}`)
      .join('\n');
  }
  const head = `usage: livemount ${name} `;
  const words = [
    ...COMMANDS[name].options.map((option) => `[${spelled(option, name)}]`),
    ...operandWords(name),
  ];
  return wrappedWords(words, WIDTH - head.length)
    .map((line, index) => `${index === 0 ? head : ' '.repeat(head.length)}${line}`)
    .join('\n');
}

/** `-F FILE`, or `--json`: the way an option is usually written. */
function spelled(name: OptionName, command: CommandName): string {
  const { argument, multiple, type }: OptionSpec = OPTIONS[name];
  const letter = letterOf(name, command);
  const flag = letter === undefined ? `--${name}` : `-${letter}`;
  return `${flag}${argument === undefined ? '' : ` ${argument}`}${multiple && type === 'string' ? ' ...' : ''}`;
}

/** What an option is called and does, to one command or to all. */
export function optionRow(name: OptionName, command?: CommandName): { left: string; right: string } {
  const { argument, summary }: OptionSpec = OPTIONS[name];
  const wording: Command['wording'] =
    command === undefined ? undefined : (COMMANDS[command] as Command).wording;
  const letter = letterOf(name, command);
  const flags = letter === undefined ? `    --${name}` : `-${letter}, --${name}`;
  return {
    left: argument === undefined ? flags : `${flags} ${argument}`,
    right: wording?.[name] ?? summary,
  };
}

/** From here on the right column begins on a line of its own. */
const LEFT_MAX = 24;

function twoColumns(rows: readonly { left: string; right: string }[]): string[] {
  const width = Math.min(LEFT_MAX, Math.max(...rows.map((row) => row.left.length)));
  const indent = ' '.repeat(width + 4);
  return rows.flatMap(({ left, right }) => {
    const [first = '', ...rest] = wrapped(right, WIDTH - width - 4);
    const head =
      left.length > width ? [`  ${left}`, `${indent}${first}`] : [`  ${left.padEnd(width)}  ${first}`];
    return [...head, ...rest.map((line) => `${indent}${line}`)];
  });
}

function paragraph(text: string): string[] {
  return wrapped(text, WIDTH);
}

function wrapped(text: string, width: number, between: RegExp = /(?<= )/): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(between)) {
    if (line !== '' && `${line}${word}`.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = word;
    } else {
      line += word;
    }
  }
  return [...lines, line.trimEnd()];
}

/** Words that may hold spaces, none of which is a place to break. */
function wrappedWords(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
