/**
 * Every setting, once, in the order in which people need them. package.json's `contributes.configuration` is made from this table (scripts/contributes.ts)
 * and checked against it by a test; `settings.ts` reads through it.
 */

interface Common {
  readonly description: string;
  /**
   * `machine`: belongs to the user's machine, a workspace can't set it (it could make us run or trust something).
   * `resource`: may differ between the folders of a window.
   */
  readonly scope: 'machine' | 'window' | 'resource';
}
interface Choice extends Common {
  readonly type: 'string';
  readonly default: string;
  readonly enum?: readonly string[];
  readonly enumDescriptions?: readonly string[];
}
interface Amount extends Common {
  readonly type: 'number';
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
}
interface Switch extends Common {
  readonly type: 'boolean';
  readonly default: boolean;
}
interface Lookup extends Common {
  readonly type: 'object';
  readonly default: Readonly<Record<string, string>>;
  readonly additionalProperties: { readonly type: 'string'; readonly enum: readonly string[] };
}
export type Setting = Choice | Amount | Switch | Lookup;

export const SETTINGS = {
  'livemount.reach': {
    type: 'string',
    default: 'auto',
    enum: ['auto', 'agent', 'sftp'],
    enumDescriptions: [
      'Start the agent on the host where that is possible, else work over SFTP.',
      'Only with the agent; an error where it can’t run.',
      'Never start anything on the host: everything goes over SFTP, and changes are found by polling.',
    ],
    description: 'What works for us on the host.',
    scope: 'machine',
  },
  'livemount.transport': {
    type: 'string',
    default: 'auto',
    enum: ['auto', 'builtin', 'system'],
    enumDescriptions: [
      'The built-in SSH client, or the system’s `ssh` where only that can do what the host’s configuration asks for.',
      'The built-in SSH client.',
      'The system’s `ssh` program: FIDO keys, certificates, GSSAPI and whatever else it can do.',
    ],
    description: 'Which SSH client carries the connection.',
    scope: 'machine',
  },
  'livemount.ssh.configFile': {
    type: 'string',
    default: '',
    description: 'The SSH configuration to use. Empty: `~/.ssh/config` and `/etc/ssh/ssh_config`.',
    scope: 'machine',
  },
  'livemount.graceTime': {
    type: 'number',
    default: 1800,
    minimum: 0,
    maximum: 10_800,
    description: 'How long the agent on the host waits for a lost window to come back, in seconds.',
    scope: 'machine',
  },
  'livemount.durability': {
    type: 'string',
    default: 'fsync',
    enum: ['none', 'fsync', 'syncfs'],
    enumDescriptions: [
      'The host writes to its disk when it likes, as with any program that saves without fsync.',
      'File and directory are on the host’s disk before the editor says “saved”.',
      'A quiet second after saving, what this window wrote is flushed to the host’s disk, and nothing else.',
    ],
    description: 'When a saved file is on the host’s disk.',
    scope: 'window',
  },
  'livemount.trash': {
    type: 'boolean',
    default: false,
    description: 'Deleting in the explorer moves to the trash of the host where it has one.',
    scope: 'resource',
  },
  'livemount.decorations': {
    type: 'boolean',
    default: true,
    description: 'Mark mount points in the explorer.',
    scope: 'window',
  },
  'livemount.find.keybindings': {
    type: 'boolean',
    default: true,
    description:
      'In windows whose folders are all on hosts, Ctrl+P, Ctrl+Shift+F and F4 find on the host. The editor’s own search cannot look there.',
    scope: 'window',
  },
  'livemount.terminal.default': {
    type: 'boolean',
    default: false,
    description:
      'In a window whose folders are all on hosts, the keys for a new terminal open one on the host.',
    scope: 'machine',
  },
  'livemount.git.forwardAgent': {
    type: 'object',
    default: {},
    additionalProperties: { type: 'string', enum: ['on', 'off'] },
    description:
      'Hosts whose git may use the keys of this machine’s SSH agent while it fetches, pulls, pushes or clones: `{"build": "on"}`. Whoever is root there can use them meanwhile, too.',
    scope: 'machine',
  },
  'livemount.git.blameLine': {
    type: 'boolean',
    default: false,
    description: 'Show behind the current line who wrote it, in repositories of hosts.',
    scope: 'window',
  },
  'livemount.cache.mode': {
    type: 'string',
    default: 'lease',
    enum: ['none', 'auto', 'always', 'lease'],
    enumDescriptions: [
      'Ask the host every time.',
      'Trust what is known for one second.',
      'Trust what is known until the host says otherwise, even where it can’t be watched.',
      'Trust what is known while the host has acknowledged a watch on it, else for one second.',
    ],
    description:
      'How long attributes, directory entries and content that are known here may be used without asking.',
    scope: 'window',
  },
  'livemount.cache.modes': {
    type: 'object',
    default: {},
    additionalProperties: { type: 'string', enum: ['none', 'auto', 'always', 'lease'] },
    description:
      'Cache modes that differ from `livemount.cache.mode`: by host (`HOST`) or by mount point (`HOST:/mnt/data`).',
    scope: 'window',
  },
  'livemount.cache.memory': {
    type: 'number',
    default: 64,
    minimum: 4,
    maximum: 4096,
    description: 'Memory for cached content, in MiB per host.',
    scope: 'window',
  },
  'livemount.trace': {
    type: 'boolean',
    default: false,
    description: 'Write every call of the editor, its path, duration and outcome to the Livemount log.',
    scope: 'window',
  },
} as const satisfies Record<`livemount.${string}`, Setting>;

export type SettingName = keyof typeof SETTINGS;

type Widen<S> = S extends { readonly type: 'string'; readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly type: 'string' }
    ? string
    : S extends { readonly type: 'number' }
      ? number
      : S extends { readonly type: 'boolean' }
        ? boolean
        : S extends { readonly additionalProperties: { readonly enum: readonly (infer E)[] } }
          ? Readonly<Record<string, E>>
          : never;

export type SettingValue<N extends SettingName> = Widen<(typeof SETTINGS)[N]>;

/** Whether a value from settings.json is one that the table allows; what a user typed can be anything. */
export function isSettingValue<N extends SettingName>(name: N, value: unknown): value is SettingValue<N> {
  const setting: Setting = SETTINGS[name];
  switch (setting.type) {
    case 'string':
      return typeof value === 'string' && (setting.enum === undefined || setting.enum.includes(value));
    case 'number':
      return typeof value === 'number' && value >= setting.minimum && value <= setting.maximum;
    case 'boolean':
      return typeof value === 'boolean';
    case 'object':
      return (
        typeof value === 'object' &&
        value !== null &&
        Object.values(value).every((mode) => setting.additionalProperties.enum.includes(mode))
      );
  }
}
