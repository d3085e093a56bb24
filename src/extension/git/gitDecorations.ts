import * as vscode from 'vscode';
import { type GroupName, letterOf, type Resource } from '../../client/git/groups';
import { isOurs, placeOf, uriOf } from '../uris';
import type { OpenRepository } from './openRepository';
import type { Repositories } from './repositories';
import { prefixOf } from './revisions';
import { kindInWords, resourceInWords } from './sourceControl';

/** Which group's letter a file shows that stands in two. */
const ORDER: readonly GroupName[] = ['merge', 'worktree', 'untracked', 'index'];
/** Asked about at once while an explorer lists a folder. */
const IGNORED_TOGETHER_MS = 30;
const IGNORED_AT_ONCE = 2000;

interface Asked {
  readonly repository: OpenRepository;
  readonly path: string;
  answer(ignored: boolean): void;
}

/** Letters and colours of changed, conflicting and ignored files, in the explorer and the source control view. */
export class GitDecorations implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri[] | undefined>();
  private readonly shown = new Map<OpenRepository, Map<string, Resource>>();
  private asked: Asked[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly lifetime: vscode.Disposable[];

  readonly onDidChangeFileDecorations = this.changed.event;

  constructor(private readonly repositories: Repositories) {
    this.lifetime = [
      repositories.onDidChange((repository) => this.update(repository)),
      repositories.onDidClose((repository) => {
        this.shown.delete(repository);
        this.changed.fire(undefined);
      }),
      vscode.window.registerFileDecorationProvider(this),
    ];
  }

  async provideFileDecoration(uri: vscode.Uri): Promise<vscode.FileDecoration | undefined> {
    if (!isOurs(uri)) return undefined;
    const repository = this.repositories.of(uri);
    if (!repository) return undefined;
    const { path } = placeOf(uri);
    const relative = path.slice(prefixOf(repository.root).length);
    if (relative === '' || relative === '.git' || relative.startsWith('.git/')) return undefined;
    const resource = this.resourceAt(repository, relative);
    if (resource) return decorationOf(resource);
    if (!(await this.isIgnored(repository, relative))) return undefined;
    return new vscode.FileDecoration(
      undefined,
      kindInWords('ignored'),
      new vscode.ThemeColor('gitDecoration.ignoredResourceForeground'),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const { answer } of this.asked) answer(false);
    for (const part of this.lifetime) part.dispose();
    this.changed.dispose();
  }

  private resourceAt(repository: OpenRepository, path: string): Resource | undefined {
    const shown = this.shown.get(repository);
    const exact = shown?.get(path) ?? shown?.get(`${path}/`);
    if (exact) return exact;
    // What lies in an untracked folder is untracked, too.
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      const folder = shown?.get(path.slice(0, at + 1));
      if (folder) return folder;
    }
    return undefined;
  }

  private isIgnored(repository: OpenRepository, path: string): Promise<boolean> {
    return new Promise((answer) => {
      this.asked.push({ repository, path, answer });
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        void this.ask();
      }, IGNORED_TOGETHER_MS);
    });
  }

  private async ask(): Promise<void> {
    const asked = this.asked.splice(0, IGNORED_AT_ONCE);
    if (this.asked.length > 0) this.timer ??= setTimeout(() => void this.ask(), 0);
    for (const repository of new Set(asked.map((one) => one.repository))) {
      const mine = asked.filter((one) => one.repository === repository);
      const ignored = await repository.git
        .ignored(mine.map(({ path }) => path))
        .catch(() => new Set<string>());
      for (const { path, answer } of mine) answer(ignored.has(path));
    }
  }

  private update(repository: OpenRepository): void {
    const before = this.shown.get(repository) ?? new Map<string, Resource>();
    const now = new Map<string, Resource>();
    for (const group of [...ORDER].reverse()) {
      for (const resource of repository.resources[group]) now.set(resource.path, resource);
    }
    this.shown.set(repository, now);
    const differing = [...new Set([...before.keys(), ...now.keys()])].filter(
      (path) => before.get(path)?.kind !== now.get(path)?.kind,
    );
    if (differing.length === 0) return;
    const { host } = repository.session;
    const prefix = prefixOf(repository.root);
    this.changed.fire(
      differing.length > 1000
        ? undefined
        : differing.map((path) => uriOf({ host, path: prefix + path.replace(/\/$/, '') })),
    );
  }
}

function decorationOf(resource: Resource): vscode.FileDecoration {
  const { kind, group, submodule } = resource;
  const decoration = new vscode.FileDecoration(
    submodule ? 'S' : letterOf(kind),
    resourceInWords(resource),
    new vscode.ThemeColor(
      `gitDecoration.${submodule ? 'submodule' : colourOf(kind, group)}ResourceForeground`,
    ),
  );
  decoration.propagate = kind !== 'deleted';
  return decoration;
}

function colourOf(kind: Resource['kind'], group: GroupName): string {
  if (group === 'merge') return 'conflicting';
  if (group === 'index' && (kind === 'modified' || kind === 'deleted'))
    return kind === 'modified' ? 'stageModified' : 'stageDeleted';
  switch (kind) {
    case 'modified':
    case 'type changed':
      return 'modified';
    case 'deleted':
      return 'deleted';
    case 'renamed':
    case 'copied':
      return 'renamed';
    case 'untracked':
      return 'untracked';
    case 'ignored':
      return 'ignored';
    default:
      return 'added';
  }
}
