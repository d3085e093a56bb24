import { letterOf, optionsOf } from './commandLine';
import { COMMANDS, type CommandName, TOPICS } from './commandTable';
import type { Command } from './commands/types';
import { OPTIONS, type OptionName, type OptionSpec } from './options';
import { didYouMean } from './suggestion';
import { UsageError } from './usageError';

const SHELLS = { bash, zsh, fish } as const;

/** A script that completes commands, options, their values, hosts and files of this machine. UsageError for another shell. */
export function completionScript(shell: string | undefined): string {
  const shells = TOPICS.completion.words;
  if (shell !== undefined && Object.hasOwn(SHELLS, shell)) return SHELLS[shell as keyof typeof SHELLS]();
  const hint = shell === undefined ? '' : `, not ${JSON.stringify(shell)}${didYouMean(shell, shells)}`;
  throw new UsageError(`completion takes one of ${shells.join(', ')}${hint}`);
}

const commands = () => Object.keys(COMMANDS) as CommandName[];
const words = () => [...commands(), ...Object.keys(TOPICS), 'help'];
const specOf = (option: OptionName): OptionSpec => OPTIONS[option];
/** Whether a command takes files of this machine. */
const takesFiles = (command: CommandName) =>
  (COMMANDS[command] as Command).operands.some(({ word }) => word.startsWith('LOCAL'));

/** An option as it is typed, long and short. */
function flagsOf(option: OptionName, command: CommandName): string[] {
  const letter = letterOf(option, command);
  return [`--${option}`, ...(letter === undefined ? [] : [`-${letter}`])];
}

/** Options that take one of some words, with these. */
function valued(command: CommandName): (readonly [flags: readonly string[], values: readonly string[]])[] {
  return optionsOf(command).flatMap((option) => {
    const { values } = specOf(option);
    return values === undefined ? [] : [[flagsOf(option, command), values] as const];
  });
}

function filed(command: CommandName): string[] {
  return optionsOf(command).flatMap((option) =>
    specOf(option).argument === 'FILE' ? flagsOf(option, command) : [],
  );
}

function bash(): string {
  const options = (name: CommandName) => optionsOf(name).flatMap((option) => flagsOf(option, name));
  return `# bash completion of livemount
_livemount_hosts() {
  local host
  livemount hosts 2>/dev/null | while IFS= read -r host; do printf '%s:\\n' "$host"; done
}
_livemount() {
  local word previous command i
  # A colon separates words for bash, but not in HOST:PATH.
  word=\${COMP_LINE:0:COMP_POINT}
  word=\${word##*[[:space:]]}
  previous=\${COMP_WORDS[COMP_CWORD-1]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${words().join('|')}) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  COMPREPLY=()
  case "$command $previous" in
${commands()
  .flatMap((name) => [
    ...valued(name).map(
      ([flags, values]) =>
        `    ${flags.map((flag) => `"${name} ${flag}"`).join('|')}) COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$word")); return ;;`,
    ),
    ...(filed(name).length === 0
      ? []
      : [
          `    ${filed(name)
            .map((flag) => `"${name} ${flag}"`)
            .join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;`,
        ]),
  ])
  .join('\n')}
  esac
  case $command in
    '') COMPREPLY=($(compgen -W '${words().join(' ')}' -- "$word")) ;;
    help) COMPREPLY=($(compgen -W '${commands().join(' ')}' -- "$word")) ;;
${Object.entries(TOPICS)
  .map(([name, topic]) => `    ${name}) COMPREPLY=($(compgen -W '${topic.words.join(' ')}' -- "$word")) ;;`)
  .join('\n')}
${commands()
  .map((name) => {
    const places = takesFiles(name) ? ' $(compgen -f -- "$word")' : '';
    return `    ${name}) case $word in
      -*) COMPREPLY=($(compgen -W '${options(name).join(' ')}' -- "$word")) ;;
      *:*) ;;
      *) COMPREPLY=($(compgen -W "$(_livemount_hosts)" -- "$word")${places}); compopt -o nospace 2>/dev/null ;;
    esac ;;`;
  })
  .join('\n')}
  esac
}
complete -F _livemount livemount
`;
}

/** A word in single quotes, for sh, zsh and fish alike but for their quotes inside. */
function quoted(text: string, inside = `'\\''`): string {
  return `'${text.replace(/'/g, inside)}'`;
}

