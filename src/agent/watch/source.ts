import type { Disposable } from '../../protocol/dispose';

/** Reads a notification descriptor as long as it is not disposed, and closes it then. `onBytes` gets whole records. */
export type OpenSource = (fd: number, onBytes: (bytes: Buffer) => void) => Disposable;
