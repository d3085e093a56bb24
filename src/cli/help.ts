import { optionsOf } from './commandLine';
import { COMMANDS, type CommandName } from './commandTable';
import { type Command, ExitCode } from './commands/types';
import { COMMON_OPTIONS, OPTIONS, type OptionName, type OptionSpec } from './options';

const WIDTH = 96;

/** The program's help: all commands, and the options they share. */
export function generalHelp(): string {
  const commands = Object.entries(COMMANDS).map(([name, command]) => ({
    left: [name, ...command.operands].join(' '),
    right: command.summary,
  }));
  return [
    'usage: livemount COMMAND [OPTION]... OPERAND...',
    '',
    ...paragraph('Works on the folders of another machine over SSH, and tells what changes there.'),
    '',
    ...twoColumns(commands),
    '',
    'Options of every command:',
    ...twoColumns([...COMMON_OPTIONS, 'version' as const].map((option) => optionRow(option))),
    '',
    ...paragraph(
      'HOST is an alias of your SSH configuration, or [user@]name[:port]; an IPv6 address with a port stands in brackets. `livemount COMMAND --help` tells more.',
    ),
    '',
    ...paragraph(
      `Exit status: ${ExitCode.OK} done, ${ExitCode.FAILED} failed, ${ExitCode.USAGE} the command line was not understood, ${ExitCode.CONFLICT} put found another file than expected and wrote nothing.`,
    ),
    '',
  ].join('\n');
}

/** One command's help. */
export function commandHelp(name: CommandName): string {
  const command: Command = COMMANDS[name];
  const { notes = [], wording = {} } = command;
  return [
    usage(name),
    '',
    ...paragraph(`${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`),
    ...notes.flatMap((note) => ['', ...paragraph(note)]),
    '',
    ...twoColumns(optionsOf(name).map((option) => optionRow(option, wording[option]))),
    '',
  ].join('\n');
}

/** The usage line that goes with a usage error. */
export function usage(name: CommandName | undefined): string {
  if (name === undefined)
    return `usage: livemount ${Object.keys(COMMANDS).join('|')} ...; see livemount --help`;
  const own = COMMANDS[name].options.map((option) => `[${spelled(option)}]`);
  return ['usage: livemount', name, ...own, ...COMMANDS[name].operands].join(' ');
}

/** `-F FILE`, or `--json`: the way an option is usually written. */
function spelled(name: OptionName): string {
  const { short, argument, multiple, type }: OptionSpec = OPTIONS[name];
  const flag = short === undefined ? `--${name}` : `-${short}`;
  return `${flag}${argument === undefined ? '' : ` ${argument}`}${multiple && type === 'string' ? ' ...' : ''}`;
}

function optionRow(name: OptionName, wording?: string): { left: string; right: string } {
  const { short, argument, summary }: OptionSpec = OPTIONS[name];
  const flags = short === undefined ? `    --${name}` : `-${short}, --${name}`;
  return { left: argument === undefined ? flags : `${flags} ${argument}`, right: wording ?? summary };
}

/** From here on the right column begins on a line of its own. */
const LEFT_MAX = 26;

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

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
