import { exec } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import { ConnectError } from '../connectError';
import { type ConfigLine, parseConfig } from './configLine';
import { globFiles } from './globFiles';
import type { ConfigValues } from './hostConfig';
import { isWindows, type LocalMachine } from './localMachine';
import { matchesPatternList } from './patterns';
import type { Target } from './target';
import { expandCommand, expandPath, type TokenValues } from './tokens';

/** A configuration file; relative names it includes are looked up in `includeFolder`. */
export interface ConfigFile {
  readonly path: string;
  readonly includeFolder: string;
}

/** The files OpenSSH reads, in its order: the given one alone, or the user's and the system's. */
export function configFiles(machine: LocalMachine, configFile?: string): ConfigFile[] {
  const { join } = isWindows(machine) ? win32 : posix;
  const userFolder = join(machine.home, '.ssh');
  if (configFile !== undefined) return [{ path: configFile, includeFolder: userFolder }];
  const systemFolder = isWindows(machine)
    ? join(machine.env.ProgramData ?? 'C:\\ProgramData', 'ssh')
    : '/etc/ssh';
  return [
    { path: join(userFolder, 'config'), includeFolder: userFolder },
    { path: join(systemFolder, 'ssh_config'), includeFolder: systemFolder },
  ];
}

/** The files that an Include names, whose pattern is expanded already. */
export function includedFiles(pattern: string, from: ConfigFile, machine: LocalMachine): string[] {
  const { isAbsolute, join } = isWindows(machine) ? win32 : posix;
  const absolute = isAbsolute(pattern) ? pattern : join(from.includeFolder, pattern);
  // On Windows a backslash separates, and takes the meaning from nothing.
  return globFiles(isWindows(machine) ? absolute.replaceAll('\\', '/') : absolute);
}

/** Files may include files; OpenSSH stops at this depth as well. */
const INCLUDE_DEPTH = 16;

/** Keywords whose values add up over the file; of every other the first value counts. */
const CUMULATIVE = new Set([
  'identityfile',
  'certificatefile',
  'sendenv',
  'setenv',
  'localforward',
  'remoteforward',
]);

/** Keywords with a list of files. */
const FILE_LISTS = new Set(['userknownhostsfile', 'globalknownhostsfile']);

const MATCH_EXEC_TIMEOUT_MS = 10_000;

/** Evaluates ssh_config(5) for a target, for where there is no `ssh -G` to ask. */
export async function readConfig(
  target: Target,
  files: readonly ConfigFile[],
  machine: LocalMachine,
): Promise<ConfigValues> {
  const evaluation = new Evaluation(target, machine);
  for (const file of files) await evaluation.readFile(file, 0, true);
  if (evaluation.wantsFinalPass) {
    evaluation.final = true;
    for (const file of files) await evaluation.readFile(file, 0, true);
  }
  return evaluation.values;
}

class Evaluation {
  readonly values = new Map<string, string[]>();
  wantsFinalPass = false;
  final = false;

  constructor(
    private readonly target: Target,
    private readonly machine: LocalMachine,
  ) {}

  /** A file that is not there counts as empty, as with OpenSSH. */
  async readFile(file: ConfigFile, depth: number, active: boolean): Promise<void> {
    if (depth > INCLUDE_DEPTH)
      throw new ConnectError('configuration', `${file.path}: too many levels of Include`);
    let text: string;
    try {
      text = readFileSync(file.path, 'utf8');
    } catch {
      return;
    }
    let applies = active;
    for (const line of parseConfig(text)) {
      if (line.keyword === 'host') applies = active && matchesPatternList(this.target.host, line.args);
      else if (line.keyword === 'match') applies = active && (await this.matches(line));
      else if (line.keyword === 'include') await this.include(line, file, depth, applies);
      else if (applies) this.set(line);
    }
  }

  private async include(line: ConfigLine, from: ConfigFile, depth: number, applies: boolean): Promise<void> {
    for (const arg of line.args) {
      const pattern = expandPath(arg, this.tokens(), this.machine.env);
      for (const path of includedFiles(pattern, from, this.machine)) {
        // What a Host or Match line in there switches ends with the included file.
        await this.readFile({ path, includeFolder: from.includeFolder }, depth + 1, applies);
      }
    }
  }

