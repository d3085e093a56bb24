import * as vscode from 'vscode';
import { detailsOf } from '../../client/describe';
import { GitFailure } from '../../client/git/failure';
import type { GroupName } from '../../client/git/groups';
import { cloneSource, refName } from '../../client/git/names';
import type { Ref } from '../../client/git/refs';
import {
  cloneRepository,
  type GitRepository,
  initRepository,
  type Transfer,
} from '../../client/git/repository';
import { inWords, tellAndOfferLog, tellFailure } from '../errors';
import type { Hosts } from '../hosts';
import { t } from '../l10n';
import {
  ask,
  askText,
  pick,
  showBriefly,
  showError,
  notify,
  showInformation,
  showProgress,
  showWarning,
  type WindowLog,
} from '../show';
import { isOurs, ourFolders, placeOf, uriOf } from '../uris';
import type { BlameView } from './blameView';
import {
  compareSides,
  type EditorChange,
  lineChange,
  openChange,
  openMergeEditor,
  revertChange,
  selectedBy,
  stageChanges,
  unstageSelection,
} from './changes';
import { type GitCommandId, gitCommandEntries } from './commandTable';
import { acceptConflict, type Side } from './conflicts';
import { gitInWords, lastLine } from './failures';
import { cherryPick, pickCommit, revert, showHistory } from './history';
import { tellLock } from './locks';
import { type OpenRepository, placeOfFailure } from './openRepository';
import { forwardedAgent, type RemotePasswords } from './passwords';
import { prefixOf } from './revisions';
import type { Repositories } from './repositories';
import type { RepositoryView, ResourceState } from './sourceControl';
import { revisionOf, revisionUri } from './uris';
import { VfsGitHost } from './vfsGitHost';

export interface GitContext {
  readonly hosts: Hosts;
  readonly repositories: Repositories;
  readonly blame: BlameView;
  readonly passwords: RemotePasswords;
  readonly log: WindowLog;
  viewOf(control: vscode.SourceControl): RepositoryView | undefined;
  inputOf(repository: OpenRepository): vscode.SourceControlInputBox | undefined;
}

type Handler = (context: GitContext, ...args: unknown[]) => Promise<unknown> | unknown;

/** A command on one repository: that of the view it was called from, else of the active file, else one the user picks. */
function on(work: (repository: OpenRepository, context: GitContext) => Promise<unknown> | unknown): Handler {
  return async (context, subject) => {
    const repository = await repositoryFor(context, subject);
    return repository && work(repository, context);
  };
}

/** A command on the lines that are selected in the view. */
function onResources(
  work: (repository: OpenRepository, states: readonly ResourceState[]) => Promise<unknown>,
): Handler {
  return async (_context, ...states) => {
    const chosen = states.flat().filter(isResourceState);
    for (const repository of new Set(chosen.map((state) => state.repository))) {
      await work(
        repository,
        chosen.filter((state) => state.repository === repository),
      );
    }
  };
}

