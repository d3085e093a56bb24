import * as vscode from 'vscode';
import { fitToShow } from '../../base/fitToShow';
import { type GraphRow, graphOf } from '../../client/git/graph';
import type { Commit, CommitFile } from '../../client/git/log';
import { t } from '../l10n';
import { ShownPick } from '../show';
import type { OpenRepository } from './openRepository';
import { prefixOf } from './revisions';
import { revisionUri } from './uris';

/** As many commits as a person scrolls through; a search finds the rest. */
const SHOWN = 500;

interface CommitItem extends vscode.QuickPickItem {
  readonly commit: Commit;
}

/** The history of a repository (of all its branches), a branch or a file, with its graph; picking one opens the commit. */
export async function showHistory(
  repository: OpenRepository,
  { path, ref }: { readonly path?: string; readonly ref?: string } = {},
): Promise<void> {
  const commits = await repository.git.log({
    count: SHOWN,
    all: path === undefined && ref === undefined,
    ...(path !== undefined && { path }),
    ...(ref !== undefined && { ref }),
  });
  const rows: readonly GraphRow[] =
    path === undefined ? graphOf(commits) : commits.map((commit) => ({ commit, column: 0, text: '' }));
  const shown = new ShownPick<CommitItem>();
  const { picker } = shown;
  shown.title = path ?? `${repository.name} [${repository.session.host}]`;
  shown.placeholder = t('Type words of a message, an author or a hash');
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  shown.items = rows.map(({ commit, text }) => ({
    label: `${text} ${commit.subject}`.trim(),
    description: refsInWords(commit.refs),
    detail: `${commit.oid.slice(0, 8)} · ${commit.author} · ${new Date(commit.authored * 1000).toLocaleString()}`,
    commit,
  }));
  picker.onDidAccept(() => {
    const chosen = picker.selectedItems[0];
    shown.dispose();
    if (chosen) void openCommit(repository, chosen.commit, path);
  });
  picker.onDidHide(() => shown.dispose());
  picker.show();
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
