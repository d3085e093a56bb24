import { type GitFailureKind, GitFailure } from '../../client/git/failure';
import { t } from '../l10n';

/** What git could not do, and what helps, in the editor's language; undefined for what is no failure of git. */
export function gitInWords(error: unknown): string | undefined {
  return error instanceof GitFailure ? (sentences[error.kind]?.(error) ?? plain(error)) : undefined;
}

const sentences: Readonly<Partial<Record<GitFailureKind, (error: GitFailure) => string>>> = {
  'no-repository': () => t('The repository is broken or gone.'),
  'not-owner': () => t('The repository belongs to another user, so git does nothing there.'),
  locked: () => t('Another git is at work in this repository, or one left its lock behind.'),
  'would-overwrite': () => t('Local changes would be overwritten. Commit or stash them first.'),
  conflict: () => t('There are conflicts. Resolve them in the files, stage these, and go on.'),
  'empty-commit': () => t('There is nothing to commit: stage changes first.'),
  'no-identity': () => t('Git on the host does not know who you are. Set user.name and user.email there.'),
  'no-upstream': () => t('The branch follows no branch of a remote. Publish it first.'),
  rejected: () => t('The remote has commits that you do not have. Pull first.'),
  'stale-lease': () => t('The remote has changed since you last fetched, so nothing was replaced there.'),
  authentication: () => t('The remote did not let git in. Git on the host has no password or key for it.'),
  'host-key': () =>
    t('The host does not trust the key of the remote. Connect once from its shell, and check the key.'),
  unreachable: () => t('The host cannot reach the remote, or it is no repository.'),
  signing: () => t('The commit could not be signed on the host. Nothing was committed.'),
  hook: (error) => t('A hook of the repository refused: {0}', lastLine(error.words)),
  refused: (error) => t('The remote refused: {0}', remoteLine(error.words)),
  'missing-object': () =>
    t('That version is not on the host: the clone is a partial one, and the remote can’t be reached.'),
  'old-git': () => t('Git on the host is too old for that.'),
  patch: () => t('The index has changed meanwhile, so the selection was not staged. Try again.'),
  exists: () => t('Something of that name is there already.'),
  'not-merged': () => t('The branch has commits that are nowhere else.'),
};

/** Git's first line, for what has no sentence. */
function plain(error: GitFailure): string {
  const first =
    error.words.split('\n').find((line) => /^(error|fatal): /.test(line)) ?? error.words.split('\n')[0] ?? '';
  return t('Git could not do that: {0}', first.replace(/^(error|fatal): /, ''));
}

/** The last line that says something: there a hook tells what is wrong. */
export function lastLine(words: string): string {
  return (
    words
      .split('\n')
      .filter((line) => /[\p{L}\p{N}]/u.test(line))
      .at(-1)
      ?.trim()
      .slice(0, 300) ?? ''
  );
}

/** What the remote itself said; else why git says it refused. */
function remoteLine(words: string): string {
  const said = words.split('\n').flatMap((line) => /^remote: (.*)/.exec(line)?.[1] ?? []);
  return lastLine(said.join('\n')) || (/\[remote rejected\].*/.exec(words)?.[0].slice(0, 300) ?? '');
}
