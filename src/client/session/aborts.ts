import { type Disposable, onDispose } from '../../base/dispose';

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `run` once when the signal aborts, unless the result is disposed before. However many wait for a signal, it has
 * one listener of ours: a transfer has dozens of requests under way, and Node takes many listeners for a leak.
 */
export function onAbort(signal: AbortSignal, run: () => void): Disposable {
  const all = waiting.get(signal) ?? listenTo(signal);
  const entry = () => run();
  all.add(entry);
  return onDispose(() => all.delete(entry));
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const all = new Set<() => void>();
  waiting.set(signal, all);
  signal.addEventListener(
    'abort',
    () => {
      for (const entry of [...all]) if (all.delete(entry)) entry();
    },
    { once: true },
  );
  return all;
}