const handlers: Readonly<Record<GitCommandId, Handler>> = {
  'livemount.git.refresh': on((repository) => repository.refreshNow()),
  'livemount.git.commit': on((repository, context) => commit(repository, context, {})),
  'livemount.git.commitAll': on((repository, context) => commit(repository, context, { all: true })),
  'livemount.git.commitAmend': on((repository, context) => commit(repository, context, { amend: true })),
  'livemount.git.commitSigned': on((repository, context) => commit(repository, context, { signOff: true })),
  'livemount.git.undoCommit': on(undoCommit),
  'livemount.git.earlierMessage': on(earlierMessage),
  'livemount.git.openChange': async ({ repositories }, place) => {
    const { host, root, group, path } = place as {
      host: string;
      root: string;
      group: GroupName;
      path: string;
    };
    const repository = repositories.at(host, root);
    if (repository) await openChange(repository, group, path);
  },
  'livemount.git.openFile': onResources(async (_repository, states) => {
    for (const { resourceUri } of states) await vscode.commands.executeCommand('vscode.open', resourceUri);
  }),
  'livemount.git.stage': onResources((repository, states) => stage(repository, states)),
  'livemount.git.stageAll': on(async (repository) => {
    await refuseMarkers(
      repository,
      repository.resources.merge.map(({ path }) => path),
      () => repository.doing((git) => git.stageAll()),
    );
  }),
  'livemount.git.unstage': onResources((repository, states) =>
    repository.doing((git) =>
      git.unstage(
        states.flatMap(({ resource }) => [
          resource.path,
          ...(resource.from === undefined ? [] : [resource.from]),
        ]),
      ),
    ),
  ),
  'livemount.git.unstageAll': on((repository) => repository.doing((git) => git.unstageAll())),
  'livemount.git.discard': onResources((repository, states) =>
    discard(
      repository,
      states.map(({ resource }) => resource),
    ),
  ),
  'livemount.git.discardAll': on((repository) =>
    discard(repository, [...repository.resources.worktree, ...repository.resources.untracked]),
  ),
  'livemount.git.stageChange': async ({ repositories }, uri, changes, index) => {
    const chosen = changeAt(changes, index);
    const repository = uri instanceof vscode.Uri ? repositories.of(uri) : undefined;
    if (repository && chosen)
      await stageChanges(repository, uri as vscode.Uri, async () => [lineChange(chosen)]);
  },
  'livemount.git.revertChange': async ({ repositories }, uri, changes, index) => {
    const chosen = changeAt(changes, index);
    if (!(uri instanceof vscode.Uri) || !chosen) return;
    const repository = repositories.of(uri);
    if (!repository) return;
    const original = revisionUriOfIndex(repository, uri);
    await revertChange(uri, original, lineChange(chosen));
  },
  'livemount.git.stageSelection': async ({ repositories }) => {
    const editor = vscode.window.activeTextEditor;
    const repository =
      editor && isOurs(editor.document.uri) ? repositories.of(editor.document.uri) : undefined;
    if (!editor || !repository) return;
    await stageChanges(repository, editor.document.uri, async (changes) =>
      selectedBy(await changes(), editor.selections),
    );
  },
  'livemount.git.unstageSelection': async ({ repositories }) => {
    const editor = vscode.window.activeTextEditor;
    const revision = editor && revisionOf(editor.document.uri);
    const repository = revision && repositories.at(revision.host, revision.root);
    if (editor && repository) await unstageSelection(repository, editor);
  },
  'livemount.git.mergeEditor': onResources(async (repository, states) => {
    for (const { resource } of states) await openMergeEditor(repository, resource.path);
  }),
  'livemount.git.acceptConflict': (_context, uri, start, side) => {
    if (uri instanceof vscode.Uri && typeof start === 'number')
      return acceptConflict(uri, start, side as Side);
    return undefined;
  },
  'livemount.git.compareConflict': async ({ repositories }, uri) => {
    const repository = uri instanceof vscode.Uri && isOurs(uri) ? repositories.of(uri) : undefined;
    if (repository) await compareSides(repository, uri as vscode.Uri);
  },
  'livemount.git.checkout': on(checkout),
  'livemount.git.createBranch': on(async (repository) => {
    const name = await askName(
      t('Create Branch'),
      t('The name of the new branch. It begins where you are now.'),
    );
    if (name !== undefined) await repository.doing((git) => git.createBranch(name));
  }),
  'livemount.git.renameBranch': on(async (repository) => {
    const current = repository.status?.branch.name;
    if (current === undefined) return notify(t('No branch is checked out.'));
    const name = await askName(t('Rename Branch'), t('The new name of {0}.', current), current);
    if (name !== undefined && name !== current)
      await repository.doing((git) => git.renameBranch(current, name));
    return undefined;
  }),
  'livemount.git.deleteBranch': on(deleteBranch),
  'livemount.git.createTag': on(async (repository) => {
    const name = await askName(t('Create Tag'), t('The name of the new tag.'));
    if (name === undefined) return;
    const message = await askText({
      title: t('Create Tag'),
      prompt: t('A message for {0}; empty for a tag without one.', name),
    });
    if (message !== undefined) await repository.doing((git) => git.createTag(name, message));
  }),
  'livemount.git.deleteTag': on(async (repository) => {
    const ref = await pickRef(repository, t('Delete Which Tag?'), ({ kind }) => kind === 'tag');
    if (ref) await repository.doing((git) => git.deleteTag(ref.short));
  }),
  'livemount.git.merge': on(async (repository) => {
    const ref = await pickRef(
      repository,
      t('Merge Which Branch into the Current One?'),
      ({ current }) => !current,
    );
    if (ref) await repository.doing((git) => git.merge(ref.name));
  }),
  'livemount.git.rebase': on(async (repository) => {
    const ref = await pickRef(
      repository,
      t('Rebase the Current Branch onto Which One?'),
      ({ current }) => !current,
    );
    if (ref) await repository.doing((git) => git.rebase(ref.name));
  }),
  'livemount.git.cherryPick': on(async (repository) => {
    const commit = await pickCommit(repository, t('Cherry-Pick Which Commit?'));
    if (commit) await cherryPick(repository, commit);
  }),
  'livemount.git.revertCommit': on(async (repository) => {
    const commit = await pickCommit(repository, t('Revert Which Commit?'));
    if (commit) await revert(repository, commit);
  }),
  'livemount.git.continue': on((repository) => resume(repository, 'continue')),
  'livemount.git.skip': on((repository) => resume(repository, 'skip')),
  'livemount.git.abort': on(async (repository) => {
    const abort = t('Abort');
    const answer = await ask(
      t('Take back what was begun?'),
      t('What was resolved since then is lost. Files are as they were before.'),
      abort,
    );
    if (answer === abort) await resume(repository, 'abort');
  }),
  'livemount.git.stash': on(stash),
  'livemount.git.stashPop': on(useStash),
  'livemount.git.fetch': on((repository, context) =>
    transfer(repository, context, t('Fetching'), (git, how) => git.fetch(undefined, how)),
  ),
  'livemount.git.fetchAll': on(async (repository, context) => {
    if (!(await repository.git.isShallow())) return notify(t('The history is complete.'));
    return transfer(repository, context, t('Fetching'), (git, how) => git.fetchAll(how));
  }),
  'livemount.git.pull': on((repository, context) =>
    transfer(repository, context, t('Pulling'), (git, how) => git.pull(how)),
  ),
  'livemount.git.pullRebase': on((repository, context) =>
    transfer(repository, context, t('Pulling'), (git, how) => git.pull({ ...how, rebase: true })),
  ),
  'livemount.git.push': on((repository, context) => push(repository, context, {})),
  'livemount.git.pushForce': on(async (repository, context) => {
    const force = t('Replace');
    const answer = await ask(
      t('Replace the branch on the remote by yours?'),
      t(
        'Commits there that yours does not contain are lost. If somebody pushed since you last fetched, nothing is replaced.',
      ),
      force,
    );
    if (answer === force) await push(repository, context, { force: true });
  }),
  'livemount.git.publish': on(publish),
  'livemount.git.sync': on(async (repository, context) => {
    await transfer(repository, context, t('Synchronizing'), async (git, how) => {
      await git.pull(how);
      await pushUpstream(git, repository, how, {});
    });
  }),
  'livemount.git.clone': (context) => clone(context),
  'livemount.git.init': async (context) => {
    const folder = await folderOfHost(context, t('Initialize a Repository in Which Folder?'));
    if (!folder) return;
    const vfs = await context.hosts.session(folder.host).vfs();
    await initRepository(new VfsGitHost(vfs), folder.path);
    context.repositories.lookEverywhere();
  },
  'livemount.git.removeLock': on((repository) => tellLock(repository)),
  'livemount.git.log': on((repository) => showHistory(repository)),
  'livemount.git.fileLog': async ({ repositories }, subject) => {
    const uri = subject instanceof vscode.Uri ? subject : vscode.window.activeTextEditor?.document.uri;
    const repository = uri && isOurs(uri) ? repositories.of(uri) : undefined;
    if (!uri || !repository) return;
    await showHistory(repository, { path: placeOf(uri).path.slice(prefixOf(repository.root).length) });
  },
  'livemount.git.blame': ({ blame }) => {
    const editor = vscode.window.activeTextEditor;
    return editor && blame.toggle(editor);
  },
};

