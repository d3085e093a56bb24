// Makes the part of package.json that the editor reads from the extension's own tables, and the texts in it in English:
//   node --import tsx scripts/contributes.ts
// writes package.json and package.nls.json; test/extension/manifest.test.ts compares.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type CommandEntry,
  commandEntries,
  KEYBINDINGS,
  type MenuPlace,
} from '../src/extension/commandTable';
import {
  FIND_KEYBINDINGS,
  findCommandEntries,
  SEARCH_CONTEXT,
  SEARCH_VIEW,
} from '../src/extension/find/commandTable';
import { gitCommandEntries } from '../src/extension/git/commandTable';
import { type Setting, SETTINGS } from '../src/extension/settingsTable';
import { WALKTHROUGH } from '../src/extension/walkthroughTable';

const projectFolder = path.resolve(__dirname, '..');
export const manifestFile = path.join(projectFolder, 'package.json');
/** The manifest's texts by key, in English. */
export const textsFile = path.join(projectFolder, 'package.nls.json');

/** Every command with the words before its title in the palette. */
const allCommands: readonly (readonly [string, CommandEntry, string])[] = [
  ...commandEntries.map(([id, entry]) => [id, entry, 'Livemount'] as const),
  ...findCommandEntries.map(([id, entry]) => [id, entry, 'Livemount'] as const),
  ...gitCommandEntries.map(([id, entry]) => [id, entry, 'Livemount Git'] as const),
];

/** The stores want one: the pictures and links of the README lead there. */
const REPOSITORY = 'https://github.com/livemount/livemount';

interface Manifest {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly texts: Readonly<Record<string, string>>;
}

/** What the extension tells the editor about itself, apart from npm's own fields, and the texts that stand in it. */
export function editorManifest(): Manifest {
  const texts: Record<string, string> = {};
  /** A placeholder for a text: the editor puts in the one of its language. */
  const text = (key: string, english: string): string => {
    texts[key] = english;
    return `%${key}%`;
  };
  const fields = {
    repository: { type: 'git', url: `${REPOSITORY}.git` },
    categories: ['Other'],
    keywords: ['remote', 'ssh', 'sftp', 'sshfs', 'filesystem', 'live', 'watch', 'mount'],
    icon: 'media/icon.png',
    galleryBanner: { color: '#12324a', theme: 'dark' },
    pricing: 'Free',
    l10n: './l10n',
    extensionKind: ['ui', 'workspace'],
    activationEvents: ['onFileSystem:livemount', 'onUri', 'onStartupFinished'],
    capabilities: {
      virtualWorkspaces: true,
      untrustedWorkspaces: {
        supported: 'limited',
        description: text(
          'untrustedWorkspaces',
          'Files can be read and written; settings that a workspace could misuse are taken from the user only.',
        ),
        restrictedConfigurations: [
          'livemount.durability',
          'livemount.cache.mode',
          'livemount.cache.modes',
          'livemount.trash',
        ],
      },
    },
    contributes: contributes(text),
  };
  return { fields, texts };
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

type Text = (key: string, english: string) => string;

function contributes(text: Text): Record<string, unknown> {
  return {
    commands: allCommands.map(([command, { title, icon }, category]) => ({
      command,
      title: text(`command.${command}`, title),
      category,
      ...(icon !== undefined && { icon }),
    })),
    menus: menus(),
    keybindings: [...KEYBINDINGS, ...FIND_KEYBINDINGS],
    configuration: { title: 'Livemount', properties: settings(text) },
    viewsContainers: {
      activitybar: [{ id: 'livemount', title: 'Livemount', icon: 'media/livemount.svg' }],
    },
    views: {
      livemount: [
        { id: 'livemount.hosts', name: text('view.hosts', 'Hosts'), icon: 'media/livemount.svg' },
        {
          id: SEARCH_VIEW,
          name: text('view.search', 'Search'),
          icon: 'media/livemount.svg',
          when: SEARCH_CONTEXT,
        },
        {
          id: 'livemount.ports',
          name: text('view.ports', 'Ports'),
          icon: 'media/livemount.svg',
          when: 'livemount.hasPorts',
        },
      ],
    },
    terminal: {
      profiles: [{ id: 'livemount.terminal', title: 'Livemount: Host', icon: '$(vm)' }],
    },
    taskDefinitions: [TASK_DEFINITION],
    viewsWelcome: [
      {
        view: 'livemount.hosts',
        // Before the extension has read the SSH configuration, nothing can be said of it.
        when: 'livemount.started',
        contents: text(
          'view.hosts.welcome',
          'Work live in a folder of another machine, over SSH. Your SSH configuration names no host yet.\n[Open Folder…](command:livemount.openFolder)\n[Add Host…](command:livemount.addHost)',
        ),
      },
    ],
    walkthroughs: [walkthrough(text)],
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

/** Settings as the editor shows them: in the table's order, with their descriptions as Markdown. */
function settings(text: Text): Record<string, unknown> {
  const entries = Object.entries(SETTINGS as Readonly<Record<string, Setting>>);
  return Object.fromEntries(
    entries.map(([name, setting], order) => {
      const { description, ...rest } = setting;
      const key = `setting.${name}`;
      const choices = 'enumDescriptions' in rest ? rest.enumDescriptions : undefined;
      if ('enumDescriptions' in rest) delete (rest as { enumDescriptions?: unknown }).enumDescriptions;
      const shown = {
        ...rest,
        order,
        markdownDescription: text(key, description),
        ...(choices !== undefined && {
          markdownEnumDescriptions: choices.map((choice, i) => text(`${key}.${i}`, choice)),
        }),
      };
      return [name, shown];
    }),
  );
}

function walkthrough(text: Text): Record<string, unknown> {
  const { id, title, description, steps } = WALKTHROUGH;
  const key = `walkthrough.${id}`;
  return {
    id,
    title: text(key, title),
    description: text(`${key}.description`, description),
    icon: 'media/icon.png',
    steps: steps.map((step) => ({
      id: step.id,
      title: text(`${key}.${step.id}`, step.title),
      description: text(`${key}.${step.id}.description`, step.description),
      media: {
        image: `media/walkthrough/${step.picture}.png`,
        altText: text(`${key}.${step.id}.alt`, step.alt),
      },
      completionEvents: step.doneBy,
    })),
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

function write(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

if (require.main === module) {
  const manifest: unknown = JSON.parse(readFileSync(manifestFile, 'utf8'));
  const { fields, texts } = editorManifest();
  write(manifestFile, { ...(manifest as object), ...fields });
  write(textsFile, texts);
}
