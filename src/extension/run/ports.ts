import { createServer, type Server, type Socket } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import * as vscode from 'vscode';
import { detailsOf } from '../../client/describe';
import type { Hosts, HostSession } from '../hosts';
import { t } from '../l10n';
import type { Log } from '../log';
import { askText, pick, showInformation } from '../show';
import { treeItem } from '../views/item';

/** Only programs of this machine may use a forwarded port. */
const LOOPBACK = '127.0.0.1';
/** Where the host's own programs listen: by name, since some listen on ::1 alone. */
const THERE = 'localhost';
/** An address of the host in the output of a program. */
const ADDRESS = /\bhttps?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(\d{2,5})\b/g;
/** Offers of one host at most: a program that prints addresses for ever is not answered for ever. */
const OFFERS_MAX = 20;

/** One port of a host as a port of this machine. It stays while the connection drops and comes back. */
export class ForwardedPort implements vscode.Disposable {
  private readonly open = new Set<Socket>();
  private constructor(
    readonly session: HostSession,
    readonly port: number,
    readonly local: number,
    private readonly server: Server,
  ) {}

  static async start(session: HostSession, port: number, log: Log): Promise<ForwardedPort> {
    const server = createServer();
    const local = await listen(server, port);
    const forwarded = new ForwardedPort(session, port, local, server);
    server.on('connection', (socket) => forwarded.accept(socket, log));
    return forwarded;
  }

  get address(): string {
    return `http://localhost:${this.local}`;
  }

  dispose(): void {
    this.server.close();
    for (const socket of this.open) socket.destroy();
  }

  private accept(socket: Socket, log: Log): void {
    this.open.add(socket);
    socket.on('close', () => this.open.delete(socket));
    socket.on('error', () => undefined); // Its close is what counts.
    this.session.openTcp(THERE, this.port).then(
      (channel: Duplex) => {
        pipeline(socket, channel, () => undefined);
        pipeline(channel, socket, () => undefined);
      },
      (error: unknown) => {
        log.debug(`host ${this.session.host}: port ${this.port}: ${detailsOf(error)}`);
        socket.destroy();
      },
    );
  }
}

/** Listens on the same number, or on a free one where that is taken; gives which. */
async function listen(server: Server, port: number): Promise<number> {
  for (const wanted of [port, 0]) {
    const failed = await new Promise<Error | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen(wanted, LOOPBACK, () => {
        server.off('error', resolve);
        resolve(undefined);
      });
    });
    const address = server.address();
    if (failed === undefined && typeof address === 'object' && address !== null) return address.port;
    if (wanted === 0 && failed !== undefined) throw failed;
  }
  throw new Error('no port');
}

/** The ports that are forwarded, in a view of their own. */
export class Ports implements vscode.TreeDataProvider<ForwardedPort>, vscode.Disposable {
  private readonly forwarded = new Map<string, ForwardedPort>();
  private readonly offered = new Set<string>();
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<ForwardedPort>;

  constructor(
    private readonly hosts: Hosts,
    private readonly log: Log,
  ) {
    this.view = vscode.window.createTreeView('livemount.ports', { treeDataProvider: this });
  }

  getTreeItem(port: ForwardedPort): vscode.TreeItem {
    const item = treeItem({
      label: `${port.port}`,
      description: `${port.session.host} → ${LOOPBACK}:${port.local}`,
    });
    item.iconPath = new vscode.ThemeIcon('plug');
    item.contextValue = 'port';
    return item;
  }

  getChildren(port?: ForwardedPort): ForwardedPort[] {
    return port === undefined ? [...this.forwarded.values()] : [];
  }

  async forward(session: HostSession, port: number): Promise<ForwardedPort> {
    const key = `${session.host} ${port}`;
    const known = this.forwarded.get(key);
    if (known !== undefined) return known;
    const forwarded = await ForwardedPort.start(session, port, this.log);
    this.forwarded.set(key, forwarded);
    this.tell();
    return forwarded;
  }

  stop(port: ForwardedPort): void {
    port.dispose();
    this.forwarded.delete(`${port.session.host} ${port.port}`);
    this.tell();
  }

  /** Asks which: of those that the user's own programs listen on, or another one. */
  async ask(session: HostSession): Promise<void> {
    const { processes } = await session.vfs();
    const listening = await processes.ports().catch(() => []);
    const items: (vscode.QuickPickItem & { readonly port?: number })[] = listening.map(
      ({ port, address, command }) => ({ label: `${port}`, description: `${command} (${address})`, port }),
    );
    const other: (typeof items)[number] = { label: t('Another Port…') };
    const picked = await pick([...items, other], t('Forward Which Port of {0}?', session.host));
    if (picked === undefined) return;
    const port = picked.port ?? (await this.askNumber(session));
    if (port !== undefined) await this.open(await this.forward(session, port), false);
  }

  async open(port: ForwardedPort, inBrowser: boolean): Promise<void> {
    if (inBrowser) await vscode.env.openExternal(vscode.Uri.parse(port.address));
    else await vscode.commands.executeCommand('livemount.ports.focus');
  }

  /** Looks for addresses of the host in what a terminal prints, and offers each once. */
  readonly look = (host: string, text: string): void => {
    if (!text.includes('http')) return;
    for (const [, digits] of text.matchAll(ADDRESS)) {
      const port = Number(digits);
      const key = `${host} ${port}`;
      if (port > 65_535 || this.offered.has(key) || this.forwarded.has(key)) continue;
      if (this.offered.size >= OFFERS_MAX) return;
      this.offered.add(key);
      void this.offer(this.hosts.session(host), port);
    }
  };

  dispose(): void {
    for (const port of this.forwarded.values()) port.dispose();
    this.forwarded.clear();
    this.view.dispose();
    this.changed.dispose();
  }

  private async offer(session: HostSession, port: number): Promise<void> {
    const open = t('Open in Browser');
    const forward = t('Forward');
    const answer = await showInformation(
      t('A program on {0} listens on port {1}.', session.host, `${port}`),
      open,
      forward,
    );
    if (answer === undefined) return;
    const forwarded = await this.forward(session, port);
    if (answer === open) await this.open(forwarded, true);
  }

  private async askNumber(session: HostSession): Promise<number | undefined> {
    const text = await askText({
      title: t('Forward a Port of {0}', session.host),
      prompt: t('The number of the port on the host'),
    });
    const port = Number(text);
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  }

  private tell(): void {
    void vscode.commands.executeCommand('setContext', 'livemount.hasPorts', this.forwarded.size > 0);
    this.changed.fire();
  }
}
