import * as vscode from 'vscode';
import { fitToShow } from '../../base/fitToShow';
import { DisposableStore } from '../../base/dispose';
import type { GroupName, Resource, ResourceKind } from '../../client/git/groups';
import { inWords } from '../errors';
import { t } from '../l10n';
import { uriOf } from '../uris';
import { gitInWords } from './failures';
import type { OpenRepository } from './openRepository';
import { prefixOf, type Revisions } from './revisions';
import { revisionUri } from './uris';

/** A line of the view; the commands of its menus get it. */
export interface ResourceState extends vscode.SourceControlResourceState {
  readonly resource: Resource;
  readonly repository: OpenRepository;
}

const GROUPS: readonly (readonly [GroupName, () => string])[] = [
  ['merge', () => t('Merge Changes')],
  ['index', () => t('Staged Changes')],
  ['worktree', () => t('Changes')],
  ['untracked', () => t('Untracked Changes')],
];

/** One repository in the source control view, with its gutter marks. */
export class RepositoryView implements vscode.Disposable, vscode.QuickDiffProvider {
  readonly control: vscode.SourceControl;
  private readonly groups = new Map<GroupName, vscode.SourceControlResourceGroup>();
  private readonly lifetime = new DisposableStore();
  private readonly untracked = new Set<string>();

  constructor(
    readonly repository: OpenRepository,
    private readonly revisions: Revisions,
  ) {
    const root = uriOf({ host: repository.session.host, path: repository.root });
    this.control = this.lifetime.add(
      vscode.scm.createSourceControl(
        'livemount-git',
        fitToShow(`${repository.name} [${repository.session.host}]`),
        root,
      ),
    );
    this.control.quickDiffProvider = this;
    this.control.acceptInputCommand = {
      command: 'livemount.git.commit',
      title: t('Commit'),
      arguments: [this.control],
    };
    for (const [name, label] of GROUPS) {
      const group = this.lifetime.add(this.control.createResourceGroup(name, label()));
      group.hideWhenEmpty = name !== 'worktree';
      this.groups.set(name, group);
    }
    this.lifetime.add(repository.onDidChange(() => this.update()));
    this.update();
  }

  /** The index's content, which the gutter compares with; none where the index has only a pointer to it. */
  async provideOriginalResource(uri: vscode.Uri): Promise<vscode.Uri | undefined> {
    const { host } = this.repository.session;
    const path = uri.path;
    const prefix = prefixOf(this.repository.root);
    if (uri.scheme !== 'livemount' || !path.startsWith(prefix)) return undefined;
    const relative = path.slice(prefix.length);
    if (relative.startsWith('.git/') || this.isUntracked(relative)) return undefined;
    if (await this.revisions.isKeptElsewhere(this.repository, relative)) return undefined;
    return revisionUri({ host, path }, { ref: '', root: this.repository.root });
  }

  dispose(): void {
    this.lifetime.dispose();
  }

  private isUntracked(path: string): boolean {
    if (this.untracked.has(path)) return true;
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      if (this.untracked.has(path.slice(0, at + 1))) return true;
    }
    return false;
  }

  private update(): void {
    const { status, resources, unfinished, failure } = this.repository;
    this.untracked.clear();
    for (const { path } of resources.untracked) this.untracked.add(path);
    let count = 0;
    for (const [name, group] of this.groups) {
      group.resourceStates = resources[name].map((resource) => stateOf(this.repository, resource));
      count += resources[name].length;
    }
    this.control.count = count + (status?.left ?? 0);
    const branch = fitToShow(status?.branch.name ?? status?.branch.oid?.slice(0, 8) ?? '', 80);
    const inFront =
      status !== undefined && status.left > 0
        ? `${t('{0} more changes are not shown.', String(status.left))} `
        : '';
    this.control.inputBox.placeholder =
      failure === undefined
        ? `${inFront}${t('Message (Ctrl+Enter to commit on “{0}”)', branch)}`
        : fitToShow(gitInWords(failure) ?? inWords(failure).sentence);
    const { ahead, behind, upstream } = status?.branch ?? {};
    const dirty = resources.worktree.length + resources.untracked.length > 0 ? '*' : '';
    const staged = resources.index.length > 0 ? '+' : '';
    const state = unfinished === undefined ? '' : ` (${unfinished})`;
    this.control.statusBarCommands = [
      {
        command: 'livemount.git.checkout',
        title: `$(git-branch) ${branch}${dirty}${staged}${state}`,
        tooltip: fitToShow(
          [
            t('{0} on {1}: Checkout Branch or Tag…', this.repository.name, this.repository.session.host),
            ...(status?.stashes === undefined ? [] : [t('Stashes: {0}', String(status.stashes))]),
          ].join(' · '),
        ),
        arguments: [this.control],
      },
      upstream === undefined
        ? {
            command: 'livemount.git.publish',
            title: '$(cloud-upload)',
            tooltip: t('Publish Branch'),
            arguments: [this.control],
          }
        : {
            command: 'livemount.git.sync',
            title: `$(sync) ${behind ?? 0}↓ ${ahead ?? 0}↑`,
            tooltip: fitToShow(t('Synchronize with {0}', upstream)),
            arguments: [this.control],
          },
    ];
  }
}

const GONE: readonly ResourceKind[] = ['deleted', 'both deleted', 'deleted by us'];

function stateOf(repository: OpenRepository, resource: Resource): ResourceState {
  const { host } = repository.session;
  const path = prefixOf(repository.root) + resource.path;
  return {
    resource,
    repository,
    resourceUri: uriOf({ host, path }),
    contextValue: resource.group,
    decorations: {
      tooltip: fitToShow(resourceInWords(resource)),
      strikeThrough: GONE.includes(resource.kind),
      faded: false,
    },
    command: {
      command: 'livemount.git.openChange',
      title: t('Open Changes'),
      arguments: [{ host, root: repository.root, group: resource.group, path: resource.path }],
    },
  };
}

/** What happened to a path, and of a submodule what is inside. */
export function resourceInWords({ kind, submodule }: Resource): string {
  if (!submodule) return kindInWords(kind);
  const inside = [
    ...(submodule.commitChanged ? [t('other commit')] : []),
    ...(submodule.modified ? [t('changed files')] : []),
    ...(submodule.untracked ? [t('new files')] : []),
  ];
  return inside.length === 0
    ? t('Submodule: {0}', kindInWords(kind))
    : t('Submodule with {0}', inside.join(', '));
}

export function kindInWords(kind: ResourceKind): string {
  const words: Readonly<Record<ResourceKind, string>> = {
    modified: t('Modified'),
    added: t('Added'),
    deleted: t('Deleted'),
    renamed: t('Renamed'),
    copied: t('Copied'),
    'type changed': t('Type Changed'),
    untracked: t('Untracked'),
    ignored: t('Ignored'),
    'both modified': t('Conflict: Both Modified'),
    'both added': t('Conflict: Both Added'),
    'both deleted': t('Conflict: Both Deleted'),
    'added by us': t('Conflict: Added by Us'),
    'added by them': t('Conflict: Added by Them'),
    'deleted by us': t('Conflict: Deleted by Us'),
    'deleted by them': t('Conflict: Deleted by Them'),
  };
  return words[kind];
}