function zsh(): string {
  const described = (name: string, summary: string) => quoted(`${name}:${summary.replace(/:/g, '\\:')}`);
  const specs = (name: CommandName) =>
    optionsOf(name).map((option) => {
      const { summary, argument, values, multiple } = specOf(option);
      const wording = (COMMANDS[name] as Command).wording?.[option] ?? summary;
      const flags = flagsOf(option, name);
      const said = wording.replace(/[[\]\\:]/g, '\\$&');
      const value =
        argument === undefined
          ? ''
          : `:${argument}:${values !== undefined ? `(${values.join(' ')})` : argument === 'FILE' ? '_files' : ' '}`;
      const once = multiple ? '\\*' : flags.length > 1 ? `(${flags.join(' ')})` : '';
      const spelled = flags.length > 1 ? `{${flags.join(',')}}` : flags[0];
      return `${multiple ? `'*'` : quoted(once)}${spelled}${quoted(`[${said}]${value}`)}`;
    });
  return `#compdef livemount
# zsh completion of livemount
_livemount_places() {
  local -a hosts
  hosts=(\${(f)"$(livemount hosts 2>/dev/null)"})
  compset -P '*:' && return 1
  compadd -S ':' -q -- $hosts
  (( $1 )) && _files
}
_livemount() {
  local -a commands
  local context state line
  commands=(
${[
  ...commands().map((name) => described(name, COMMANDS[name].summary)),
  ...Object.entries(TOPICS).map(([name, { summary }]) => described(name, summary)),
  described('help', 'more about a command'),
]
  .map((line) => `    ${line}`)
  .join('\n')}
  )
  _arguments -C '1:command:->command' '*::operand:->operand' && return
  case $state in
    command) _describe command commands ;;
    operand)
      case $line[1] in
        help) compadd -- ${commands().join(' ')} ;;
${Object.entries(TOPICS)
  .filter(([, topic]) => topic.words.length > 0)
  .map(([name, topic]) => `        ${name}) compadd -- ${topic.words.join(' ')} ;;`)
  .join('\n')}
${commands()
  .map(
    (name) => `        ${name}) _arguments \\
${specs(name)
  .map((spec) => `          ${spec} \\`)
  .join('\n')}
          '*:place:_livemount_places ${takesFiles(name) ? 1 : 0}' ;;`,
  )
  .join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = "_livemount" ]; then _livemount "$@"; else compdef _livemount livemount; fi
`;
}

function fish(): string {
  const text = (words: string) => quoted(words.replace(/\\/g, '\\\\'), `\\'`);
  const none = `not __fish_seen_subcommand_from ${words().join(' ')}`;
  const lines = commands().flatMap((name) => {
    const seen = text(`__fish_seen_subcommand_from ${name}`);
    return [
      `complete -c livemount -n ${text(none)} -a ${name} -d ${text(COMMANDS[name].summary)}`,
      `complete -c livemount -n ${seen} ${takesFiles(name) ? '-F ' : ''}-a '(__livemount_places)'`,
      ...optionsOf(name).map((option) => {
        const { summary, argument, values } = specOf(option);
        const letter = letterOf(option, name);
        const wording = (COMMANDS[name] as Command).wording?.[option] ?? summary;
        return [
          `complete -c livemount -n ${seen} -l ${option}`,
          letter === undefined ? '' : `-s ${letter}`,
          argument === undefined ? '' : '-r',
          values === undefined ? '' : `-f -a ${text(values.join(' '))}`,
          argument === 'FILE' ? '-F' : '',
          `-d ${text(wording)}`,
        ]
          .filter((part) => part !== '')
          .join(' ');
      }),
    ];
  });
  const topics = Object.entries(TOPICS).flatMap(([name, topic]) => [
    `complete -c livemount -n ${text(none)} -a ${name} -d ${text(topic.summary)}`,
    ...(topic.words.length === 0
      ? []
      : [
          `complete -c livemount -n ${text(`__fish_seen_subcommand_from ${name}`)} -a ${text(topic.words.join(' '))}`,
        ]),
  ]);
  return `# fish completion of livemount
function __livemount_places
  for host in (livemount hosts 2>/dev/null)
    echo $host:
  end
end
complete -c livemount -f
${[...lines, ...topics].join('\n')}
complete -c livemount -n ${text(none)} -a help -d ${text('more about a command')}
complete -c livemount -n '__fish_seen_subcommand_from help' -a ${text(commands().join(' '))}
`;
}