/** Registers every command of git; one that fails says why, and git's own words go to the log. */
export function registerGitCommands(context: GitContext): vscode.Disposable {
  const registered = gitCommandEntries.map(([id]) =>
    vscode.commands.registerCommand(id, async (...args: unknown[]) => {
      try {
        return await handlers[id](context, ...args);
      } catch (error) {
        // Not awaited: whoever runs the command waits for its end, and nobody may answer the message.
        tellFailure(tell(context, id, error));
        return undefined;
      }
    }),
  );
  return vscode.Disposable.from(...registered);
}

async function tell({ log }: GitContext, id: string, error: unknown): Promise<void> {
  log.error(`${id}: ${error instanceof GitFailure ? `${error.message}: ${error.words}` : detailsOf(error)}`);
  const place = error instanceof GitFailure && error.kind === 'locked' ? placeOfFailure(error) : undefined;
  if (place && error instanceof GitFailure) return tellLock(place, error.words);
  tellAndOfferLog(gitInWords(error) ?? inWords(error).sentence, log);
}

// Commits --------------------------------------------------------------------------------------------------------------

async function commit(
  repository: OpenRepository,
  context: GitContext,
  options: { readonly all?: boolean; readonly amend?: boolean; readonly signOff?: boolean },
): Promise<void> {
  const input = context.inputOf(repository);
  const { merge, index, worktree, untracked } = repository.resources;
  let all = options.all ?? false;
  if (
    !all &&
    !options.amend &&
    index.length === 0 &&
    merge.length === 0 &&
    repository.unfinished === undefined
  ) {
    if (worktree.length + untracked.length === 0) {
      void showInformation(t('There is nothing to commit.'));
      return;
    }
    const yes = t('Stage All and Commit');
    const answer = await ask(t('Nothing is staged.'), t('Commit all changes, new files too?'), yes);
    if (answer !== yes) return;
    all = true;
  }
  let message = input?.value.trim() ?? '';
  if (message === '' && options.amend) message = await repository.git.headMessage();
  if (message === '' && repository.unfinished !== undefined) message = await repository.git.preparedMessage();
  if (message === '') {
    message =
      (await askText({ title: t('Commit'), prompt: t('What does the commit change?') }))?.trim() ?? '';
  }
  if (message === '') return;
  for (const document of vscode.workspace.textDocuments) {
    if (document.isDirty && isOurs(document.uri) && context.repositories.of(document.uri) === repository)
      await document.save();
  }
  // A hook may refuse: then what was typed elsewhere is not lost.
  if (input) input.value = message;
  const { amend, signOff } = options;
  const { summary, hooks } = await repository.doing(async (git) => {
    if (all) await git.stageAll();
    return git.commit(message, { ...(amend && { amend }), ...(signOff && { signOff }) });
  });
  if (input) input.value = '';
  const where = `${repository.session.host}:${repository.root}`;
  context.log.info(`git commit in ${where}: ${summary.split('\n')[0] ?? ''}`);
  if (hooks === '') return;
  for (const line of hooks.split('\n')) context.log.info(`git commit in ${where}: ${line}`);
  const showLog = t('Show Log');
  void showInformation(t('Committed. The hooks said: {0}', lastLine(hooks)), showLog).then((answer) => {
    if (answer === showLog) context.log.show();
  });
}

