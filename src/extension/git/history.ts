import * as vscode from 'vscode';
import { fitToShow } from '../../base/fitToShow';
import { type GraphRow, graphOf } from '../../client/git/graph';
import type { Commit, CommitFile } from '../../client/git/log';
import { inWords } from '../errors';
import { t } from '../l10n';
import { ask, askText, pick, ShownPick, showBriefly, showError, showInformation } from '../show';
import { gitInWords } from './failures';
import type { OpenRepository } from './openRepository';
import { prefixOf } from './revisions';
import { revisionUri } from './uris';

/** As many commits as a person scrolls through; a search on the host finds the rest. */
const SHOWN = 500;

interface Range {
  readonly path?: string;
  readonly ref?: string;
}

interface CommitItem extends vscode.QuickPickItem {
  /** Undefined: to search all commits for what was typed. */
  readonly commit: Commit | undefined;
  /** Only says that there is no more. */
  readonly isEnd?: boolean;
}

/**
 * The history of a repository (of all its branches), a branch or a file, with its graph. Picking a commit opens it; its
 * button offers what else can be done with it.
 */
export function showHistory(repository: OpenRepository, range: Range = {}): Promise<void> {
  return showCommits(
    repository,
    range.path ?? range.ref ?? `${repository.name} [${repository.session.host}]`,
    range,
    (commit) => openCommit(repository, commit, range.path),
    (commit) => offer(repository, commit),
  );
}

/** Lets the user choose one commit; undefined when the picker was left. */
export function pickCommit(repository: OpenRepository, title: string): Promise<Commit | undefined> {
  return new Promise((done, failed) => {
    showCommits(
      repository,
      title,
      {},
      async (commit) => done(commit),
      undefined,
      () => done(undefined),
    ).catch(failed);
  });
}

async function showCommits(
  repository: OpenRepository,
  title: string,
  range: Range,
  chosen: (commit: Commit) => Promise<void>,
  more: ((commit: Commit) => Promise<void>) | undefined,
  left: () => void = () => undefined,
): Promise<void> {
  const shown = new ShownPick<CommitItem>();
  const { picker } = shown;
  shown.title = title;
  shown.placeholder = t('Type words of a message, an author or a hash');
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  const button = { iconPath: new vscode.ThemeIcon('ellipsis'), tooltip: t('What to Do with This Commit…') };
  const item = ({ commit, text }: GraphRow): CommitItem => ({
    label: `${text} ${commit.subject}`.trim(),
    description: refsInWords(commit.refs),
    detail: `${commit.oid.slice(0, 8)} · ${commit.author} · ${new Date(commit.authored * 1000).toLocaleString()}`,
    commit,
    ...(more && { buttons: [button] }),
  });
  const list = async (grep?: string) => {
    const commits = await repository.git.log({
      count: SHOWN,
      all: range.path === undefined && range.ref === undefined,
      ...range,
      ...(grep !== undefined && { grep }),
    });
    // What a search or a file's history shows has gaps, so there is no graph.
    const rows =
      range.path === undefined && grep === undefined
        ? graphOf(commits)
        : commits.map((commit) => ({ commit, column: 0, text: '' }));
    const older: CommitItem[] =
      commits.length < SHOWN || grep !== undefined
        ? []
        : [
            {
              label: `$(search) ${t('Search Messages of Older Commits for What You Typed')}`,
              alwaysShow: true,
              commit: undefined,
            },
          ];
    const shallow: CommitItem[] = (await repository.git.isShallow())
      ? [
          {
            label: t('The history ends here: the clone is a shallow one.'),
            detail: t('“Fetch the Whole History” brings the older commits.'),
            alwaysShow: true,
            commit: undefined,
            isEnd: true,
          },
        ]
      : [];
    shown.items = [...rows.map(item), ...older, ...shallow];
  };
  const act = (work: Promise<void>) => {
    work.catch((error: unknown) => showError(gitInWords(error) ?? inWords(error).sentence));
  };
  await list();
  let answered = false;
  picker.onDidAccept(() => {
    const [first] = picker.selectedItems;
    if (first && !first.commit) {
      if (!first.isEnd && picker.value.trim() !== '') act(list(picker.value.trim()));
      return;
    }
    answered = true;
    shown.dispose();
    if (first?.commit) act(chosen(first.commit));
    else left();
  });
  picker.onDidTriggerItemButton(({ item: { commit } }) => {
    if (!commit || !more) return;
    answered = true;
    shown.dispose();
    act(more(commit));
  });
  picker.onDidHide(() => {
    shown.dispose();
    if (!answered) left();
  });
  picker.show();
}

