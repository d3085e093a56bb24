import type { Awaitable } from '../../host/hostFs';
import type { Armed, Lister } from '../arming/backend';
import type { Coverage } from '../arming/coverage';
import type { BytePath, BasePath, AbsolutePath } from '../bytePath';
import type { Change } from '../change';
import type { EntryCode } from './entries';
import type { DirNode } from './tree';

/** What a shadow and its parts need around them: the host, what is of interest, and where changes go. */
export interface ShadowHost {
  readonly lister: Lister;
  /** Where the superblock is mounted. */
  readonly base: BasePath;
  readonly coverage: Coverage;
  /** The backend reports on every directory without having it armed or listed. */
  readonly watchesAll: boolean;
  arm(node: DirNode, path: AbsolutePath): Awaitable<Armed>;
  disarm(node: DirNode): void;
  /** Polls a directory from now on. */
  poll(node: DirNode): void;
  /** Remembers the versions in a polled directory that was just listed. */
  learn(node: DirNode, path: BytePath, found: ReadonlyMap<BytePath, EntryCode>): Promise<void>;
  /** A directory of which nothing could be seen is seen again. */
  seenAgain(node: DirNode): void;
  /** The superblock shows a single file. */
  isFile(): void;
  /** Everything that happened up to then (ns since the epoch) is in the shadow. */
  readonly knownUpToNs: bigint;
  /** Another mount stands on this path, so what is seen there is not ours. */
  isCovered(path: BytePath): boolean;
  report(change: Change): void;
  /** Resolves soon, after what else waits for the event loop; undefined: there is still time. */
  yieldIfDue(): Promise<void> | undefined;
}