/** Puts a message that was committed here before into the box. */
async function earlierMessage(repository: OpenRepository, context: GitContext): Promise<void> {
  const messages = await repository.git.earlierMessages();
  if (messages.length === 0) {
    void showInformation(t('Nothing was committed here yet.'));
    return;
  }
  const items = messages.map((message) => {
    const [label = '', ...more] = message.split('\n');
    return { label, description: more.join(' ').trim(), message };
  });
  const chosen = await pick(items, t('Use Which Message?'));
  const input = context.inputOf(repository);
  if (chosen && input) input.value = chosen.message;
}

async function undoCommit(repository: OpenRepository, context: GitContext): Promise<void> {
  const undo = t('Undo Commit');
  const { upstream, ahead } = repository.status?.branch ?? {};
  const pushed = upstream !== undefined && ahead === 0;
  const answer = await ask(
    t('Undo the last commit?'),
    pushed
      ? t('It is on the remote already; there it stays. What it changed is staged again.')
      : t('What it changed is staged again, and its message stands in the box.'),
    undo,
  );
  if (answer !== undo) return;
  const message = await repository.doing((git) => git.undoCommit());
  const input = context.inputOf(repository);
  if (input?.value === '') input.value = message;
}

// What is staged and thrown away ---------------------------------------------------------------------------------------

