import * as vscode from 'vscode';
import { DisposableStore } from '../../base/dispose';
import type { SuperblockView } from '../../client/vfs';
import type { Hosts } from '../hosts/hosts';
import type { HostSession } from '../hosts/hostSession';
import type { LocalFolder } from '../mount/localFolders';
import type { RecentFolders } from '../open/recentFolders';
import { isWithin, ourFolders, placeOf, uriOf } from '../uris';
import type { WatchHub } from '../watchHub';
import { hostFields, leftOutField, mountAnswers, mountDetails } from './fields';
import type { History } from './history';
import { groupMounts, type MountGroups } from './mountGroups';
import { isPseudo } from './mountHealth';
import { MountCounters } from './mountCounters';
import type { HostNode, Node, SectionNode, SuperblockNode } from './nodes';
import {
  changeItem,
  configuredItem,
  fieldItem,
  folderItem,
  groupItem,
  hostItem,
  localFolderItem,
  mountItem,
  sectionItem,
} from './items';

/** How often what is shown is drawn again while the view is visible. */
const REDRAW_MS = 3000;

export interface TreeParts {
  readonly hosts: Hosts;
  readonly watches: WatchHub;
  readonly history: History;
  readonly recent: RecentFolders;
  /** The hosts that the SSH configuration names. */
  configuredHosts(): readonly string[];
  /** The folders of hosts that are mounted on this machine. */
  localFolders(): readonly LocalFolder[];
}

/**
 * The Hosts view: the hosts of this window with what a person asks of each, their mounts, and what happened last; below
 * them what is mounted on this machine, and where to go from here: favourite and recent folders, and the hosts of the SSH configuration.
 */
