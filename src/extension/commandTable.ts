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
const HOSTS_VIEW = 'view == livemount.hosts';
const ON_HOST = `${HOSTS_VIEW} && viewItem =~ /^host/`;
const ON_ANY_HOST = `${HOSTS_VIEW} && viewItem =~ /^(host|configured)/`;
const ON_SUPERBLOCK = `${HOSTS_VIEW} && viewItem =~ /^superblock/`;
const ON_FOLDER = `${HOSTS_VIEW} && viewItem =~ /^folder/`;

const ON_LOCAL_FOLDER = `${HOSTS_VIEW} && viewItem == localFolder`;

const PORTS_VIEW = 'view == livemount.ports';
const ON_PORT = `${PORTS_VIEW} && viewItem == port`;

/** Commands of one part of the extension stand together, under a heading. */
export const COMMANDS = {
  'livemount.openFolder': {
    title: 'Open Folder…',
    icon: '$(folder-opened)',
    menus: [{ menu: 'view/title', when: HOSTS_VIEW, group: 'navigation@1' }],
  },
  'livemount.openFolder.complete': { title: 'Complete the Path', palette: 'false' },
  'livemount.addHost': {
    title: 'Add Host…',
    icon: '$(add)',
    menus: [{ menu: 'view/title', when: HOSTS_VIEW, group: 'navigation@2' }],
  },
  'livemount.host.openFolder': {
    title: 'Open Folder on This Host…',
    icon: '$(folder-opened)',
    palette: 'false',
    menus: [
      { menu: 'view/item/context', when: ON_ANY_HOST, group: 'inline@2' },
      { menu: 'view/item/context', when: ON_ANY_HOST, group: 'open@1' },
    ],
  },
  'livemount.host.copyName': {
    title: 'Copy Host Name',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_ANY_HOST, group: 'copy@1' }],
  },
  'livemount.disconnect': {
    title: 'Disconnect',
    icon: '$(debug-disconnect)',
    menus: [
      {
        menu: 'view/item/context',
        when: `${HOSTS_VIEW} && viewItem =~ /^host (connect|reconnect|failed)/`,
        group: 'connection@2',
      },
    ],
  },
  'livemount.reconnect': {
    title: 'Reconnect',
    icon: '$(debug-restart)',
    menus: [
      {
        menu: 'view/item/context',
        when: `${HOSTS_VIEW} && viewItem =~ /^host (reconnecting|failed|disconnected|closed|idle)/`,
        group: 'inline@1',
      },
      {
        menu: 'view/item/context',
        when: `${HOSTS_VIEW} && viewItem =~ /^host (reconnecting|failed|disconnected|closed|idle)/`,
        group: 'connection@1',
      },
    ],
  },
  'livemount.host.forget': {
    title: 'Forget This Host',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_HOST, group: 'connection@3' }],
  },
  'livemount.connection': { title: 'Connection…' },
  'livemount.folder.open': {
    title: 'Open in a New Window',
    icon: '$(empty-window)',
    palette: 'false',
    menus: [
      { menu: 'view/item/context', when: ON_FOLDER, group: 'inline@1' },
      { menu: 'view/item/context', when: ON_FOLDER, group: 'open@1' },
    ],
  },
  'livemount.openLocal': {
    title: 'Open as Local Folder',
    icon: '$(desktop-download)',
    menus: [
      {
        menu: 'explorer/context',
        when: `${OUR_FILE} && explorerResourceIsFolder && isLinux`,
        group: 'navigation@32',
      },
      { menu: 'view/item/context', when: `${ON_FOLDER} && isLinux`, group: 'open@2' },
      { menu: 'view/item/context', when: `${ON_SUPERBLOCK} && isLinux`, group: 'open@3' },
    ],
  },
  'livemount.local.show': {
    title: 'Open Local Folder in a New Window',
    icon: '$(empty-window)',
    palette: 'false',
    menus: [
      { menu: 'view/item/context', when: ON_LOCAL_FOLDER, group: 'inline@1' },
      { menu: 'view/item/context', when: ON_LOCAL_FOLDER, group: 'open@1' },
    ],
  },
  'livemount.local.end': {
    title: 'End Local Folder',
    icon: '$(debug-disconnect)',
    palette: 'isLinux',
    menus: [
      { menu: 'view/item/context', when: ON_LOCAL_FOLDER, group: 'inline@2' },
      { menu: 'view/item/context', when: ON_LOCAL_FOLDER, group: 'open@2' },
    ],
  },
  'livemount.folder.favour': {
    title: 'Add to Favourites',
    icon: '$(star-empty)',
    palette: 'false',
    menus: [
      {
        menu: 'view/item/context',
        when: `${HOSTS_VIEW} && viewItem == 'folder recent'`,
        group: 'inline@2',
      },
    ],
  },
  'livemount.folder.unfavour': {
    title: 'Remove from Favourites',
    icon: '$(star-full)',
    palette: 'false',
    menus: [
      {
        menu: 'view/item/context',
        when: `${HOSTS_VIEW} && viewItem == 'folder favourite'`,
        group: 'inline@2',
      },
    ],
  },
  'livemount.folder.forget': {
    title: 'Forget This Folder',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_FOLDER, group: 'open@3' }],
  },
  'livemount.showLog': {
    title: 'Show Log',
    icon: '$(output)',
    menus: [{ menu: 'view/title', when: HOSTS_VIEW, group: 'navigation@4' }],
  },
  'livemount.explain': {
    title: 'Explain This File',
    icon: '$(question)',
    menus: [
      { menu: 'explorer/context', when: OUR_FILE, group: '6_livemount@1' },
      { menu: 'editor/title/context', when: OUR_FILE, group: '6_livemount@1' },
    ],
  },
  'livemount.copyHostPath': {
    title: 'Copy host:path',
    menus: [
      { menu: 'explorer/context', when: OUR_FILE, group: '6_copypath@30' },
      { menu: 'editor/title/context', when: OUR_FILE, group: '1_copypath@30' },
      { menu: 'view/item/context', when: `${ON_SUPERBLOCK} || ${ON_FOLDER}`, group: 'copy@2' },
    ],
  },
  'livemount.copyValue': {
    title: 'Copy Value',
    icon: '$(copy)',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: `${HOSTS_VIEW} && viewItem == field`, group: 'inline@1' }],
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
      { menu: 'view/title', when: HOSTS_VIEW, group: 'navigation@3' },
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
  'livemount.superblock.explain': {
    title: 'Explain This Mount',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'about@1' }],
  },
  'livemount.superblock.copyPath': {
    title: 'Copy Path',
    palette: 'false',
    menus: [{ menu: 'view/item/context', when: ON_SUPERBLOCK, group: 'copy@1' }],
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

/** Keys: in our own picker, and for terminals of the host where these are the default. */
export const KEYBINDINGS: readonly {
  readonly command: CommandId;
  readonly key: string;
  readonly when: string;
}[] = [
  { command: 'livemount.openFolder.complete', key: 'tab', when: 'inQuickInput && livemount.choosingFolder' },
  { command: 'livemount.openTerminal', key: 'ctrl+shift+`', when: 'livemount.hostTerminalIsDefault' },
  {
    command: 'livemount.openTerminal',
    key: 'ctrl+`',
    when: 'livemount.hostTerminalIsDefault && terminalCount == 0',
  },
];