async function stage(repository: OpenRepository, states: readonly ResourceState[]): Promise<void> {
  const paths = states.flatMap(({ resource }) => [
    resource.path,
    ...(resource.from === undefined ? [] : [resource.from]),
  ]);
  const conflicting = states
    .filter(({ resource }) => resource.group === 'merge')
    .map(({ resource }) => resource.path);
  await refuseMarkers(repository, conflicting, () => repository.doing((git) => git.stage(paths)));
}

/** A file that still has conflict markers is staged only when the user says so: it would count as resolved. */
async function refuseMarkers(
  repository: OpenRepository,
  paths: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const marked: string[] = [];
  for (const path of paths) {
    const content = await repository.tree
      .readFile(prefixOf(repository.root) + path)
      .catch(() => Buffer.alloc(0));
    if (/^<{7} /m.test(content.toString('latin1')) && /^>{7} /m.test(content.toString('latin1')))
      marked.push(path);
  }
  if (marked.length > 0) {
    const yes = t('Stage All the Same');
    const answer = await ask(
      t('There are unresolved conflicts.'),
      [t('These files still have conflict markers:'), ...marked.slice(0, 10)].join('\n'),
      yes,
    );
    if (answer !== yes) return;
  }
  await work();
}

async function discard(
  repository: OpenRepository,
  resources: readonly { readonly group: GroupName; readonly path: string }[],
): Promise<void> {
  const paths = (group: GroupName) => resources.filter((one) => one.group === group).map(({ path }) => path);
  const tracked = paths('worktree');
  const untracked = paths('untracked');
  if (tracked.length + untracked.length === 0) return;
  const yes = t('Discard');
  const named = [...tracked, ...untracked].slice(0, 10);
  if (tracked.length + untracked.length > named.length) {
    named.push(t('… and {0} more', String(tracked.length + untracked.length - named.length)));
  }
  const answer = await ask(
    untracked.length > 0 ? t('Discard changes and delete new files?') : t('Discard changes?'),
    [...named, '', t('What they hold is kept for a week, and can be brought back.')].join('\n'),
    yes,
  );
  if (answer !== yes) return;
  const kept = await repository.doing((git) => git.discard(tracked, untracked));
  const undo = t('Bring Back');
  // Not awaited: the message may stay for long.
  void showInformation(t('The changes were discarded. They are kept as {0}.', kept), undo).then(
    async (chosen) => {
      if (chosen !== undo) return;
      try {
        await repository.doing((git) => git.restoreDiscarded(kept, [...tracked, ...untracked]));
      } catch (error) {
        void showError(gitInWords(error) ?? inWords(error).sentence);
      }
    },
  );
}

// Branches ---------------------------------------------------------------------------------------------------------------

