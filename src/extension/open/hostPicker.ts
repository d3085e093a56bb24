import * as vscode from 'vscode';
import { DisposableStore } from '../../base/dispose';
import { parseTarget } from '../../ssh/config/target';
import { inWords } from '../errors';
import type { Hosts } from '../hosts/hosts';
import { t } from '../l10n';
import { ShownPick } from '../show';
import type { Place } from '../uris';
import { describeState } from '../views/words';
import type { RecentFolders } from './recentFolders';

/** What was chosen: a host to browse, a folder that was open before, or that a host be added. */
export type HostChoice =
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'folder'; readonly place: Place }
  | { readonly kind: 'add' };

interface HostItem extends vscode.QuickPickItem {
  readonly choice?: HostChoice;
  /** Takes what is typed as the host. */
  readonly isTyped?: boolean;
}

/** Recent folders that are offered before the hosts. */
const RECENT = 5;

/**
 * Asks for a host: the folders that were open last, the hosts of the SSH configuration and of this window, and whatever is
 * typed. Enter takes the first match; what was typed counts only where nothing matches.
 */
export function chooseHost(
  hosts: Hosts,
  configured: readonly string[],
  recent: RecentFolders,
): Promise<HostChoice | undefined> {
  const pick = new ShownPick<HostItem>();
  const { picker } = pick;
  const owned = new DisposableStore();
  pick.title = t('Livemount: Open Folder on Which Host?');
  pick.placeholder = t('A host of your SSH configuration, or user@host:port');
  const offer = (problem?: string) => {
    pick.items = itemsFor(picker.value.trim(), hosts, configured, recent, problem);
  };
  offer();
  return new Promise((resolve) => {
    const end = (choice: HostChoice | undefined) => {
      resolve(choice);
      owned.dispose();
      pick.dispose();
    };
    owned.add(picker.onDidChangeValue(() => offer()));
    owned.add(picker.onDidHide(() => end(undefined)));
    owned.add(
      picker.onDidTriggerItemButton(({ item: { choice } }) => {
        if (choice?.kind !== 'folder') return;
        void recent.forget(choice.place).then(() => offer());
      }),
    );
    owned.add(
      picker.onDidAccept(() => {
        const [item] = picker.selectedItems;
        const typed = picker.value.trim();
        if (item?.choice !== undefined) return end(item.choice);
        if (typed === '') return undefined;
        try {
          parseTarget(typed);
        } catch (error) {
          return offer(inWords(error).sentence);
        }
        return end({ kind: 'host', host: typed });
      }),
    );
    picker.show();
  });
}

function itemsFor(
  typed: string,
  hosts: Hosts,
  configured: readonly string[],
  recent: RecentFolders,
  problem: string | undefined,
): HostItem[] {
  const icon = (id: string) => ({ iconPath: new vscode.ThemeIcon(id) });
  const separator = (label: string): HostItem => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const folders = recent
    .list()
    .slice(0, RECENT)
    .map(
      (place): HostItem => ({
        label: `${place.host}:${place.path}`,
        ...icon(place.isFavourite ? 'star-full' : 'history'),
        choice: { kind: 'folder', place },
        buttons: [{ ...icon('close'), tooltip: t('Forget') }],
      }),
    );
  const states = new Map(hosts.all().map((session) => [session.host, session.state]));
  // The configuration first: what failed under a mistyped name is never the first match of a right one.
  const names = [...new Set([...configured, ...states.keys()])];
  const known = names.map((host): HostItem => {
    const state = states.get(host);
    return {
      label: host,
      ...icon(state === 'connected' ? 'vm-active' : 'vm'),
      ...(state !== undefined && state !== 'idle' && { description: describeState(state) }),
      choice: { kind: 'host', host },
    };
  });
  // Its label never holds what is typed, so the editor puts it behind whatever matches.
  const other: HostItem = {
    label: t('Another host:'),
    description: typed,
    ...icon('add'),
    isTyped: true,
    alwaysShow: true,
  };
  const add: HostItem = { label: t('Add Host…'), ...icon('add'), choice: { kind: 'add' } };
  return [
    ...(problem === undefined ? [] : [{ label: problem, ...icon('error'), alwaysShow: true }]),
    ...(folders.length === 0 ? [] : [separator(t('Recent folders')), ...folders]),
    separator(t('Hosts')),
    ...known,
    ...(typed === '' || names.includes(typed) ? [] : [other]),
    add,
  ];
}
