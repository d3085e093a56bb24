import type { GitStatus, StatusEntry, SubmoduleState } from './status';

export type GroupName = 'merge' | 'index' | 'worktree' | 'untracked';

/** What happened to a path, in the words people know; the letter and colour of a resource follow from it. */
export type ResourceKind =
  | 'modified'
  | 'added'
  | 'deleted'
  | 'renamed'
  | 'copied'
  | 'type changed'
  | 'untracked'
  | 'ignored'
  | 'both modified'
  | 'both added'
  | 'both deleted'
  | 'added by us'
  | 'added by them'
  | 'deleted by us'
  | 'deleted by them';

/** One line of a source control view. */
export interface Resource {
  readonly group: GroupName;
  readonly kind: ResourceKind;
  readonly path: string;
  /** Where a rename or copy came from. */
  readonly from?: string;
  /** Undefined where the path is no submodule. */
  readonly submodule: SubmoduleState | undefined;
}

const sides: Readonly<Record<string, ResourceKind>> = {
  M: 'modified',
  T: 'type changed',
  A: 'added',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
};

/** The pairs of git-status(1). */
const conflicts: Readonly<Record<string, ResourceKind>> = {
  DD: 'both deleted',
  AU: 'added by us',
  UD: 'deleted by them',
  UA: 'added by them',
  DU: 'deleted by us',
  AA: 'both added',
  UU: 'both modified',
};

/** A status as the groups of a source control view, in git's order. */
export function resourcesOf(status: GitStatus): Readonly<Record<GroupName, readonly Resource[]>> {
  const groups: Record<GroupName, Resource[]> = { merge: [], index: [], worktree: [], untracked: [] };
  for (const entry of status.entries) {
    for (const resource of resources(entry)) groups[resource.group].push(resource);
  }
  return groups;
}

function* resources(entry: StatusEntry): Iterable<Resource> {
  const { path, kind, index, worktree, from } = entry;
  const common = { path, submodule: entry.submodule };
  if (kind === 'untracked') yield { ...common, group: 'untracked', kind: 'untracked' };
  else if (kind === 'unmerged') {
    yield { ...common, group: 'merge', kind: conflicts[index + worktree] ?? 'both modified' };
  } else {
    const staged = sides[index];
    const changed = sides[worktree];
    const source = from !== undefined && { from };
    if (staged) yield { ...common, group: 'index', kind: staged, ...(isMove(staged) && source) };
    if (changed) yield { ...common, group: 'worktree', kind: changed, ...(isMove(changed) && source) };
  }
}

function isMove(kind: ResourceKind): boolean {
  return kind === 'renamed' || kind === 'copied';
}

/** The letter beside a resource, as people know them from VS Code. */
export function letterOf(kind: ResourceKind): string {
  switch (kind) {
    case 'modified':
      return 'M';
    case 'added':
      return 'A';
    case 'deleted':
      return 'D';
    case 'renamed':
      return 'R';
    case 'copied':
      return 'C';
    case 'type changed':
      return 'T';
    case 'untracked':
      return 'U';
    case 'ignored':
      return '!';
    default:
      return '!';
  }
}
