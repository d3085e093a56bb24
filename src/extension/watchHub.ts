import * as vscode from 'vscode';
import type { Change, Vfs, Watch } from '../client/vfs';
import { DisposableStore } from '../base/dispose';
import { escapeGlob } from '../protocol/excludes';
import { detailsOf } from '../client/describe';
import { type FileEvent, FileEventType, toEditorEvents } from './fileEvents';
import type { Hosts } from './hosts/hosts';
import type { HostSession } from './hosts/hostSession';
import type { Log } from './log';
import { isWithin, placeOf, uriOf } from './uris';

/** Changes of one host. */
export interface Heard {
  readonly session: HostSession;
  readonly changes: readonly Change[];
}

interface EditorWatch {
  readonly session: HostSession;
  readonly path: string;
  readonly recursive: boolean;
  readonly excludes: readonly string[];
  /** Somebody looks at it. What happens there is told by the watch around it, or is nobody's business. */
  readonly visible: boolean;
  /** In force on the session's present Vfs. */
  watch: Watch | undefined;
}

/** What a repository's settings may exclude at most; the rest is watched. */
const MAX_EXCLUDES = 200;
const MAX_EXCLUDE_LENGTH = 500;

/** The excludes come from settings that a folder brings along, and the host matches them against every event. */
function boundedExcludes(excludes: readonly string[]): readonly string[] {
  return excludes.filter((glob) => glob.length <= MAX_EXCLUDE_LENGTH).slice(0, MAX_EXCLUDES);
}

/**
 * The editor's watches: each becomes a group with one mark on its host, as soon as the host is connected, and again
 * when a new connection replaces an ended one. Events of all of them leave through one emitter.
 */
export class WatchHub implements vscode.Disposable {
  private readonly watches = new Set<EditorWatch>();
  /** Mount points, by host, that the user does not want watched. */
  private readonly silenced = new Map<HostSession, Set<string>>();
  private readonly events = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  private readonly stale = new vscode.EventEmitter<void>();
  private readonly lifetime = new DisposableStore();

  private readonly heard = new vscode.EventEmitter<Heard>();

  /** What every watch of the editor heard, as it came. */
  readonly onDidHear = this.heard.event;
  readonly onDidChangeFile = this.events.event;
  /** Folders may have changed in ways no event tells; the explorer must list them again. */
  readonly onDidGoStale = this.stale.event;

  constructor(
    private readonly hosts: Hosts,
    private readonly log: Log,
  ) {
    this.lifetime.add(hosts.onDidAdd((session) => this.follow(session)));
  }

  /** Watches now if the host is connected, else as soon as it is. Opens no connection by itself. */
  watch(uri: vscode.Uri, recursive: boolean, excludes: readonly string[]): vscode.Disposable {
    const { host, path } = placeOf(uri);
    return this.add(this.editorWatch(host, path, recursive, boundedExcludes(excludes)));
  }

  private editorWatch(
    host: string,
    path: string,
    recursive: boolean,
    excludes: readonly string[],
  ): EditorWatch {
    const session = this.hosts.session(host);
    return { session, path, recursive, excludes, visible: false, watch: undefined };
  }

  private add(watch: EditorWatch): vscode.Disposable {
    const { session } = watch;
    this.watches.add(watch);
    if (session.current !== undefined) this.attach(watch, session.current);
    return new vscode.Disposable(() => {
      this.watches.delete(watch);
      watch.watch?.dispose();
      watch.watch = undefined;
    });
  }

  /** Tells the host that somebody looks at a folder or file: it is watched first, and polled more often. */
  look(uri: vscode.Uri): vscode.Disposable {
    const { host, path } = placeOf(uri);
    return this.add({ ...this.editorWatch(host, path, false, []), visible: true });
  }

  isSilenced(session: HostSession, mountpoint: string): boolean {
    return this.silenced.get(session)?.has(mountpoint) ?? false;
  }

