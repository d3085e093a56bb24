import * as vscode from 'vscode';
import { DisposableStore } from '../../base/dispose';
import {
  type FoundInFile,
  type NotSearched,
  PatternRefused,
  type SearchEnd,
  type TextMatch,
} from '../../client/find/search';
import { errnoOf, Errno } from '../../protocol/errno';
import { inWords } from '../errors';
import type { Hosts } from '../hosts';
import { t } from '../l10n';
import { ourFolders, placeOf, uriOf } from '../uris';
import { excludedBy, NOTHING_WANTED, queryOf, type Wanted } from './wanted';

/** A file with what was found in it. */
export interface FileNode {
  readonly type: 'file';
  readonly uri: vscode.Uri;
  /** The workspace folder it was searched from. */
  readonly folder: vscode.WorkspaceFolder;
  readonly path: string;
  matches: readonly MatchNode[];
}

export interface MatchNode {
  readonly type: 'match';
  readonly file: FileNode;
  readonly match: TextMatch;
}

export type ResultNode = FileNode | MatchNode;

/** How a search ended, or that it runs. */
export type SearchState =
  | { readonly kind: 'idle' | 'running' }
  | {
      readonly kind: 'done';
      readonly limited: boolean;
      readonly outOfTime: boolean;
      readonly left: readonly NotSearched[];
    }
  | { readonly kind: 'failed'; readonly why: string };

/** Between two redraws of a tree that fills. */
const REDRAW_MS = 100;
const LEFT_MAX = 50;

/** The search of this window: what is wanted, and what was found so far. */
export class SearchModel implements vscode.Disposable {
  wanted: Wanted = NOTHING_WANTED;
  state: SearchState = { kind: 'idle' };
  private readonly files = new Map<string, FileNode>();
  private count = 0;
  private running: AbortController | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly owned = new DisposableStore();
  private redraw: NodeJS.Timeout | undefined;
  readonly onDidChange = this.changed.event;

  constructor(private readonly hosts: Hosts) {
    this.owned.add(this.changed);
  }

  get matchCount(): number {
    return this.count;
  }

  get fileNodes(): readonly FileNode[] {
    return [...this.files.values()];
  }

  /** Searches all our folders, or one folder below them; what was found before is gone. Resolves when it has ended. */
  async run(wanted: Wanted): Promise<void> {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    this.wanted = wanted;
    this.reset();
    this.state = { kind: 'running' };
    this.tell();
    const left: NotSearched[] = [];
    try {
      const ends = await Promise.all(
        ourFolders().map((folder) => this.searchFolder(folder, wanted, running, left)),
      );
      if (running.signal.aborted) return;
      this.state = {
        kind: 'done',
        limited: ends.some(({ limited }) => limited),
        outOfTime: ends.some(({ outOfTime }) => outOfTime),
        left,
      };
    } catch (error) {
      if (running.signal.aborted) return;
      running.abort();
      this.state = { kind: 'failed', why: failureWords(error) };
    }
    this.tell();
  }

  clear(): void {
    this.running?.abort();
    this.running = undefined;
    this.reset();
    this.state = { kind: 'idle' };
    this.tell();
  }

  /** Leaves a file or one match out of the results. */
  dismiss(node: ResultNode): void {
    const file = node.type === 'file' ? node : node.file;
    const before = file.matches.length;
    file.matches = node.type === 'file' ? [] : file.matches.filter((match) => match !== node);
    this.count -= before - file.matches.length;
    if (file.matches.length === 0) this.files.delete(file.uri.toString());
    this.tell();
  }

  dispose(): void {
    this.running?.abort();
    clearTimeout(this.redraw);
    this.owned.dispose();
  }

  private reset(): void {
    this.files.clear();
    this.count = 0;
  }

  private async searchFolder(
    folder: vscode.WorkspaceFolder,
    wanted: Wanted,
    running: AbortController,
    left: NotSearched[],
  ): Promise<SearchEnd> {
    const { host, path } = placeOf(folder.uri);
    const vfs = await this.hosts.session(host).vfs();
    const query = queryOf(wanted, excludesOf(folder.uri));
    return vfs.search(path, query, {
      signal: running.signal,
      found: (files) => {
        if (running !== this.running) return;
        for (const file of files) this.add(folder, host, file);
        this.tellSoon();
      },
      notSearched: (what) => {
        if (left.length < LEFT_MAX) left.push(what);
      },
      restarted: () => {
        if (running === this.running) this.forgetFolder(folder);
      },
    });
  }

  private add(folder: vscode.WorkspaceFolder, host: string, { path, matches }: FoundInFile): void {
    const uri = uriOf({ host, path });
    const key = uri.toString();
    const file: FileNode = this.files.get(key) ?? { type: 'file', uri, folder, path, matches: [] };
    file.matches = [...file.matches, ...matches.map((match) => ({ type: 'match' as const, file, match }))];
    this.count += matches.length;
    this.files.set(key, file);
  }

  private forgetFolder(folder: vscode.WorkspaceFolder): void {
    for (const [key, file] of [...this.files]) {
      if (file.folder !== folder) continue;
      this.count -= file.matches.length;
      this.files.delete(key);
    }
    this.tellSoon();
  }

  private tell(): void {
    clearTimeout(this.redraw);
    this.redraw = undefined;
    this.changed.fire();
  }

  private tellSoon(): void {
    this.redraw ??= setTimeout(() => this.tell(), REDRAW_MS);
  }
}

/** What the editor's own search leaves out of a folder. */
export function excludesOf(folder: vscode.Uri): string[] {
  const settings = vscode.workspace.getConfiguration(undefined, folder);
  return excludedBy(settings.get('files.exclude'), settings.get('search.exclude'));
}

/** In words, also for a host where nothing can search. */
export function failureWords(error: unknown): string {
  if (error instanceof PatternRefused) {
    return error.at === undefined
      ? error.message
      : t('{0}, at character {1}', error.message, String(error.at + 1));
  }
  if (errnoOf(error) === Errno.ENOSYS) {
    return t(
      'This host is reached over SFTP alone; to search there, the agent has to run on it (Node.js 18 or newer).',
    );
  }
  return inWords(error).sentence;
}