export class HostsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Node | undefined>();
  private readonly view: vscode.TreeView<Node>;
  private readonly owned = new DisposableStore();
  private readonly counters: MountCounters;
  private timer: NodeJS.Timeout | undefined;
  private drawing: NodeJS.Immediate | undefined;
  /** Tree nodes by identity, so that the view keeps what is expanded. */
  private readonly hostNodes = new Map<HostSession, HostNode>();

  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly parts: TreeParts) {
    const { hosts, recent } = parts;
    this.view = vscode.window.createTreeView('livemount.hosts', { treeDataProvider: this });
    this.counters = new MountCounters(() => this.refresh());
    for (const part of [
      this.view,
      this.changed,
      this.counters,
      hosts.onDidChange(() => this.refresh()),
      hosts.onDidAdd(() => this.refresh()),
      hosts.onDidRemove((session) => {
        this.hostNodes.delete(session);
        this.refresh();
      }),
      recent.onDidChange(() => this.refresh()),
      this.view.onDidChangeVisibility(() => this.schedule()),
    ]) {
      this.owned.add(part);
    }
    this.schedule();
  }

  /** Draws again, at most once per turn of the event loop: a burst of mounts is one redraw. */
  refresh(): void {
    if (this.drawing !== undefined) return;
    this.drawing = setImmediate(() => {
      this.drawing = undefined;
      this.changed.fire(undefined);
    });
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { watches } = this.parts;
    switch (node.type) {
      case 'host':
        return hostItem(node.session, groupsOf(node.session).concerned, this.counters);
      case 'superblock':
        return mountItem(
          node,
          shortName(node.session, node.view),
          this.counters.of(node.view),
          watches.isSilenced(node.session, node.view.mountpoint),
        );
      case 'group':
        return groupItem(node);
      case 'field':
        return fieldItem(node);
      case 'change':
        return changeItem(node);
      case 'section':
        return sectionItem(node);
      case 'folder':
        return folderItem(node);
      case 'localFolder':
        return localFolderItem(node);
      case 'configured':
        return configuredItem(node);
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node === undefined) return this.roots();
    switch (node.type) {
      case 'host':
        return this.ofHost(node.session);
      case 'superblock':
        return this.ofMount(node);
      case 'group':
        return this.ofGroup(node);
      case 'section':
        return this.ofSection(node.section);
      default:
        return [];
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    clearImmediate(this.drawing);
    this.owned.dispose();
  }

  private roots(): Node[] {
    const sections = (['local', 'favourites', 'recent', 'hosts'] as const).filter(
      (section) => this.ofSection(section).length > 0,
    );
    return [
      ...this.parts.hosts.all().map((session) => this.hostNode(session)),
      ...sections.map((section): SectionNode => ({ type: 'section', section })),
    ];
  }

  private ofSection(section: SectionNode['section']): Node[] {
    const { hosts, recent } = this.parts;
    if (section === 'local') {
      return this.parts.localFolders().map((folder) => ({ type: 'localFolder', ...folder }));
    }
    if (section === 'hosts') {
      const open = new Set(hosts.all().map(({ host }) => host));
      const names = this.parts.configuredHosts().filter((host) => !open.has(host));
      return names.map((host) => ({ type: 'configured', host }));
    }
    const wanted = recent.list().filter(({ isFavourite }) => isFavourite === (section === 'favourites'));
    return wanted.map((folder) => ({ type: 'folder', folder }));
  }

  private ofHost(session: HostSession): Node[] {
    const { concerned, elsewhere } = groupsOf(session);
    const nodes: Node[] = [...hostFields(session, this.parts.history)];
    if (session.current === undefined) return nodes;
    nodes.push({ type: 'group', group: 'changes', session });
    nodes.push(...superblockNodes(session, concerned));
    if (elsewhere.some((view) => !isPseudo(view))) nodes.push({ type: 'group', group: 'elsewhere', session });
    if (elsewhere.some(isPseudo)) nodes.push({ type: 'group', group: 'system', session });
    nodes.push(...leftOutField(session.current.mountsLeftOut));
    if (this.view.visible) this.counters.ask(session, concerned);
    return nodes;
  }

  private ofMount({ session, view }: SuperblockNode): Node[] {
    const { history, watches } = this.parts;
    if (this.view.visible) this.counters.ask(session, [view]);
    const last = history.of(session).changes.find(({ change }) => change.sb === view.mount.sb);
    const isSilenced = watches.isSilenced(session, view.mountpoint);
    return [
      ...mountAnswers(view, this.counters.of(view), isSilenced, last),
      { type: 'group', group: 'details', session, view },
    ];
  }

  private ofGroup({ group, session, view }: Extract<Node, { type: 'group' }>): Node[] {
    const { elsewhere } = groupsOf(session);
    switch (group) {
      case 'elsewhere':
        return superblockNodes(
          session,
          elsewhere.filter((one) => !isPseudo(one)),
        );
      case 'system':
        return superblockNodes(session, elsewhere.filter(isPseudo));
      case 'changes':
        return this.parts.history.of(session).changes.map((heard) => ({ type: 'change', session, heard }));
      case 'details':
        return view === undefined ? [] : mountDetails(view, this.counters.of(view));
    }
  }

  private hostNode(session: HostSession): HostNode {
    const known = this.hostNodes.get(session) ?? { type: 'host', session };
    this.hostNodes.set(session, known);
    return known;
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (!this.view.visible) return;
    this.timer = setTimeout(() => {
      this.refresh();
      this.schedule();
    }, REDRAW_MS);
  }
}

function groupsOf(session: HostSession): MountGroups {
  const folders = ourFolders()
    .map(({ uri }) => placeOf(uri))
    .filter(({ host }) => host === session.host)
    .map(({ path }) => path);
  return groupMounts(session.current?.superblocks() ?? [], folders);
}

function superblockNodes(session: HostSession, views: readonly SuperblockView[]): SuperblockNode[] {
  return views.map((view) => ({ type: 'superblock', session, view }));
}

/** The mount point as seen from the open folder it lies in, else whole. */
function shortName(session: HostSession, { mountpoint }: SuperblockView): string {
  for (const { uri } of ourFolders()) {
    const { host, path } = placeOf(uri);
    if (host === session.host && path !== '/' && path !== mountpoint && isWithin(mountpoint, path)) {
      return mountpoint.slice(path.length + 1);
    }
  }
  return mountpoint;
}

/** The URI of a node that stands for a place. */
export function uriOfNode(node: SuperblockNode): vscode.Uri {
  return uriOf({ host: node.session.host, path: node.view.mountpoint });
}
