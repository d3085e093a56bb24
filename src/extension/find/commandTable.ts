import type { CommandEntry, MenuPlace } from '../commandTable';

/** The commands of finding, once; package.json's are made from this table as from the other ones. */

export const SEARCH_VIEW = 'livemount.search';
/** A search was made in this window: its view shows. */
export const SEARCH_CONTEXT = 'livemount.find.hasSearch';
/** There is something to step through. */
export const RESULTS_CONTEXT = 'livemount.find.hasResults';
/** There is a replacement to be taken back. */
export const UNDO_CONTEXT = 'livemount.find.canUndo';

const IN_VIEW = `view == ${SEARCH_VIEW}`;
const title = (group: string, when = ''): MenuPlace => ({
  menu: 'view/title',
  when: `${IN_VIEW}${when === '' ? '' : ` && ${when}`}`,
  group,
});
const item = (group: string, when = ''): MenuPlace => ({
  menu: 'view/item/context',
  when: `${IN_VIEW}${when === '' ? '' : ` && ${when}`}`,
  group,
});
const HIDDEN = 'false';

export const FIND_COMMANDS = {
  'livemount.find.goToFile': { title: 'Go to File on Host…', icon: '$(go-to-file)' },
  'livemount.find.inFiles': {
    title: 'Find in Files on Host…',
    icon: '$(search)',
    menus: [
      title('navigation@1'),
      { menu: 'explorer/context', when: 'resourceScheme == livemount', group: '4_search@1' },
    ],
  },
  'livemount.find.refresh': {
    title: 'Search Again',
    icon: '$(refresh)',
    palette: SEARCH_CONTEXT,
    menus: [title('navigation@2', RESULTS_CONTEXT)],
  },
  'livemount.find.replace': {
    title: 'Replace in Files…',
    icon: '$(replace-all)',
    palette: RESULTS_CONTEXT,
    menus: [title('navigation@3', RESULTS_CONTEXT)],
  },
  'livemount.find.undoReplace': {
    title: 'Undo Replace in Files',
    icon: '$(discard)',
    palette: UNDO_CONTEXT,
    menus: [title('navigation@4', UNDO_CONTEXT)],
  },
  'livemount.find.openAsDocument': {
    title: 'Open Results as Document',
    icon: '$(go-to-file)',
    palette: RESULTS_CONTEXT,
    menus: [title('navigation@5', RESULTS_CONTEXT)],
  },
  'livemount.find.copyAll': {
    title: 'Copy All Results',
    palette: RESULTS_CONTEXT,
    menus: [title('1_results@1', RESULTS_CONTEXT), item('2_copy@2')],
  },
  'livemount.find.clear': {
    title: 'Clear Results',
    palette: RESULTS_CONTEXT,
    menus: [title('1_results@2', RESULTS_CONTEXT)],
  },
  'livemount.find.next': { title: 'Next Search Result', palette: RESULTS_CONTEXT },
  'livemount.find.previous': { title: 'Previous Search Result', palette: RESULTS_CONTEXT },
  'livemount.find.open': { title: 'Open Search Result', palette: HIDDEN },
  'livemount.find.copy': { title: 'Copy', palette: HIDDEN, menus: [item('2_copy@1')] },
  'livemount.find.dismiss': {
    title: 'Leave Out of the Results',
    icon: '$(close)',
    palette: HIDDEN,
    menus: [item('inline@2')],
  },
  'livemount.find.excludeFolder': {
    title: 'Search Again Without This Folder',
    palette: HIDDEN,
    menus: [item('1_search@1', 'viewItem == file')],
  },
  'livemount.find.preview': {
    title: 'Preview What Replacing Does',
    icon: '$(diff)',
    palette: HIDDEN,
    menus: [item('inline@1', `viewItem == file && ${RESULTS_CONTEXT}`)],
  },
} as const satisfies Record<`livemount.find.${string}`, CommandEntry>;

export type FindCommandId = keyof typeof FIND_COMMANDS;
export const findCommandEntries = Object.entries(FIND_COMMANDS) as readonly [FindCommandId, CommandEntry][];

/** A window whose folders are all ours, unless the user keeps the editor's own keys. */
const ALL_OURS = 'virtualWorkspace == livemount && config.livemount.find.keybindings';

export const FIND_KEYBINDINGS = [
  { command: 'livemount.find.goToFile', key: 'ctrl+p', mac: 'cmd+p', when: ALL_OURS },
  { command: 'livemount.find.inFiles', key: 'ctrl+shift+f', mac: 'cmd+shift+f', when: ALL_OURS },
  {
    command: 'livemount.find.replace',
    key: 'ctrl+shift+h',
    mac: 'cmd+shift+h',
    when: `${ALL_OURS} && ${RESULTS_CONTEXT}`,
  },
  { command: 'livemount.find.next', key: 'f4', when: `${ALL_OURS} && ${RESULTS_CONTEXT}` },
  { command: 'livemount.find.previous', key: 'shift+f4', when: `${ALL_OURS} && ${RESULTS_CONTEXT}` },
] as const satisfies readonly {
  readonly command: FindCommandId;
  readonly key: string;
  readonly mac?: string;
  readonly when: string;
}[];
