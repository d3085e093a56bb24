import type { ProcessSpec } from './processHost';

/** What a login gives a program before any startup file was read. */
export interface Login {
  readonly shell: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What startup files made of a login. */
export interface ReadEnvironment {
  readonly umask: number;
  /** `NAME=value` */
  readonly variables: readonly Buffer[];
}

/**
 * How a process is started: /bin/sh takes the terminal, goes to the directory, and becomes the program. A C library's
 * posix_spawn could do that as well, but not everywhere: and a shell takes bytes that are no UTF-8, which Node's
 * arguments can't hold.
 */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Where the launcher says why it could not: the name of an error, or nothing at all. */
export const STATUS_FD = 3;
/** Where standard input and output stand while startup files run. */
const INPUT_FD = 8;
const OUTPUT_FD = 9;

/** Errors the launcher knows of. */
export const LAUNCH_ERRORS = ['ENOENT', 'ENOTDIR', 'EACCES'] as const;

/** How to start the user's shell in place of `-l` alone. */
export interface MarkedShell {
  /** Undefined: a shell that we have no marks for. */
  readonly args: readonly string[] | undefined;
  /** Of everything that runs in the terminal. */
  readonly env: Readonly<Record<string, string>>;
}

/** @param read what startup files made of the login, for a program that needs no shell to read them again. */
export function launchOf(
  spec: ProcessSpec,
  login: Login,
  umask: number,
  marked?: MarkedShell,
  read?: ReadEnvironment,
): Launch {
  const env: Record<string, string> = { ...(read === undefined && login.env), ...marked?.env };
  const exports: string[] = [];
  const given = Object.keys(env);
  const before = read?.variables.filter((variable) => !given.some((name) => isNamed(variable, name))) ?? [];
  for (const variable of [...before, ...spec.env]) {
    const at = variable.indexOf('=');
    const name = variable.toString('latin1', 0, at);
    const value = variable.subarray(at + 1);
    if (isText(value)) env[name] = value.toString('utf8');
    else exports.push(`export ${name}=${quoted(value)}`);
  }
  if (spec.cwd.length > 0 && isText(spec.cwd)) env.PWD = spec.cwd.toString('utf8');
  const words = spec.shell
    ? shellCommand(login.shell, spec.args, marked)
    : read !== undefined
      ? spec.args
      : programCommand(login.shell, spec.args, spec.terminal !== undefined);
  const isPlain = words.every(isText);
  const script = [
    `umask 0${(read?.umask ?? umask).toString(8)}`,
    // The first terminal that the leader of a session opens is its controlling one. (tty_ioctl(4))
    ...(spec.terminal === undefined ? [] : ['exec <>/proc/self/fd/0 >&0 2>&0']),
    ...exports,
    directory(spec.cwd),
    `exec ${STATUS_FD}>&-`,
    // Arguments of the launcher may be longer together than one argument may be.
    `exec ${isPlain ? '"$@"' : words.map(quoted).join(' ')}`,
  ].join('\n');
  return {
    file: '/bin/sh',
    args: ['-c', script, 'sh', ...(isPlain ? words.map((word) => word.toString('utf8')) : [])],
    env,
  };
}

function isNamed(variable: Buffer, name: string): boolean {
  return variable.toString('latin1', 0, name.length + 1) === `${name}=`;
}

/** `cd`, or a word on the status pipe that says why not. */
function directory(cwd: Buffer): string {
  if (cwd.length === 0) return 'cd -- "$HOME" 2>/dev/null || cd /';
  const there = quoted(cwd);
  return [
    `cd -- ${there} 2>/dev/null || {`,
    `  if [ -d ${there} ]; then echo EACCES; elif [ -e ${there} ]; then echo ENOTDIR; else echo ENOENT; fi >&${STATUS_FD}`,
    '  exit 126',
    '}',
  ].join('\n');
}

type Family = 'posix' | 'fish' | 'csh' | 'unknown';

function familyOf(shell: string): Family {
  const name = shell.slice(shell.lastIndexOf('/') + 1);
  if (/^(ba|z|da|a|k|mk|lk|pdk|ya|o)?sh$|^ksh93$|^rbash$|^busybox$/.test(name)) return 'posix';
  if (name === 'fish') return 'fish';
  return /^t?csh$/.test(name) ? 'csh' : 'unknown';
}

/** The login shell itself, or with a command in its own language. */
function shellCommand(shell: string, args: readonly Buffer[], marked: MarkedShell | undefined): Buffer[] {
  const [command] = args;
  if (command === undefined) return [shell, ...(marked?.args ?? ['-l'])].map((word) => Buffer.from(word));
  // csh takes -l only alone (tcsh(1)); it reads .cshrc in any case, as it does for sshd.
  const flags = familyOf(shell) === 'csh' ? ['-c'] : ['-l', '-c'];
  return [...[shell, ...flags].map((word) => Buffer.from(word)), command];
}

/**
 * A program in the environment of a login: the user's shell reads its startup files and becomes it. On pipes those get
 * no input, and what they print goes to the errors: the program's own streams carry its bytes alone.
 */
function programCommand(shell: string, args: readonly Buffer[], isTerminal: boolean): readonly Buffer[] {
  const words = (...list: string[]) => list.map((word) => Buffer.from(word));
  const aside = ['exec', `${INPUT_FD}<&0`, `${OUTPUT_FD}>&1`, '0</dev/null', '1>&2'].join(' ');
  const back = `0<&${INPUT_FD} 1>&${OUTPUT_FD} ${INPUT_FD}<&- ${OUTPUT_FD}>&-`;
  const behind = (...list: string[]) =>
    isTerminal ? words(...list) : words('/bin/sh', '-c', `${aside}\nexec "$@"`, 'sh', ...list);
  switch (familyOf(shell)) {
    case 'posix':
      return [...behind(shell, '-l', '-c', `exec "$@"${isTerminal ? '' : ` ${back}`}`, 'sh'), ...args];
    case 'fish':
      return [...behind(shell, '-l', '-c', `exec $argv${isTerminal ? '' : ` ${back}`}`), ...args];
    case 'csh':
      // csh loses arguments that are empty: it gets none, and a shell that it becomes finds them all in a variable.
      return words(
        '/usr/bin/env',
        `LIVEMOUNT_RUN=unset LIVEMOUNT_RUN; exec ${args.map(quoted).join(' ')}`,
        ...[shell, '-c', `exec /bin/sh -c 'eval "$LIVEMOUNT_RUN"'`],
      );
    case 'unknown':
      return args;
  }
}

/** Whether Node gives the bytes on as they are. */
function isText(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);
}

