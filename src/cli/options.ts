import { CACHE_MODES } from '../client/cache/mode';

/** One option of the command line. */
export interface OptionSpec {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  /** The words it takes; anything else is a usage error. */
  readonly values?: readonly string[];
  /** What its value is called in the help. */
  readonly argument?: string;
  readonly summary: string;
}

/** Every option, once: parsing, the help and the README's check are made from this table. A name means the same to all commands. */
export const OPTIONS = {
  'ssh-config': {
    type: 'string',
    short: 'F',
    argument: 'FILE',
    summary: 'read this SSH configuration instead of ~/.ssh/config and /etc/ssh/ssh_config',
  },
  transport: {
    type: 'string',
    values: ['auto', 'builtin', 'system'],
    argument: 'NAME',
    summary:
      'builtin: the built-in SSH client; system: the system’s ssh program (default: auto, whichever fits the host)',
  },
  reach: {
    type: 'string',
    values: ['auto', 'agent', 'sftp'],
    argument: 'HOW',
    summary: 'agent: fail where the agent cannot run; sftp: start nothing on the host (default: auto)',
  },
  cache: {
    type: 'string',
    values: CACHE_MODES,
    argument: 'MODE',
    summary: 'how long what is known may be used without asking (default: lease)',
  },
  verbose: {
    type: 'boolean',
    short: 'v',
    multiple: true,
    summary: 'tell on standard error what goes on; twice for more',
  },
  help: { type: 'boolean', short: 'h', summary: 'show this text' },
  version: { type: 'boolean', summary: 'show the version' },

  long: {
    type: 'boolean',
    short: 'l',
    summary: 'mode, links, owner, size and time of each entry, and what is mounted there',
  },
  bytes: { type: 'boolean', summary: 'sizes in bytes, as where the output is no terminal' },
  numeric: { type: 'boolean', short: 'n', summary: 'user and group as numbers' },
  terminal: { type: 'boolean', short: 't', summary: 'give the program a terminal' },
  json: { type: 'boolean', summary: 'print JSON, one object a line' },
  create: { type: 'boolean', summary: 'only if there is no such file yet' },
  overwrite: { type: 'boolean', summary: 'replace what is there' },
  expect: {
    type: 'string',
    argument: 'VERSION',
    summary:
      'only if the file still has this version (as `stat` prints it); "any" replaces whatever is there',
  },
  durability: {
    type: 'string',
    values: ['none', 'fsync'],
    argument: 'WHEN',
    summary:
      'fsync: the file is on the host’s disk before the command ends (default); none: when the host likes',
  },
  parents: { type: 'boolean', short: 'p', summary: 'make missing parents too; no error if it is there' },
  recursive: { type: 'boolean', short: 'r', summary: 'a folder and all that is in it' },
  'cross-mounts': { type: 'boolean', summary: 'delete what mounts below it hold as well' },
  trash: { type: 'boolean', summary: 'move to the trash of the host instead' },
  exclude: {
    type: 'string',
    multiple: true,
    argument: 'GLOB',
    summary: 'neither watch nor tell what matches; may be given several times',
  },
  count: { type: 'string', argument: 'N', summary: 'end after this many events' },
  regex: { type: 'boolean', summary: 'PATTERN is a regular expression (default)' },
  fixed: { type: 'boolean', summary: 'PATTERN is text, not an expression' },
  'ignore-case': { type: 'boolean', summary: 'capitals and small letters are the same' },
  word: { type: 'boolean', summary: 'whole words only' },
  multiline: { type: 'boolean', summary: 'a match may reach over the ends of lines' },
  glob: {
    type: 'string',
    multiple: true,
    argument: 'GLOB',
    summary: 'only files that match, or with ! before it only others; may be given several times',
  },
  hidden: { type: 'boolean', summary: 'names that begin with a dot as well' },
  'no-ignore': { type: 'boolean', summary: 'also what .gitignore and .ignore name' },
  latin1: { type: 'boolean', summary: 'files are Latin-1, not UTF-8' },
  max: { type: 'string', argument: 'N', summary: 'end after so many' },
  yes: { type: 'boolean', short: 'y', summary: 'do not ask' },
  foreground: {
    type: 'boolean',
    short: 'f',
    summary: 'stay in the foreground until interrupted or unmounted',
  },
  'read-only': { type: 'boolean', summary: 'let nobody change anything through it' },
  timeout: {
    type: 'string',
    argument: 'S',
    summary: 'while the link is down, fail after this many seconds (default: wait as long as it takes)',
  },
  'uid-map': {
    type: 'boolean',
    summary: 'show users and groups of the host as those with the same names here, whatever their numbers',
  },
  lazy: {
    type: 'boolean',
    short: 'z',
    summary: 'also if it is in use: it goes at once, and for good when nobody uses it any more',
  },
  'no-recursive': { type: 'boolean', summary: 'the folder and its entries only, not what is below' },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

type ValueOf<S extends OptionSpec> = S extends { multiple: true }
  ? S['type'] extends 'boolean'
    ? readonly boolean[]
    : readonly string[]
  : S['type'] extends 'boolean'
    ? boolean
    : S extends { values: readonly (infer V)[] }
      ? V
      : string;

/** What was given on the command line; values are checked against the table. */
export type Flags = { readonly [K in OptionName]?: ValueOf<(typeof OPTIONS)[K]> };

/** The name of an option, if it is one. */
export function isOption(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** Options that every command takes. */
export const COMMON_OPTIONS = [
  'ssh-config',
  'transport',
  'reach',
  'cache',
  'verbose',
  'help',
] as const satisfies readonly OptionName[];
