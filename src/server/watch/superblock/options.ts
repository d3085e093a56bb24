import type { Backends, Choice, FsFault } from '../arming/backend';
import type { BytePath } from '../bytePath';
import type { Change } from '../change';
import type { Clock } from '../../../base/clock';

/** What the watch on one superblock is given, and where it reports. */
export interface SuperblockWatchOptions {
  readonly clock: Clock;
  /** The time of day, in ns since the epoch. */
  nowNs(): bigint;
  readonly backends: Backends;
  readonly pollIntervals?: { visible: number; hidden: number };
  /** Where other mounts stand on this one now, below its root. */
  covered(): ReadonlySet<BytePath>;
  report(changes: readonly Change[]): void;
  fsError(fault: FsFault): void;
  /** The backend reports nothing any more: this watch is of no use, and another one has to take its place. */
  deaf(): void;
  /** Another backend, or another reason. */
  chosen(choice: Choice): void;
  /** What is polled is polled at another pace. */
  paced(): void;
  /** Directories that nothing is seen of came or went. */
  unwatchedChanged(): void;
  log(message: string): void;
}