async function checkout(repository: OpenRepository, context: GitContext): Promise<void> {
  const create = { label: `$(add) ${t('Create Branch…')}`, ref: undefined };
  const chosen = await pickAmong(repository, t('Checkout Which Branch or Tag?'), ({ current }) => !current, [
    create,
  ]);
  if (!chosen) return;
  if (!chosen.ref) {
    await vscode.commands.executeCommand('livemount.git.createBranch', undefined);
    return;
  }
  const { ref } = chosen;
  const go = async (git: GitRepository) => {
    if (ref.kind === 'branch') return git.checkout(ref.short);
    if (ref.kind === 'tag') return git.checkout(ref.name, { detach: true });
    const local = ref.short.slice(ref.short.indexOf('/') + 1);
    const known = (await git.refs()).some(({ kind, short }) => kind === 'branch' && short === local);
    return known ? git.checkout(local) : git.checkoutRemote(ref.short, local);
  };
  try {
    await repository.doing(go);
  } catch (error) {
    if (!(error instanceof GitFailure) || error.kind !== 'would-overwrite') throw error;
    context.log.info(`git checkout of ${ref.name}: ${error.words}`);
    const carry = t('Stash and Carry Over');
    const leave = t('Stash and Leave');
    const answer = await ask(
      t('Your changes would be overwritten by {0}.', ref.short),
      t('They can be stashed first, and applied again on the other branch, or left in the stash.'),
      carry,
      leave,
    );
    if (answer === undefined) return;
    await repository.doing(async (git) => {
      await git.stash(t('Before the checkout of {0}', ref.short), { kind: 'untracked' });
      await go(git);
      if (answer === carry) await git.applyStash(0, { drop: true });
    });
  }
}

async function deleteBranch(repository: OpenRepository): Promise<void> {
  const ref = await pickRef(
    repository,
    t('Delete Which Branch?'),
    ({ kind, current }) => kind === 'branch' && !current,
  );
  if (!ref) return;
  try {
    await repository.doing((git) => git.deleteBranch(ref.short));
  } catch (error) {
    if (!(error instanceof GitFailure) || error.kind !== 'not-merged') throw error;
    const yes = t('Delete All the Same');
    const answer = await ask(
      t('{0} has commits that are nowhere else.', ref.short),
      t('They are lost with it.'),
      yes,
    );
    if (answer === yes) await repository.doing((git) => git.deleteBranch(ref.short, { force: true }));
  }
}

async function resume(repository: OpenRepository, how: 'continue' | 'skip' | 'abort'): Promise<void> {
  const { unfinished } = repository;
  if (unfinished === undefined || unfinished === 'bisect') {
    void showInformation(t('No merge, rebase or pick is under way.'));
    return;
  }
  if (unfinished === 'merge' && how === 'skip') {
    void showInformation(t('A merge has no steps to skip.'));
    return;
  }
  await repository.doing((git) => git.resume(unfinished, how));
}

// Stashes ----------------------------------------------------------------------------------------------------------------

async function stash(repository: OpenRepository): Promise<void> {
  const tooOld = t('Needs git {0} on the host, which has {1}', '2.35', repository.git.version.text);
  const kinds = [
    { label: t('Changes of Tracked Files'), what: 'tracked' as const },
    { label: t('All Changes, New Files Too'), what: 'untracked' as const },
    {
      label: t('Staged Changes Only'),
      what: 'staged' as const,
      ...(!repository.git.version.has('stashStaged') && { description: tooOld }),
    },
  ];
  const chosen = await pick(kinds, t('Stash What?'));
  if (!chosen) return;
  if (chosen.what === 'staged' && !repository.git.version.has('stashStaged')) {
    void showInformation(tooOld);
    return;
  }
  const message = await askText({ title: t('Stash Changes'), prompt: t('A message, if you like.') });
  if (message !== undefined) await repository.doing((git) => git.stash(message, { kind: chosen.what }));
}

async function useStash(repository: OpenRepository): Promise<void> {
  const stashes = await repository.git.stashes();
  if (stashes.length === 0) {
    void showInformation(t('Nothing is stashed.'));
    return;
  }
  const chosen = await pick(
    stashes.map((one) => ({
      label: one.message,
      description: new Date(one.made * 1000).toLocaleString(),
      one,
    })),
    t('Which Stash?'),
  );
  if (!chosen) return;
  const ways = [
    { label: t('Apply and Remove It'), how: 'pop' },
    { label: t('Apply and Keep It'), how: 'apply' },
    { label: t('Remove It Without Applying'), how: 'drop' },
  ];
  const way = await pick(ways, chosen.one.message);
  if (!way) return;
  const { index } = chosen.one;
  if (way.how !== 'drop') {
    await repository.doing((git) => git.applyStash(index, { drop: way.how === 'pop' }));
    return;
  }
  const yes = t('Remove');
  const answer = await ask(
    t('Remove the stash “{0}”?', chosen.one.message),
    t('What it holds is lost.'),
    yes,
  );
  if (answer === yes) await repository.doing((git) => git.dropStash(index));
}

