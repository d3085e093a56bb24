import { lockNamed, lookAtLock } from '../../client/git/lock';
import { t } from '../l10n';
import { showInformation, showWarning } from '../show';
import type { OpenRepository } from './openRepository';
import { VfsGitHost } from './vfsGitHost';

/**
 * Says who uses a lock of the repository, and offers to remove one that nobody uses.
 * @param words what git said when it could not take it; none: the lock of the index
 */
export async function tellLock(repository: OpenRepository, words = ''): Promise<void> {
  const { gitDir, commonDir, root } = repository.git;
  const lock = lockNamed(words, [gitDir, commonDir]);
  const host = new VfsGitHost(repository.tree);
  const places = [root, gitDir, commonDir];
  const state = await lookAtLock(host, lock, places);
  switch (state.kind) {
    case 'gone':
      void showInformation(t('There is no lock any more. Try again.'));
      return;
    case 'held':
      void showWarning(
        t(
          'Another git is at work in this repository (process {0} on {1}). Try again when it is done.',
          String(state.pid),
          repository.session.host,
        ),
      );
      return;
    case 'unknown':
      void showWarning(
        t(
          'There is a lock in this repository, and from here it can’t be seen who uses it. If no git is at work there, remove {0} on {1}.',
          lock,
          repository.session.host,
        ),
      );
      return;
  }
  const remove = t('Remove the Lock');
  const answer = await showWarning(
    t('A git that is gone has left its lock behind: {0}. Nobody uses it.', lock),
    remove,
  );
  if (answer !== remove) return;
  // Somebody may have begun since.
  const now = await lookAtLock(host, lock, places, { remove: true });
  if (now.kind === 'held') void showWarning(t('Now a git is at work there, so the lock was left in place.'));
  else void showInformation(t('The lock is removed. Try again.'));
  await repository.refreshNow();
}
