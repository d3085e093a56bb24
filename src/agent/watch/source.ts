import type { Disposable } from '../../base/dispose';

/** A notification descriptor that is read as long as this is not disposed, and closed then. */
export interface Source extends Disposable {
  /** Resolves when everything that was queued before the call has been given to `onBytes`, or when it is disposed. */
  drain(): Promise<void>;
}

/**
 * Begins to read a notification descriptor. `onBytes` gets whole records; `onEnd` is told once if nothing can be read of
 * it any more, which closes it.
 */
export type OpenSource = (
  fd: number,
  onBytes: (bytes: Buffer) => void,
  onEnd: (errno: number) => void,
) => Source;
