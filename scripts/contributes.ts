// Makes the part of package.json that the editor reads from the extension's own tables:
//   node --import tsx scripts/contributes.ts        writes it; test/extension/manifest.test.ts compares.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type CommandEntry, commandEntries, type MenuPlace } from '../src/extension/commandTable';
import { gitCommandEntries } from '../src/extension/git/commandTable';
import { SETTINGS } from '../src/extension/settingsTable';

/** Every command with the words before its title in the palette. */
const allCommands: readonly (readonly [string, CommandEntry, string])[] = [
  ...commandEntries.map(([id, entry]) => [id, entry, 'Livemount'] as const),
  ...gitCommandEntries.map(([id, entry]) => [id, entry, 'Livemount Git'] as const),
];

export const manifestFile = path.resolve(__dirname, '../package.json');

/** What the extension tells the editor about itself, apart from npm's own fields. */
export function editorManifest(): Record<string, unknown> {
  return {
    categories: ['Other'],
    keywords: ['remote', 'ssh', 'sftp', 'filesystem', 'live'],
    icon: 'media/icon.png',
    extensionKind: ['ui', 'workspace'],
    activationEvents: ['onFileSystem:livemount', 'onUri'],
    capabilities: {
      virtualWorkspaces: true,
      untrustedWorkspaces: {
        supported: 'limited',
        description:
          'Files can be read and written; settings that a workspace could misuse are taken from the user only.',
        restrictedConfigurations: [
          'livemount.durability',
          'livemount.cache.mode',
          'livemount.cache.modes',
          'livemount.trash',
        ],
      },
    },
    contributes: contributes(),
  };
}

/** Tasks that run on the host. `problemMatchers`, since what the editor calls problemMatcher looks for files here. */
const TASK_DEFINITION = {
  type: 'livemount',
  required: ['command'],
  properties: {
    command: {
      type: 'string',
      description: 'The program; without args, a line for the login shell on the host.',
    },
    args: { type: 'array', items: { type: 'string' }, description: 'The arguments of the program.' },
    cwd: { type: 'string', description: 'The folder it runs in, relative to the workspace folder.' },
    env: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Variables on top of those of a login.',
    },
    problemMatchers: {
      type: ['string', 'array', 'object'],
      description: 'Problem matchers by name, as $gcc, or written out as in tasks.json.',
    },
    isBackground: { type: 'boolean', description: 'It goes on, and compiles again by itself.' },
  },
};

function contributes(): Record<string, unknown> {
  return {
    commands: allCommands.map(([command, { title, icon }, category]) => ({
      command,
      title,
      category,
      ...(icon !== undefined && { icon }),
    })),
    menus: menus(),
    configuration: { title: 'Livemount', properties: SETTINGS },
    viewsContainers: {
      activitybar: [{ id: 'livemount', title: 'Livemount', icon: 'media/livemount.svg' }],
    },
    views: {
      livemount: [
        { id: 'livemount.hosts', name: 'Hosts', icon: 'media/livemount.svg' },
        { id: 'livemount.ports', name: 'Ports', icon: 'media/livemount.svg', when: 'livemount.hasPorts' },
      ],
    },
    terminal: {
      profiles: [{ id: 'livemount.terminal', title: 'Livemount: Host', icon: '$(vm)' }],
    },
    keybindings: [
      {
        command: 'livemount.openTerminal',
        key: 'ctrl+shift+`',
        when: 'livemount.hostTerminalIsDefault',
      },
      {
        command: 'livemount.openTerminal',
        key: 'ctrl+`',
        when: 'livemount.hostTerminalIsDefault && terminalCount == 0',
      },
    ],
    taskDefinitions: [TASK_DEFINITION],
    viewsWelcome: [
      {
        view: 'livemount.hosts',
        contents:
          'Work live in a folder of another machine, over SSH.\n[Open Folder…](command:livemount.openFolder)',
      },
    ],
    resourceLabelFormatters: [
      {
        scheme: 'livemount',
        authority: '*',
        // No workspaceSuffix: the editor puts nothing in for `authority` there, and without one it names the host itself.
        formatting: {
          label: placeholder('path'),
          separator: '/',
        },
      },
    ],
  };
}

/** A placeholder that the editor fills in. */
function placeholder(part: string): string {
  return `\${${part}}`;
}

function menus(): Record<string, unknown[]> {
  const places = new Map<string, unknown[]>();
  const add = (menu: MenuPlace['menu'] | 'commandPalette', entry: unknown) =>
    places.set(menu, [...(places.get(menu) ?? []), entry]);
  for (const [command, entry] of allCommands) {
    if (entry.palette !== undefined) add('commandPalette', { command, when: entry.palette });
    for (const { menu, when, group } of entry.menus ?? []) add(menu, { command, when, group });
  }
  return Object.fromEntries(places);
}

if (require.main === module) {
  const manifest: unknown = JSON.parse(readFileSync(manifestFile, 'utf8'));
  writeFileSync(
    manifestFile,
    `${JSON.stringify({ ...(manifest as object), ...editorManifest() }, null, 2)}\n`,
  );
}
