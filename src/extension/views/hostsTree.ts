import * as vscode from 'vscode';
import type { SuperblockView, Vfs } from '../../client/vfs';
import type { SbstatOut } from '../../protocol/livemount';
import { inWords } from '../errors';
import type { Hosts, HostSession } from '../hosts';
import { ourFolders, placeOf, uriOf } from '../uris';
import type { WatchHub } from '../watchHub';
import { treeItem } from './item';
import { groupMounts, type MountGroups } from './mountGroups';
import { aboutMount, bytes, describeState, isReadonly, maskInWords, milliseconds, watcher } from './words';

/** How often the counters of expanded superblocks are asked for while the view is visible. */
const COUNTERS_MS = 3000;

export interface HostNode {
  readonly type: 'host';
  readonly session: HostSession;
}
export interface SuperblockNode {
  readonly type: 'superblock';
  readonly session: HostSession;
  readonly view: SuperblockView;
}
/** The mounts of a host that the open folders have nothing to do with: dozens, on most hosts. */
interface ElsewhereNode {
  readonly type: 'elsewhere';
  readonly session: HostSession;
}
interface FieldNode {
  readonly type: 'field';
  readonly label: string;
  readonly value: string;
  readonly tooltip?: string;
}
export type Node = HostNode | SuperblockNode | ElsewhereNode | FieldNode;

/** Hosts, their superblocks, and all that is known of each. */
export class HostsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Node | undefined>();
  private readonly view: vscode.TreeView<Node>;
  private readonly lifetime: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  /** Tree nodes by identity, so that the view keeps what is expanded. */
  private readonly hostNodes = new Map<HostSession, HostNode>();

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly hosts: Hosts,
    private readonly watches: WatchHub,
  ) {
    this.view = vscode.window.createTreeView('livemount.hosts', { treeDataProvider: this });
    this.lifetime = [
      this.view,
      hosts.onDidChange(() => this.refresh()),
      hosts.onDidAdd(() => this.refresh()),
      this.view.onDidChangeVisibility(() => this.schedule()),
    ];
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
  private drawing: NodeJS.Immediate | undefined;

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.type) {
      case 'host':
        return hostItem(node.session);
      case 'superblock':
        return this.superblockItem(node);
      case 'elsewhere':
        return elsewhereItem(node.session);
      case 'field':
        return fieldItem(node);
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node === undefined) return this.hosts.all().map((session) => this.hostNode(session));
    switch (node.type) {
      case 'host':
        return [
          ...superblockNodes(node.session, groupsOf(node.session).concerned),
          { type: 'elsewhere', session: node.session },
        ];
      case 'elsewhere':
        return superblockNodes(node.session, groupsOf(node.session).elsewhere);
      case 'superblock':
        return this.fields(node);
      case 'field':
        return [];
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    clearImmediate(this.drawing);
    for (const part of this.lifetime) part.dispose();
    this.changed.dispose();
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
    }, COUNTERS_MS);
  }

  private superblockItem({ session, view }: SuperblockNode): vscode.TreeItem {
    const silent = this.watches.isSilenced(session, view.mountpoint);
    const item = treeItem(
      {
        label: shortName(session, view),
        description: [
          view.mount.fstype,
          view.notResponding ? 'not responding' : silent ? 'not watched' : view.mount.backend,
        ]
          .filter((part) => part !== '')
          .join(' · '),
        tooltip: `${view.mountpoint}\n${aboutMount(view)}`,
      },
      vscode.TreeItemCollapsibleState.Collapsed,
    );
    item.id = `${session.host} ${view.name}`;
    item.iconPath = view.notResponding
      ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.errorForeground'))
      : new vscode.ThemeIcon(isReadonly(view) ? 'lock' : 'database');
    item.contextValue = `superblock ${silent ? 'silent' : 'watched'}`;
    return item;
  }

  private async fields({ session, view }: SuperblockNode): Promise<FieldNode[]> {
    const vfs = session.current;
    if (vfs === undefined) return [];
    const [counters, space] = await Promise.all([countersOf(vfs, view), spaceOf(vfs, view)]);
    return [
      field('Mount point', view.mountpoint),
      field('Filesystem', view.mount.fstype),
      field('Source', view.mount.source),
      field('Space', space),
      field('Access', isReadonly(view) ? 'read-only' : 'read and write'),
      field('Watched by', watcher(view), view.mount.reason),
      field('Watches for', maskInWords(view), `Aggregated mask, generation ${view.generation}`),
      field('Events', `${view.eventsPerSecond.toFixed(1)} per second`),
      ...counters,
      field('Overflows', String(view.overflows), 'Times a queue was full and the agent compared instead'),
      field('Errors', String(view.errors)),
      field('Requests', `${view.inFlight} in flight${view.notResponding ? ', not responding' : ''}`),
      field('Cache', `${bytes(view.cachedBytes)} (mode ${view.cacheMode})`),
      field('Superblock', view.name, view.mount.options),
    ];
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
    if (host === session.host && path !== '/' && mountpoint.startsWith(`${path}/`)) {
      return mountpoint.slice(path.length + 1);
    }
  }
  return mountpoint;
}

async function countersOf(vfs: Vfs, view: SuperblockView): Promise<FieldNode[]> {
  try {
    const counted: SbstatOut = await vfs.statSuperblock(view.mount.sb);
    return [
      field('Queue', `${counted.queued} events waiting`),
      field(
        'Watches',
        `${counted.watches} on the host${counted.polled > 0n ? `, ${counted.polled} polled` : ''}`,
      ),
      field('Dirty', `${counted.dirty} files not yet on the host’s disk`),
    ];
  } catch (error) {
    return [field('Queue', `not known: ${inWords(error).reason}`)];
  }
}

async function spaceOf(vfs: Vfs, view: SuperblockView): Promise<string> {
  try {
    const { totalBytes, freeBytes } = await vfs.statfs(view.mountpoint);
    return totalBytes === 0n ? 'not accounted' : `${bytes(freeBytes)} free of ${bytes(totalBytes)}`;
  } catch (error) {
    return `not known: ${inWords(error).reason}`;
  }
}

function field(label: string, value: string, tooltip?: string): FieldNode {
  return { type: 'field', label, value, ...(tooltip !== undefined && tooltip !== '' && { tooltip }) };
}

function fieldItem({ label, value, tooltip }: FieldNode): vscode.TreeItem {
  return treeItem({ label, description: value, tooltip: tooltip ?? value });
}

function elsewhereItem(session: HostSession): vscode.TreeItem {
  const item = treeItem(
    {
      label: 'Elsewhere on this host',
      tooltip: 'Mounts that no open folder reaches and nothing here watches',
    },
    vscode.TreeItemCollapsibleState.Collapsed,
  );
  item.id = `${session.host} elsewhere`;
  return item;
}

function hostItem(session: HostSession): vscode.TreeItem {
  const { current, state } = session;
  const item = treeItem(
    {
      label: session.host,
      description:
        state === 'connected' ? `round trip ${milliseconds(current?.rttMs)}` : describeState(state),
      tooltip: [session.rung, session.reason].filter(Boolean).join(': ') || describeState(state),
    },
    current === undefined ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Expanded,
  );
  item.id = session.host;
  item.iconPath = new vscode.ThemeIcon(state === 'connected' ? 'vm-active' : 'vm-outline');
  item.contextValue = `host ${state}`;
  return item;
}

/** The URI of a node that stands for a place. */
export function uriOfNode(node: SuperblockNode): vscode.Uri {
  return uriOf({ host: node.session.host, path: node.view.mountpoint });
}
