import type { CommandEntry, MenuPlace } from '../commandTable';

/** The commands of git, once; package.json's are made from this table as from the other one. */

const OURS = 'scmProvider == livemount-git';
/** With a trusted workspace, a host, and a repository in it. */
export const GIT_CONTEXT = 'livemount.git.available';
const inTitle = (group: string): MenuPlace => ({ menu: 'scm/title', when: OURS, group });
const onGroup = (groups: string, group: string): MenuPlace => ({
  menu: 'scm/resourceGroup/context',
  when: `${OURS} && scmResourceGroup =~ /^(${groups})$/`,
  group,
});
const onResource = (groups: string, group: string): MenuPlace => ({
  menu: 'scm/resourceState/context',
  when: `${OURS} && scmResourceGroup =~ /^(${groups})$/`,
  group,
});
const onFolder = (groups: string, group: string): MenuPlace => ({
  ...onResource(groups, group),
  menu: 'scm/resourceFolder/context',
});
const onChange = (group: string): MenuPlace => ({
  menu: 'scm/change/title',
  when: 'originalResourceScheme == livemount-git',
  group,
});
const HIDDEN = 'false';

export const GIT_COMMANDS = {
  'livemount.git.commit': { title: 'Commit', icon: '$(check)', menus: [inTitle('navigation@1')] },
  'livemount.git.refresh': { title: 'Refresh', icon: '$(refresh)', menus: [inTitle('navigation@2')] },
  'livemount.git.commitAll': { title: 'Commit All', menus: [inTitle('1_commit@1')] },
  'livemount.git.commitAmend': { title: 'Commit (Amend)', menus: [inTitle('1_commit@2')] },
  'livemount.git.commitSigned': { title: 'Commit (Signed Off)', menus: [inTitle('1_commit@3')] },
  'livemount.git.undoCommit': { title: 'Undo Last Commit', menus: [inTitle('1_commit@4')] },
  'livemount.git.earlierMessage': { title: 'Use an Earlier Message…', menus: [inTitle('1_commit@5')] },
  'livemount.git.openChange': { title: 'Open Changes', icon: '$(git-compare)', palette: HIDDEN },
  'livemount.git.openFile': {
    title: 'Open File',
    icon: '$(go-to-file)',
    palette: HIDDEN,
    menus: [
      onResource('merge|index|worktree|untracked', 'inline@1'),
      onResource('merge|index|worktree|untracked', 'navigation@1'),
    ],
  },
  'livemount.git.stage': {
    title: 'Stage Changes',
    icon: '$(add)',
    palette: HIDDEN,
    menus: [
      onResource('merge|worktree|untracked', 'inline@3'),
      onResource('merge|worktree|untracked', '1_change@1'),
      onFolder('merge|worktree|untracked', 'inline@3'),
    ],
  },
  'livemount.git.stageAll': {
    title: 'Stage All Changes',
    icon: '$(add)',
    menus: [onGroup('worktree|untracked|merge', 'inline@2'), inTitle('2_changes@1')],
  },
  'livemount.git.unstage': {
    title: 'Unstage Changes',
    icon: '$(remove)',
    palette: HIDDEN,
    menus: [
      onResource('index', 'inline@3'),
      onResource('index', '1_change@1'),
      onFolder('index', 'inline@3'),
    ],
  },
  'livemount.git.unstageAll': {
    title: 'Unstage All Changes',
    icon: '$(remove)',
    menus: [onGroup('index', 'inline@2'), inTitle('2_changes@2')],
  },
  'livemount.git.discard': {
    title: 'Discard Changes…',
    icon: '$(discard)',
    palette: HIDDEN,
    menus: [
      onResource('worktree|untracked', 'inline@2'),
      onResource('worktree|untracked', '1_change@2'),
      onFolder('worktree|untracked', 'inline@2'),
    ],
  },
  'livemount.git.discardAll': {
    title: 'Discard All Changes…',
    icon: '$(discard)',
    menus: [onGroup('worktree|untracked', 'inline@1'), inTitle('2_changes@3')],
  },
  'livemount.git.stageChange': {
    title: 'Stage Change',
    icon: '$(add)',
    palette: HIDDEN,
    menus: [onChange('navigation@1')],
  },
  'livemount.git.revertChange': {
    title: 'Revert Change',
    icon: '$(discard)',
    palette: HIDDEN,
    menus: [onChange('navigation@2')],
  },
  'livemount.git.stageSelection': { title: 'Stage Selected Lines', palette: GIT_CONTEXT },
  'livemount.git.unstageSelection': { title: 'Unstage Selected Lines', palette: GIT_CONTEXT },
  'livemount.git.mergeEditor': {
    title: 'Resolve in Merge Editor',
    palette: HIDDEN,
    menus: [onResource('merge', '1_change@3')],
  },
  'livemount.git.acceptConflict': { title: 'Accept a Side of a Conflict', palette: HIDDEN },
  'livemount.git.compareConflict': { title: 'Compare the Sides of a Conflict', palette: HIDDEN },
  'livemount.git.checkout': { title: 'Checkout Branch or Tag…', menus: [inTitle('3_branch@1')] },
  'livemount.git.createBranch': { title: 'Create Branch…', menus: [inTitle('3_branch@2')] },
  'livemount.git.renameBranch': { title: 'Rename Branch…', menus: [inTitle('3_branch@3')] },
  'livemount.git.deleteBranch': { title: 'Delete Branch…', menus: [inTitle('3_branch@4')] },
  'livemount.git.createTag': { title: 'Create Tag…', menus: [inTitle('3_branch@5')] },
  'livemount.git.deleteTag': { title: 'Delete Tag…', menus: [inTitle('3_branch@6')] },
  'livemount.git.merge': { title: 'Merge Branch…', menus: [inTitle('4_join@1')] },
  'livemount.git.rebase': { title: 'Rebase onto Branch…', menus: [inTitle('4_join@2')] },
  'livemount.git.cherryPick': { title: 'Cherry-Pick…', menus: [inTitle('4_join@3')] },
  'livemount.git.revertCommit': { title: 'Revert Commit…', menus: [inTitle('4_join@4')] },
  'livemount.git.continue': { title: 'Continue Merge, Rebase or Pick', menus: [inTitle('4_join@5')] },
  'livemount.git.skip': { title: 'Skip This Step', menus: [inTitle('4_join@6')] },
  'livemount.git.abort': { title: 'Abort Merge, Rebase or Pick…', menus: [inTitle('4_join@7')] },
  'livemount.git.stash': { title: 'Stash Changes…', menus: [inTitle('5_stash@1')] },
  'livemount.git.stashPop': { title: 'Apply or Drop Stash…', menus: [inTitle('5_stash@2')] },
  'livemount.git.fetch': { title: 'Fetch', menus: [inTitle('6_remote@1')] },
  'livemount.git.fetchAll': { title: 'Fetch the Whole History', menus: [inTitle('6_remote@7')] },
  'livemount.git.pull': { title: 'Pull', menus: [inTitle('6_remote@2')] },
  'livemount.git.pullRebase': { title: 'Pull (Rebase)', menus: [inTitle('6_remote@3')] },
  'livemount.git.push': { title: 'Push', menus: [inTitle('6_remote@4')] },
  'livemount.git.pushForce': { title: 'Push (Replace What You Last Saw)…', menus: [inTitle('6_remote@5')] },
  'livemount.git.publish': { title: 'Publish Branch…', menus: [inTitle('6_remote@6')] },
  'livemount.git.sync': { title: 'Synchronize', palette: GIT_CONTEXT },
  'livemount.git.clone': { title: 'Clone Repository into a Folder of the Host…' },
  'livemount.git.init': { title: 'Initialize Repository…' },
  'livemount.git.removeLock': { title: 'Remove a Lock That Was Left Behind…', menus: [inTitle('7_more@1')] },
  'livemount.git.log': { title: 'Show History…', menus: [inTitle('7_more@2')] },
  'livemount.git.fileLog': {
    title: 'Show History of File',
    palette: GIT_CONTEXT,
    menus: [
      {
        menu: 'explorer/context',
        when: `resourceScheme == livemount && ${GIT_CONTEXT}`,
        group: '6_livemount@5',
      },
    ],
  },
  'livemount.git.blame': { title: 'Show Who Wrote Which Line', palette: GIT_CONTEXT },
} as const satisfies Record<`livemount.git.${string}`, CommandEntry>;

export type GitCommandId = keyof typeof GIT_COMMANDS;

export const gitCommandEntries = Object.entries(GIT_COMMANDS) as readonly [GitCommandId, CommandEntry][];