/** What can be done with a commit beside opening it. */
async function offer(repository: OpenRepository, commit: Commit): Promise<void> {
  const short = commit.oid.slice(0, 8);
  const branch = repository.status?.branch.name ?? t('the current commit');
  const ways: readonly (vscode.QuickPickItem & { readonly work: () => Promise<unknown> })[] = [
    { label: t('Open Its Changes'), work: () => openCommit(repository, commit) },
    { label: t('Cherry-Pick onto {0}', branch), work: () => cherryPick(repository, commit) },
    { label: t('Revert on {0}', branch), work: () => revert(repository, commit) },
    {
      label: t('Create Branch Here…'),
      work: async () => {
        const name = await askText({
          title: t('Create Branch'),
          prompt: t('The name of the new branch at {0}.', short),
        });
        if (name) await repository.doing((git) => git.createBranch(name.trim(), commit.oid));
      },
    },
    {
      label: t('Checkout This Commit'),
      work: () => repository.doing((git) => git.checkout(commit.oid, { detach: true })),
    },
    { label: t('Copy Hash'), work: async () => vscode.env.clipboard.writeText(commit.oid) },
  ];
  await (await pick(ways, `${short} ${commit.subject}`))?.work();
}

export async function cherryPick(repository: OpenRepository, commit: Commit): Promise<void> {
  const made = await repository.doing((git) => git.cherryPick(commit));
  if (made) showBriefly(t('Livemount: picked {0}', commit.subject));
  else void showInformation(t('Everything that {0} changes is here already.', commit.oid.slice(0, 8)));
}

export async function revert(repository: OpenRepository, commit: Commit): Promise<void> {
  const yes = t('Revert');
  const answer = await ask(
    t('Revert “{0}”?', commit.subject),
    t('A new commit takes back what it changed.'),
    yes,
  );
  if (answer !== yes) return;
  const made = await repository.doing((git) => git.revert(commit));
  if (!made) void showInformation(t('What {0} changed is not here any more.', commit.oid.slice(0, 8)));
}

/** All files of a commit, each beside what it was in the first parent. */
export async function openCommit(repository: OpenRepository, commit: Commit, only?: string): Promise<void> {
  const files = await repository.git.filesOf(commit.oid);
  const chosen = only === undefined ? files : files.filter(({ path }) => path === only);
  const title = fitToShow(`${commit.oid.slice(0, 8)} ${commit.subject}`);
  await vscode.commands.executeCommand(
    'vscode.changes',
    title,
    (chosen.length > 0 ? chosen : files).map((file) => sidesOf(repository, commit.oid, file)),
  );
}

function sidesOf(
  repository: OpenRepository,
  oid: string,
  { letter, path, from }: CommitFile,
): [vscode.Uri, vscode.Uri | undefined, vscode.Uri | undefined] {
  const { root } = repository;
  const place = (relative: string) => ({ host: repository.session.host, path: prefixOf(root) + relative });
  const after = revisionUri(place(path), { ref: oid, root });
  const before = revisionUri(place(from ?? path), { ref: `${oid}^`, root });
  return [after, letter === 'A' ? undefined : before, letter === 'D' ? undefined : after];
}

function refsInWords(refs: readonly string[]): string {
  return refs
    .map((ref) => ref.replace(/^refs\/(?:heads|remotes|tags)\//, ''))
    .filter((ref) => !ref.startsWith('refs/'))
    .join(' ');
}