  private set({ keyword, args, raw }: ConfigLine): void {
    if (args.length === 0) return;
    const known = this.values.get(keyword);
    if (CUMULATIVE.has(keyword)) {
      const value = args.join(' ');
      if (known === undefined) this.values.set(keyword, [value]);
      else if (!known.includes(value)) known.push(value);
      return;
    }
    if (known !== undefined) return;
    // Of the two ways through another host the first one wins.
    if (keyword === 'proxycommand' && this.values.has('proxyjump')) return;
    if (keyword === 'proxyjump' && this.values.has('proxycommand')) return;
    // Names of files: the quotes are gone, and the spaces in a name are no longer those between names.
    if (FILE_LISTS.has(keyword)) {
      this.values.set(keyword, [...args]);
      return;
    }
    const value =
      keyword === 'hostname'
        ? this.hostNameOf(args[0] ?? '')
        : args.length > 1
          ? args.join(' ')
          : (args[0] ?? raw);
    this.values.set(keyword, [value]);
  }

  /** HostName may use %h for the name that was asked for, and %%. */
  private hostNameOf(value: string): string {
    return value.replace(/%([h%])/g, (_whole, letter: string) => (letter === 'h' ? this.target.host : '%'));
  }

  private async matches({ args }: ConfigLine): Promise<boolean> {
    const words = [...args];
    let result = true;
    while (words.length > 0) {
      // `Match host=a` is read like `Match host a`.
      const [word = '', attached] = splitOnce(words.shift() ?? '', '=');
      const negated = word.startsWith('!');
      const criterion = word.slice(negated ? 1 : 0).toLowerCase();
      const argument = () => attached ?? words.shift() ?? '';
      // Later criteria need not be looked at any more, but their arguments are to be passed over.
      const holds = await this.holds(criterion, argument, result);
      result &&= holds !== negated;
    }
    return result;
  }

  private async holds(criterion: string, argument: () => string, relevant: boolean): Promise<boolean> {
    const { target, machine } = this;
    const list = () => argument().split(',');
    switch (criterion) {
      case 'all':
        return true;
      case 'canonical':
        return this.final;
      case 'final':
        this.wantsFinalPass = true;
        return this.final;
      case 'host':
        return matchesPatternList(this.values.get('hostname')?.[0] ?? target.host, list());
      case 'originalhost':
        return matchesPatternList(target.host, list());
      case 'user':
        return matchesPatternList(target.user ?? this.values.get('user')?.[0] ?? machine.user, list());
      case 'localuser':
        return matchesPatternList(machine.user, list());
      case 'tagged':
        return matchesPatternList(this.values.get('tag')?.[0] ?? '', list());
      case 'exec': {
        const command = argument();
        return relevant && succeeds(expandCommand(command, this.tokens()));
      }
      default:
        argument();
        throw new ConnectError(
          'configuration',
          `the SSH configuration has "Match ${criterion}", which needs the ssh program`,
        );
    }
  }

  private tokens(): TokenValues {
    const { target, machine } = this;
    const one = (keyword: string) => this.values.get(keyword)?.[0];
    return {
      originalHost: target.host,
      host: one('hostname') ?? target.host,
      port: target.port ?? Number(one('port') ?? 22),
      remoteUser: target.user ?? one('user') ?? machine.user,
      proxyJump: one('proxyjump') ?? '',
      hostKeyAlias: one('hostkeyalias') ?? target.host,
      localUser: machine.user,
      localUid: machine.uid,
      localHost: machine.hostName,
      home: machine.home,
    };
  }
}

/** Whether a command of `Match exec` ends with status 0. */
function succeeds(command: string): Promise<boolean> {
  return new Promise((resolve) => {
    exec(command, { timeout: MATCH_EXEC_TIMEOUT_MS }, (error) => resolve(error === null));
  });
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