/** A word of /bin/sh for any bytes but NUL. */
function quoted(bytes: Buffer): string {
  if (isText(bytes)) return quotedText(bytes.toString('utf8'));
  // What printf writes loses the newlines at its end.
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === NEWLINE) end--;
  const octal = Array.from(bytes.subarray(0, end), (byte) => `\\${byte.toString(8).padStart(3, '0')}`);
  return `"$(printf '${octal.join('')}')"${quotedText('\n'.repeat(bytes.length - end))}`;
}
const NEWLINE = 10;

function quotedText(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * The same as one line for an SSH server, which gives it to the user's shell, whichever that is: what the login set is
 * there already. Without somebody on the host to say it, an error of the folder is one on standard error, and 126.
 */
export function sshCommandOf(spec: ProcessSpec): string {
  const exports = [Buffer.from('LIVEMOUNT=1'), ...spec.env].map((variable) => {
    const at = variable.indexOf('=');
    return `export ${variable.toString('latin1', 0, at)}=${quoted(variable.subarray(at + 1))}`;
  });
  const [command] = spec.args;
  const aside = spec.terminal === undefined && !spec.shell;
  const back = aside ? ` 0<&${INPUT_FD} 1>&${OUTPUT_FD} ${INPUT_FD}<&- ${OUTPUT_FD}>&-` : '';
  const become = !spec.shell
    ? [
        `set -- ${spec.args.map(quoted).join(' ')}`,
        'case "$SHELL" in */csh|*/tcsh) exec "$@";; esac',
        ...(aside ? [`exec ${INPUT_FD}<&0 ${OUTPUT_FD}>&1 0</dev/null 1>&2`] : []),
        `case "$SHELL" in */fish) exec "$SHELL" -l -c ${quotedText(`exec $argv${back}`)} "$@";; esac`,
        `exec "$SHELL" -l -c ${quotedText(`exec "$@"${back}`)} sh "$@"`,
      ]
    : command === undefined
      ? ['exec "$SHELL" -l']
      : [
          `case "$SHELL" in */csh|*/tcsh) exec "$SHELL" -c ${quoted(command)};; esac`,
          `exec "$SHELL" -l -c ${quoted(command)}`,
        ];
  const enter = spec.cwd.length === 0 ? 'cd' : `cd -- ${quoted(spec.cwd)} || exit 126`;
  return `exec /bin/sh -c ${quotedText([...exports, enter, ...become].join('; '))}`;
}
