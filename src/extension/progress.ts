import type { OperationOptions } from '../client/vfs';
import { ErrnoError } from '../protocol/errno';
import { type Report, showProgress } from './show';

/** Operations that end sooner show nothing. */
const SHOW_AFTER_MS = 1000;

/**
 * Runs an operation that may take long: after a second a notification shows how far it is and offers to cancel.
 * A cancelled operation rejects with ECANCELED, and `whenCancelled` tells what that leaves.
 */
export async function withProgress<T>(
  title: string,
  operation: (options: Required<OperationOptions>) => Promise<T>,
  whenCancelled = 'nothing was changed',
): Promise<T> {
  const abort = new AbortController();
  let shown: Report | undefined;
  let percent = 0;
  const running = operation({
    signal: abort.signal,
    progress: (done, total) => {
      const now = total === 0 ? 100 : Math.floor((100 * done) / total);
      if (now <= percent) return;
      shown?.report({ message: `${now} %`, increment: now - percent });
      percent = now;
    },
  });
  const ended = running.then(
    () => undefined,
    () => undefined,
  );
  const timer = setTimeout(() => {
    void showProgress(title, (progress, token) => {
      shown = progress;
      if (percent > 0) progress.report({ message: `${percent} %`, increment: percent });
      token.onCancellationRequested(() =>
        abort.abort(new ErrnoError('ECANCELED', `${title}: cancelled; ${whenCancelled}`)),
      );
      return ended;
    });
  }, SHOW_AFTER_MS);
  try {
    return await running;
  } finally {
    clearTimeout(timer);
  }
}
