/** Every command, once: titles and menus. package.json's `contributes.commands` and `menus` are made from this table. */

/** Where a command shows besides the command palette; `when` is a VS Code context expression. */
export interface MenuPlace {
  readonly menu:
    | 'view/title'
    | 'view/item/context'
    | 'explorer/context'
    | 'editor/title/context'
    | 'scm/title'
    | 'scm/resourceGroup/context'
    | 'scm/resourceFolder/context'
    | 'scm/resourceState/context'
    | 'scm/change/title';
  readonly when: string;
  readonly group: string;
}
export interface CommandEntry {
  readonly title: string;
  readonly icon?: string;
  /** Absent: always in the palette. */
  readonly palette?: string;
  readonly menus?: readonly MenuPlace[];
}

const OUR_FILE = 'resourceScheme == livemount';
const ON_HOST = 'view == livemount.hosts && viewItem =~ /^host/';
const ON_SUPERBLOCK = 'view == livemount.hosts && viewItem =~ /^superblock/';

const PORTS_VIEW = 'view == livemount.ports';
const ON_PORT = `${PORTS_VIEW} && viewItem == port`;

export const COMMANDS = {
  'livemount.openFolder': {
    title: 'Open Folder…',
    icon: '$(folder-opened)',
    menus: [{ menu: 'view/title', when: 'view == livemount.hosts', group: 'navigation@1' }],
  },
  'livemount.disconnect': {
    title: 'Disconnect',
    icon: '$(debug-disconnect)',
    menus: [{ menu: 'view/item/context', when: ON_HOST, group: 'connection@2' }],
  },
  'livemount.reconnect': {
    title: 'Reconnect',
    icon: '$(debug-restart)',
    menus: [{ menu: 'view/item/context', when: ON_HOST, group: 'inline@1' }],
  },
  'livemount.showLog': {
    title: 'Show Log',
    icon: '$(output)',
    menus: [{ menu: 'view/title', when: 'view == livemount.hosts', group: 'navigation@3' }],
  },
  'livemount.explain': {
    title: 'Explain This File',
    icon: '$(question)',
    menus: [
      { menu: 'explorer/context', when: OUR_FILE, group: '6_livemount@1' },
      { menu: 'editor/title/context', when: OUR_FILE, group: '6_livemount@1' },
      { menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'about@1' },
    ],
  },
  'livemount.sync': {
    title: 'Sync to Disk',
    icon: '$(save-all)',
    menus: [{ menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'disk@1' }],
  },
  'livemount.editAsRoot': {
    title: 'Edit as Root…',
    menus: [
      { menu: 'editor/title/context', when: `${OUR_FILE} && activeEditorIsReadonly`, group: '6_livemount@2' },
    ],
  },
  'livemount.saveAsRoot': {
    title: 'Save as Root…',
    menus: [{ menu: 'editor/title/context', when: OUR_FILE, group: '6_livemount@3' }],
  },
  'livemount.refresh': {
    title: 'Refresh',
    icon: '$(refresh)',
    menus: [
      { menu: 'view/title', when: 'view == livemount.hosts', group: 'navigation@2' },
      { menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'inline@2' },
    ],
  },
  'livemount.superblock.open': {
    title: 'Open Mount in a New Window',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'open@1' }],
  },
  'livemount.superblock.reveal': {
    title: 'Reveal in Explorer',
    icon: '$(list-tree)',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'inline@1' }],
  },
  'livemount.superblock.copyPath': {
    title: 'Copy Path',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'open@3' }],
  },
  'livemount.superblock.unwatch': {
    title: 'Stop Watching This Mount',
    palette: 'false',
    menus: [
      { menu: 'view/item/context', when: `${ON_SUPERBLOCK} && viewItem =~ /watched/`, group: 'watch@1' },
    ],
  },
  'livemount.superblock.watch': {
    title: 'Watch This Mount Again',
    palette: 'false',
    menus: [
      { menu: 'view/item/context', when: `${ON_SUPERBLOCK} && viewItem =~ /silent/`, group: 'watch@1' },
    ],
  },
  'livemount.openTerminal': {
    title: 'Open in Host Terminal',
    icon: '$(terminal)',
    menus: [
      { menu: 'explorer/context', when: OUR_FILE, group: 'navigation@31' },
      { menu: 'view/item/context', when: ON_HOST, group: 'inline@2' },
      { menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'open@2' },
    ],
  },
  'livemount.forwardPort': {
    title: 'Forward a Port…',
    icon: '$(add)',
    menus: [
      { menu: 'view/title', when: PORTS_VIEW, group: 'navigation@1' },
      { menu: 'view/item/context', when: ON_HOST, group: 'connection@1' },
    ],
  },
  'livemount.ports.open': {
    title: 'Open in Browser',
    icon: '$(globe)',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_PORT, group: 'inline@1' }],
  },
  'livemount.ports.copy': {
    title: 'Copy Address',
    icon: '$(copy)',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_PORT, group: 'inline@2' }],
  },
  'livemount.ports.stop': {
    title: 'Stop Forwarding',
    icon: '$(close)',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_PORT, group: 'inline@3' }],
  },
} as const satisfies Record<`livemount.${string}`, CommandEntry>;

export type CommandId = keyof typeof COMMANDS;

/** All commands as plain entries, for those who only read the table. */
export const commandEntries = Object.entries(COMMANDS) as readonly [CommandId, CommandEntry][];
