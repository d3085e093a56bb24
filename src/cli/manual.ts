import { operandWords, optionsOf } from './commandLine';
import { COMMANDS, type CommandName, TOPICS } from './commandTable';
import type { Command } from './commands/types';
import { capital, DESCRIPTION, optionRow, PLACES, STATUSES } from './help';
import { COMMON_OPTIONS, type OptionName } from './options';

/** The manual page, in roff for man(7), made from the same tables as the help. */
export function manualPage(version: string): string {
  const commands = Object.keys(COMMANDS) as CommandName[];
  const own = (name: CommandName) =>
    optionsOf(name).filter((option) => !(COMMON_OPTIONS as readonly OptionName[]).includes(option));
  return [
    `.TH LIVEMOUNT 1 "" "livemount ${text(version)}" "User Commands"`,
    '.SH NAME',
    `livemount ${'\\-'} ${text(DESCRIPTION.replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    '.B livemount',
    '.I COMMAND',
    '[\\fIOPTION\\fR]... \\fIOPERAND\\fR...',
    '.SH DESCRIPTION',
    text(DESCRIPTION),
    '.PP',
    text(PLACES),
    '.SH COMMANDS',
    ...commands.flatMap((name) => {
      const command: Command = COMMANDS[name];
      return [
        '.TP',
        `.B ${text([name, ...operandWords(name)].join(' '))}`,
        `${text(capital(command.summary))}.`,
        ...(command.notes ?? []).flatMap((note) => ['.IP', text(note)]),
        ...own(name).flatMap((option) => ['.RS', ...row(option, name), '.RE']),
      ];
    }),
    ...Object.entries(TOPICS).flatMap(([name, { words, summary }]) => [
      '.TP',
      `.B ${text([name, words.join('|')].join(' ').trim())}`,
      `${text(capital(summary))}.`,
    ]),
    '.SH OPTIONS',
    'These are options of every command.',
    ...[...COMMON_OPTIONS, 'version' as const].flatMap((option) => row(option)),
    '.SH EXIT STATUS',
    text(STATUSES.replace(/^Exit status: /, '')),
    '',
  ].join('\n');
}

function row(option: OptionName, command?: CommandName): string[] {
  const { left, right } = optionRow(option, command);
  return ['.TP', `.B ${text(left.trim())}`, `${text(capital(right))}.`];
}

/** Text that roff leaves as it is: no escapes, no requests, hyphens that can be copied. */
function text(plain: string): string {
  return plain
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/’/g, '\\(cq')
    .replace(/“/g, '\\(lq')
    .replace(/”/g, '\\(rq')
    .replace(/^([.'])/gm, '\\&$1');
}
