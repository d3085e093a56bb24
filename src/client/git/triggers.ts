/** What a change below a repository is to its status. */
export type Trigger = 'worktree' | 'git' | 'none';

/**
 * The part of the administrative folder whose changes alter what a status says. Objects, logs, hooks and lock files are
 * many and alter nothing by themselves: what they lead to is one of these.
 */
const TELLING =
  /^(?:index|HEAD|ORIG_HEAD|FETCH_HEAD|MERGE_HEAD|CHERRY_PICK_HEAD|REVERT_HEAD|REBASE_HEAD|BISECT_LOG|packed-refs|config|info\/exclude|info\/sparse-checkout|refs(?:\/.*)?|rebase-merge(?:\/.*)?|rebase-apply(?:\/.*)?|sequencer(?:\/.*)?|shallow)$/;

/**
 * @param path absolute
 * @param root the work tree
 * @param gitDirs the repository's own administrative folder and, in a linked work tree, the common one
 */
export function triggerOf(path: string, root: string, gitDirs: readonly string[]): Trigger {
  for (const gitDir of gitDirs) {
    if (path === gitDir) return 'git';
    if (!path.startsWith(`${gitDir}/`)) continue;
    const inside = path.slice(gitDir.length + 1).replace(/^worktrees\/[^/]+\//, '');
    return !inside.endsWith('.lock') && TELLING.test(inside) ? 'git' : 'none';
  }
  if (path !== root && !path.startsWith(root === '/' ? '/' : `${root}/`)) return 'none';
  return 'worktree';
}

/** What is not watched of an administrative folder: it is written all the time and never looked at. */
export const GIT_DIR_EXCLUDES: readonly string[] = [
  'objects/**',
  'logs/**',
  'hooks/**',
  'lfs/**',
  'modules/**',
  '**/*.lock',
];