  /** Leaves a mount out of the watches around it, or takes it in again. */
  silence(session: HostSession, mountpoint: string, silent: boolean): void {
    const mountpoints = this.silenced.get(session) ?? new Set<string>();
    this.silenced.set(session, mountpoints);
    if (silent) mountpoints.add(mountpoint);
    else mountpoints.delete(mountpoint);
    const vfs = session.current;
    if (vfs === undefined) return;
    for (const watch of this.watches) {
      const concerned = isWithin(mountpoint, watch.path) || isWithin(watch.path, mountpoint);
      if (watch.session === session && concerned) this.attach(watch, vfs);
    }
  }

  /** Tells the editor that something is there, which it may have taken out of its tree. */
  appear(uri: vscode.Uri): void {
    this.events.fire([{ type: vscode.FileChangeType.Created, uri }]);
  }

  /** Tells the editor that anything below a folder may have changed. */
  invalidate(session: HostSession, folder: string): void {
    const below = vscode.workspace.textDocuments
      .map((document) => document.uri)
      .filter((uri) => uri.scheme === 'livemount')
      .filter((uri) => placeOf(uri).host === session.host && isWithin(placeOf(uri).path, folder));
    if (below.length > 0) {
      this.events.fire(below.map((uri) => ({ type: vscode.FileChangeType.Changed, uri })));
    }
    this.stale.fire();
  }

  dispose(): void {
    for (const watch of this.watches) watch.watch?.dispose();
    this.watches.clear();
    this.lifetime.dispose();
    this.events.dispose();
    this.stale.dispose();
    this.heard.dispose();
  }

  private follow(session: HostSession): void {
    let silent: ReadonlySet<string> = new Set();
    this.lifetime.add(
      session.onDidChange(() => {
        const views = session.current?.superblocks() ?? [];
        const now = new Set(views.filter((view) => view.notResponding).map((view) => view.mountpoint));
        // What was asked while the mount hung has failed, and nobody asks again by himself.
        for (const mountpoint of silent) if (!now.has(mountpoint)) this.invalidate(session, mountpoint);
        silent = now;
      }),
    );
    this.lifetime.add(
      session.onDidOpen(({ vfs, again }) => {
        for (const watch of this.watches) if (watch.session === session) this.attach(watch, vfs);
        if (again) this.invalidate(session, '/');
      }),
    );
  }

  private attach(watch: EditorWatch, vfs: Vfs): void {
    const { session, path, recursive, visible } = watch;
    const before = watch.watch;
    watch.watch = undefined;
    const mountpoints = [...(this.silenced.get(session) ?? [])];
    // The new mark first, so that the aggregate never drops what both ask for.
    if (!mountpoints.some((mountpoint) => isWithin(path, mountpoint))) {
      const excludes = [...watch.excludes, ...mountpoints.map(escapeGlob).flatMap((at) => [at, `${at}/**`])];
      watch.watch = vfs.watch(path, { recursive, excludes, visible }, (changes) => {
        if (!visible) this.publish(session, changes);
      });
      watch.watch.ready.catch((error: unknown) => {
        this.log.warn(`watch ${session.host}:${path}: ${detailsOf(error)}`);
      });
    }
    before?.dispose();
  }

  private publish(session: HostSession, changes: readonly Change[]): void {
    for (const { kind, path, message } of changes) {
      if (kind === 'error') this.log.warn(`filesystem of ${session.host}:${path}: ${message ?? 'error'}`);
    }
    this.heard.fire({ session, changes });
    const { events, staleBelow } = toEditorEvents(changes);
    if (events.length > 0) this.events.fire(events.map((event) => toFileChange(session, event)));
    for (const folder of staleBelow) this.invalidate(session, folder);
  }
}

const changeTypes = {
  [FileEventType.Changed]: vscode.FileChangeType.Changed,
  [FileEventType.Created]: vscode.FileChangeType.Created,
  [FileEventType.Deleted]: vscode.FileChangeType.Deleted,
} as const;

function toFileChange(session: HostSession, { type, path }: FileEvent): vscode.FileChangeEvent {
  return { type: changeTypes[type], uri: uriOf({ host: session.host, path }) };
}
