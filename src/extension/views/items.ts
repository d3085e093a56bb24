import * as vscode from 'vscode';
import type { SuperblockView } from '../../client/vfs';
import type { HostSession } from '../hosts/hostSession';
import { t } from '../l10n';
import { isWithin, ourFolders, placeOf, uriOf } from '../uris';
import { agoText, changeText } from './fields';
import { treeItem } from './item';
import type { MountCounters } from './mountCounters';
import { liveness, type MountCounts, troubles, usedPart } from './mountHealth';
import type {
  ChangeNode,
  ConfiguredNode,
  FieldNode,
  FolderNode,
  GroupNode,
  LocalFolderNode,
  SectionNode,
  SuperblockNode,
} from './nodes';
import { aboutMount, describeState, duration, isReadonly, milliseconds, outageLines } from './words';

const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;

/** A host: is it there, and is all well. */
export function hostItem(
  session: HostSession,
  mounts: readonly SuperblockView[],
  counters: MountCounters,
): vscode.TreeItem {
  const { state, current, host } = session;
  const wrong = mounts.flatMap((view) =>
    troubles(view, counters.of(view), t).map((trouble) => `${view.mountpoint}: ${trouble}`),
  );
  const lines = outageLines(session);
  const { retryInMs } = session;
  const connected =
    wrong.length === 0
      ? t('live, {0}', milliseconds(current?.rttMs))
      : t('live, {0}; needs a look: {1}', milliseconds(current?.rttMs), String(wrong.length));
  const waiting =
    retryInMs === undefined
      ? describeState(state)
      : t('{0} next attempt in {1}', describeState(state), duration(retryInMs));
  const item = treeItem(
    {
      label: host,
      description: state === 'connected' ? connected : waiting,
      tooltip: [host, state === 'connected' ? connected : describeState(state), ...lines, ...wrong].join(
        '\n',
      ),
    },
    current === undefined && lines.length === 0 ? None : Expanded,
  );
  item.id = `host ${host}`;
  const isBad = state === 'failed' || wrong.length > 0;
  item.iconPath = new vscode.ThemeIcon(
    state === 'connected' ? 'vm-active' : 'vm-outline',
    isBad ? new vscode.ThemeColor('list.warningForeground') : undefined,
  );
  item.contextValue = `host ${state}`;
  return item;
}

/** A mount: is it live, is it well, how full. */
export function mountItem(
  { session, view }: SuperblockNode,
  name: string,
  counts: MountCounts | undefined,
  isSilenced: boolean,
): vscode.TreeItem {
  const used = usedPart(counts);
  const wrong = troubles(view, counts, t);
  const item = treeItem(
    {
      label: name,
      description: [
        view.mount.fstype,
        liveness(view, isSilenced, t),
        ...(isReadonly(view) ? [t('read-only')] : []),
        ...(used === undefined ? [] : [t('{0} % full', String(Math.round(used * 100)))]),
      ].join(' · '),
      tooltip: [view.mountpoint, aboutMount(view), ...wrong].join('\n'),
    },
    Collapsed,
  );
  item.id = `mount ${session.host} ${view.name}`;
  item.iconPath =
    wrong.length > 0
      ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'))
      : new vscode.ThemeIcon(isReadonly(view) ? 'lock' : 'database');
  item.contextValue = `superblock ${isSilenced ? 'silent' : 'watched'}`;
  return item;
}

export function fieldItem({ label, value, icon, tooltip, spoken }: FieldNode): vscode.TreeItem {
  const item = treeItem({
    label,
    description: value,
    tooltip: [`${label}: ${value}`, tooltip].filter(Boolean).join('\n'),
    ...(spoken !== undefined && { spoken: `${label}, ${spoken}` }),
  });
  if (icon !== undefined) item.iconPath = new vscode.ThemeIcon(icon);
  item.contextValue = 'field';
  return item;
}

export function groupItem({ group, session, view }: GroupNode): vscode.TreeItem {
  const words = {
    elsewhere: {
      label: t('Elsewhere on this host'),
      tooltip: t('Mounts that no open folder reaches and nothing here watches'),
      icon: 'server',
    },
    system: {
      label: t('System'),
      tooltip: t('Filesystems that the kernel makes up, as /proc and /sys'),
      icon: 'settings-gear',
    },
    changes: {
      label: t('Last changes'),
      tooltip: t('What happened on the host while this window looked'),
      icon: 'history',
    },
    details: { label: t('Details'), tooltip: t('For who knows what they mean'), icon: 'list-unordered' },
  }[group];
  const item = treeItem(words, Collapsed);
  item.iconPath = new vscode.ThemeIcon(words.icon);
  item.id = `group ${group} ${session.host} ${view?.name ?? ''}`;
  return item;
}