// Remotes ----------------------------------------------------------------------------------------------------------------

/** Work with a remote: its progress is shown, and it can be cancelled. */
async function transfer(
  repository: OpenRepository,
  { log, passwords }: GitContext,
  title: string,
  work: (git: GitRepository, how: Transfer) => Promise<void>,
): Promise<void> {
  await showProgress(`${title}: ${repository.name}`, async (report, token) => {
    const abort = new AbortController();
    token.onCancellationRequested(() => abort.abort());
    const progress = progressOf((message) => report.report({ message }));
    const answers = passwords.answersOn(repository.session.host);
    const agent = forwardedAgent(repository.session.host);
    try {
      await repository.doing((git) =>
        work(git, { signal: abort.signal, progress, ask: answers.ask, ...(agent && { agent }) }),
      );
      await answers.worked();
      showBriefly(t('Livemount: done with the remote'));
    } catch (error) {
      if (error instanceof GitFailure && error.kind === 'authentication') await answers.failed();
      if (abort.signal.aborted) log.info(`git of ${repository.root}: cancelled`);
      else throw error;
    }
  });
}

async function push(
  repository: OpenRepository,
  context: GitContext,
  options: { readonly force?: boolean },
): Promise<void> {
  if (repository.status?.branch.upstream === undefined) return publish(repository, context);
  return transfer(repository, context, t('Pushing'), (git, how) =>
    pushUpstream(git, repository, how, options),
  );
}

async function pushUpstream(
  git: GitRepository,
  repository: OpenRepository,
  how: Transfer,
  options: { readonly force?: boolean },
): Promise<void> {
  const { name, upstream } = repository.status?.branch ?? {};
  if (name === undefined || upstream === undefined) return;
  const remotes = await git.remotes();
  const remote = remotes.find((one) => upstream.startsWith(`${one}/`)) ?? remotes[0];
  if (remote !== undefined) await git.push(remote, name, { ...how, ...options });
}

async function publish(repository: OpenRepository, context: GitContext): Promise<void> {
  const branch = repository.status?.branch.name;
  if (branch === undefined) {
    void showInformation(t('No branch is checked out.'));
    return;
  }
  const remotes = await repository.git.remotes();
  const remote =
    remotes.length < 2
      ? remotes[0]
      : (
          await pick(
            remotes.map((label) => ({ label })),
            t('Publish to Which Remote?'),
          )
        )?.label;
  if (remote === undefined) {
    if (remotes.length === 0)
      void showWarning(t('The repository has no remote. Add one on the host with “git remote add”.'));
    return;
  }
  await transfer(repository, context, t('Pushing'), (git, how) =>
    git.push(remote, branch, { ...how, setUpstream: true }),
  );
}

async function clone(context: GitContext): Promise<void> {
  const address = await askText({
    title: t('Clone'),
    prompt: t('The address of the repository, as git on the host reaches it.'),
  });
  if (!address) return;
  cloneSource(address);
  const parent = await folderOfHost(context, t('Clone into Which Folder?'));
  if (!parent) return;
  const name = address
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .replace(/^.*[/:]/, '');
  const chosen = await askText({ title: t('Clone'), prompt: t('The name of the new folder.'), value: name });
  if (!chosen) return;
  const vfs = await context.hosts.session(parent.host).vfs();
  await showProgress(t('Cloning {0}', address), async (report, token) => {
    const abort = new AbortController();
    token.onCancellationRequested(() => abort.abort());
    const answers = context.passwords.answersOn(parent.host);
    const agent = forwardedAgent(parent.host);
    await cloneRepository(
      new VfsGitHost(vfs),
      { address, parent: parent.path, name: chosen },
      {
        signal: abort.signal,
        progress: progressOf((message) => report.report({ message })),
        ask: answers.ask,
        ...(agent && { agent }),
      },
    );
    await answers.worked();
  });
  const open = t('Open Folder');
  const answer = await showInformation(t('{0} is cloned.', chosen), open);
  const uri = uriOf({ host: parent.host, path: `${parent.path}/${chosen}` });
  if (answer === open)
    await vscode.commands.executeCommand('vscode.openFolder', uri, { forceNewWindow: true });
}

