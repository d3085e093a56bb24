import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { detailsOf } from '../../client/describe';
import type { RemoteProcess } from '../../client/processes/processes';
import type { Hosts, HostSession } from '../hosts';
import { t } from '../l10n';
import { fitToShow } from '../../base/fitToShow';
import type { Log } from '../log';
import { onSettingChange, setting } from '../settings';
import { notify, pick } from '../show';
import { ourFolders, placeOf, type Place } from '../uris';
import { HostPty, type HostPtyOptions } from './hostPty';
import { answerLm } from './lmRequests';
import type { TerminalPlace } from './terminalLinks';

export const PROFILE = 'livemount.terminal';
/** A context key: new terminals are the host's. */
const DEFAULT_KEY = 'livemount.hostTerminalIsDefault';
const MEMORY = 'terminals';
/** What a terminal that comes back is shown of what it had printed. */
const HISTORY_BYTES = 256 << 10;
/**
 * A window that is loaded anew closes its terminals first, and is gone a moment later. What is closed for good is ended
 * when it was not that.
 */
const RELOAD_MS = 1500;

/** A terminal whose process outlives the window's next load. */
interface Remembered {
  readonly host: string;
  readonly key: string;
  readonly cwd: string;
}

/** Terminals on hosts. Nothing runs before the workspace is trusted. */
export class HostTerminals implements vscode.Disposable {
  private readonly lifetime: vscode.Disposable[];
  /** Our terminals by their pseudoterminal, which is what the editor shows of them in creationOptions. */
  private readonly places = new Map<vscode.Pseudoterminal, TerminalPlace>();
  private readonly ending = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly hosts: Hosts,
    private readonly memory: vscode.Memento,
    private readonly log: Log,
    /** What terminals print, for who looks for addresses in it. */
    private readonly printed: (host: string, text: string) => void,
  ) {
    this.lifetime = [
      vscode.window.registerTerminalProfileProvider(PROFILE, {
        provideTerminalProfile: async () => {
          const place = await this.choose();
          return place && new vscode.TerminalProfile(this.options(place));
        },
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.restore()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.setDefault()),
      onSettingChange('livemount.terminal.default', () => this.setDefault()),
    ];
    this.setDefault();
    this.restore();
  }

  /** Where a terminal's process runs; undefined for one that is none of ours. */
  readonly placeOf = (terminal: vscode.Terminal): TerminalPlace | undefined => {
    const { creationOptions } = terminal;
    return 'pty' in creationOptions ? this.places.get(creationOptions.pty) : undefined;
  };

  /** Opens a terminal in a folder of a host, or asks where. */
  async open(place?: Place): Promise<vscode.Terminal | undefined> {
    const chosen = place ?? (await this.choose());
    if (chosen === undefined || !(await this.isAllowed())) return undefined;
    const terminal = vscode.window.createTerminal(this.options(chosen));
    terminal.show();
    return terminal;
  }

  dispose(): void {
    // What is to be ended a moment later is left to be found again.
    for (const timer of this.ending.values()) clearTimeout(timer);
    for (const part of this.lifetime) part.dispose();
  }

  private async isAllowed(): Promise<boolean> {
    if (vscode.workspace.isTrusted) return true;
    notify(t('Trust the workspace first: a terminal runs what the workspace says.'));
    return false;
  }

  /** The folder of the active file's workspace folder, the only one, or one that is picked. */
  private async choose(): Promise<Place | undefined> {
    const folders = ourFolders().map(({ uri }) => placeOf(uri));
    if (folders.length < 2) return folders[0] ?? this.aHost();
    const active = vscode.window.activeTextEditor?.document.uri;
    const within = active && vscode.workspace.getWorkspaceFolder(active);
    const own = folders.find((place) => within !== undefined && sameplace(place, placeOf(within.uri)));
    if (own !== undefined) return own;
    const items = folders.map((place) => ({ label: place.path, description: place.host, place }));
    return (await pick(items, t('Open a Terminal in Which Folder?')))?.place;
  }

  private async aHost(): Promise<Place | undefined> {
    const [session] = this.hosts.all();
    return session && { host: session.host, path: await session.home() };
  }

  private options({ host, path }: Place): vscode.ExtensionTerminalOptions {
    const session = this.hosts.session(host);
    const nonce = randomBytes(16).toString('hex');
    return this.terminal(session, path, {
      nonce,
      start: async (size) => {
        if (!vscode.workspace.isTrusted) throw new Error(t('The workspace is not trusted.'));
        const { processes } = await session.vfs();
        return processes.start({
          run: { shell: undefined },
          cwd: path,
          terminal: size,
          keep: true,
          nonce,
          env: { TERM: 'xterm-256color', COLORTERM: 'truecolor', TERM_PROGRAM: 'vscode' },
        });
      },
    });
  }

  private terminal(
    session: HostSession,
    cwd: string,
    { nonce, start }: { readonly nonce: string } & Pick<HostPtyOptions, 'start'>,
  ): vscode.ExtensionTerminalOptions {
    const { host } = session;
    const pty: HostPty = new HostPty({
      start,
      cwd,
      started: (process) => {
        process.onAsk((ask) => void answerLm(host, ask));
        void this.remember({ host, key: process.key, cwd });
      },
      printed: (text) => this.printed(host, text),
      ended: (code) => {
        const { running } = pty;
        if (code !== undefined && running !== undefined) void this.forget(running.key);
      },
      closed: (process) => this.end(process),
    });
    this.places.set(pty, { host, pty });
    return {
      name: fitToShow(`Livemount: ${host}`),
      pty,
      iconPath: new vscode.ThemeIcon('vm'),
      ...({ shellIntegrationNonce: nonce } as object), // Since VS Code 1.104; older ones leave it.
    };
  }

  private end(process: RemoteProcess): void {
    this.ending.set(
      process.key,
      setTimeout(() => {
        this.ending.delete(process.key);
        process.dispose();
        void this.forget(process.key);
      }, RELOAD_MS),
    );
  }

  /** The terminals that the window had before it was loaded anew. */
  private restore(): void {
    if (!vscode.workspace.isTrusted) return;
    for (const { host, key, cwd } of this.remembered()) {
      void this.restoreOne(this.hosts.session(host), key, cwd);
    }
  }

  private async restoreOne(session: HostSession, key: string, cwd: string): Promise<void> {
    let process: RemoteProcess;
    try {
      const { processes } = await session.vfs();
      process = await processes.adopt(key, { history: HISTORY_BYTES });
    } catch (error) {
      this.log.debug(`host ${session.host}: a terminal is not there any more: ${detailsOf(error)}`);
      await this.forget(key);
      return;
    }
    const start: HostPtyOptions['start'] = async (size) => {
      // Programs that draw draw anew when the size changes, so it does.
      process.resize({ cols: size.cols, rows: size.rows + 1 });
      process.resize(size);
      return process;
    };
    const nonce = randomBytes(16).toString('hex');
    vscode.window.createTerminal(this.terminal(session, cwd, { nonce, start })).show(true);
  }

  private remembered(): readonly Remembered[] {
    return this.memory.get<readonly Remembered[]>(MEMORY, []);
  }

  private async remember(terminal: Remembered): Promise<void> {
    const others = this.remembered().filter(({ key }) => key !== terminal.key);
    await this.memory.update(MEMORY, [...others, terminal]);
  }

  private async forget(key: string): Promise<void> {
    await this.memory.update(
      MEMORY,
      this.remembered().filter((other) => other.key !== key),
    );
  }

  /** In a window whose folders are all ours, if the user wants it so. */
  private setDefault(): void {
    const folders = vscode.workspace.workspaceFolders ?? [];
    const allOurs = folders.length > 0 && ourFolders().length === folders.length;
    const isDefault = allOurs && setting('livemount.terminal.default');
    void vscode.commands.executeCommand('setContext', DEFAULT_KEY, isDefault);
  }
}

function sameplace(a: Place, b: Place): boolean {
  return a.host === b.host && a.path === b.path;
}