const changeIcons: Readonly<Record<ChangeNode['heard']['change']['kind'], string>> = {
  create: 'diff-added',
  modify: 'diff-modified',
  attrib: 'settings',
  delete: 'diff-removed',
  rename: 'diff-renamed',
  overflow: 'warning',
  mount: 'database',
  unmount: 'database',
  error: 'error',
};

/** The folder of a path, as seen from the open folder it lies in. */
function placeText(session: HostSession, path: string): string {
  const folder = path.slice(0, path.lastIndexOf('/')) || '/';
  for (const { uri } of ourFolders()) {
    const open = placeOf(uri);
    if (open.host !== session.host || !isWithin(folder, open.path)) continue;
    return folder.slice(open.path.length).replace(/^\//, '');
  }
  return folder;
}

export function changeItem({ session, heard }: ChangeNode): vscode.TreeItem {
  const { change } = heard;
  const path = change.to ?? change.path;
  const item = treeItem({
    label: path.slice(path.lastIndexOf('/') + 1) || '/',
    description: [agoText(heard), placeText(session, path)].filter(Boolean).join(' · '),
    tooltip: `${changeText(heard)}\n${agoText(heard)}`,
    spoken: `${changeText(heard)}, ${agoText(heard)}`,
  });
  item.iconPath = new vscode.ThemeIcon(changeIcons[change.kind]);
  const canOpen = !change.isDirectory && ['create', 'modify', 'attrib', 'rename'].includes(change.kind);
  if (canOpen) {
    const uri = uriOf({ host: session.host, path });
    item.command = { command: 'vscode.open', title: t('Open'), arguments: [uri] };
  }
  return item;
}

export function sectionItem({ section }: SectionNode): vscode.TreeItem {
  const words = {
    local: { label: t('Local folders'), icon: 'desktop-download' },
    favourites: { label: t('Favourites'), icon: 'star-full' },
    recent: { label: t('Recent folders'), icon: 'history' },
    hosts: { label: t('Hosts of your SSH configuration'), icon: 'remote-explorer' },
  }[section];
  const item = treeItem(words, section === 'recent' ? Collapsed : Expanded);
  item.iconPath = new vscode.ThemeIcon(words.icon);
  item.id = `section ${section}`;
  return item;
}

export function folderItem({ folder }: FolderNode): vscode.TreeItem {
  const { host, path, isFavourite } = folder;
  const item = treeItem({
    label: path.slice(path.lastIndexOf('/') + 1) || '/',
    description: `${host}:${path}`,
    tooltip: t('Open {0} on {1}', path, host),
  });
  item.id = `folder ${host} ${path}`;
  item.iconPath = new vscode.ThemeIcon('folder');
  item.contextValue = `folder ${isFavourite ? 'favourite' : 'recent'}`;
  item.command = {
    command: 'livemount.folder.open',
    title: t('Open'),
    arguments: [{ type: 'folder', folder } satisfies FolderNode],
  };
  return item;
}

/** A live mount of this machine: whatever program works in it, works on the host. */
export function localFolderItem(node: LocalFolderNode): vscode.TreeItem {
  const { directory, source } = node;
  const item = treeItem({
    label: directory.slice(directory.lastIndexOf('/') + 1) || '/',
    description: source,
    tooltip: [source, t('is the folder {0} on this machine, for every program', directory)].join('\n'),
    spoken: t('{0}, mounted on this machine', source),
  });
  item.id = `local ${directory}`;
  item.iconPath = new vscode.ThemeIcon('folder-active');
  item.contextValue = 'localFolder';
  item.command = {
    command: 'livemount.local.show',
    title: t('Open'),
    arguments: [node],
  };
  return item;
}

export function configuredItem({ host }: ConfiguredNode): vscode.TreeItem {
  const item = treeItem({ label: host, tooltip: t('Open a folder on {0}', host) });
  item.id = `configured ${host}`;
  item.iconPath = new vscode.ThemeIcon('vm');
  item.contextValue = 'configured';
  item.command = {
    command: 'livemount.host.openFolder',
    title: t('Open Folder…'),
    arguments: [{ type: 'configured', host } satisfies ConfiguredNode],
  };
  return item;
}