/** The last line of what git prints while it works, which carriage returns rewrite. */
function progressOf(show: (line: string) => void): (chunk: Buffer) => void {
  return (chunk) => {
    const line = chunk
      .toString('utf8')
      .split(/[\r\n]/)
      .filter((part) => part.trim() !== '')
      .at(-1);
    if (line !== undefined) show(line.trim().slice(0, 100));
  };
}

// Asking -----------------------------------------------------------------------------------------------------------------

interface RefItem extends vscode.QuickPickItem {
  readonly ref: Ref | undefined;
}

async function pickRef(
  repository: OpenRepository,
  title: string,
  fits: (ref: Ref) => boolean,
): Promise<Ref | undefined> {
  return (await pickAmong(repository, title, fits, []))?.ref;
}

async function pickAmong(
  repository: OpenRepository,
  title: string,
  fits: (ref: Ref) => boolean,
  first: readonly RefItem[],
): Promise<RefItem | undefined> {
  const refs = (await repository.git.refs()).filter(fits);
  if (refs.length + first.length === 0) {
    void showInformation(t('There is none.'));
    return undefined;
  }
  const items = refs.map(
    (ref): RefItem => ({
      label: ref.short,
      description: `${ref.kind === 'branch' ? '' : `${ref.kind} · `}${ref.oid.slice(0, 8)} · ${ref.subject}`,
      ref,
    }),
  );
  return pick([...first, ...items], title);
}

async function askName(title: string, prompt: string, value?: string): Promise<string | undefined> {
  const name = (await askText({ title, prompt, ...(value !== undefined && { value }) }))
    ?.trim()
    .replace(/\s+/g, '-');
  return name ? refName(name) : undefined;
}

/** One of the window's folders on a host. */
async function folderOfHost(
  _context: GitContext,
  title: string,
): Promise<{ host: string; path: string } | undefined> {
  const folders = ourFolders().map(({ uri }) => ({
    label: placeOf(uri).path,
    description: placeOf(uri).host,
    place: placeOf(uri),
  }));
  if (folders.length === 0) void showInformation(t('Open a folder of a host first.'));
  return folders.length < 2 ? folders[0]?.place : (await pick(folders, title))?.place;
}

async function repositoryFor(context: GitContext, subject: unknown): Promise<OpenRepository | undefined> {
  const { repositories } = context;
  if (subject !== undefined && typeof subject === 'object' && subject !== null) {
    if ('inputBox' in subject) return context.viewOf(subject as vscode.SourceControl)?.repository;
    if (isResourceState(subject)) return subject.repository;
    const states = (subject as Partial<vscode.SourceControlResourceGroup>).resourceStates;
    const first = states?.find(isResourceState);
    if (first) return first.repository;
  }
  const active = vscode.window.activeTextEditor?.document.uri;
  const byFile = active && isOurs(active) ? repositories.of(active) : undefined;
  if (byFile) return byFile;
  const all = repositories.all();
  if (all.length === 0) void showInformation(t('There is no git repository in this window.'));
  if (all.length < 2) return all[0];
  const items = all.map((repository) => ({
    label: repository.name,
    description: `${repository.session.host}:${repository.root}`,
    repository,
  }));
  return (await pick(items, t('Which Repository?')))?.repository;
}

function isResourceState(value: unknown): value is ResourceState {
  return typeof value === 'object' && value !== null && 'resource' in value && 'repository' in value;
}

function changeAt(changes: unknown, index: unknown): EditorChange | undefined {
  return Array.isArray(changes) && typeof index === 'number'
    ? (changes[index] as EditorChange | undefined)
    : undefined;
}

function revisionUriOfIndex(repository: OpenRepository, uri: vscode.Uri): vscode.Uri {
  return revisionUri(placeOf(uri), { ref: '', root: repository.root });
}
