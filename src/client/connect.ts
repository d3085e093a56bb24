import { type Clock, systemClock } from '../base/clock';
import { asError } from '../base/errors';
import type { CacheMode } from './cache/mode';
import type { Link } from './session/link';
import { RemoteTree } from './remoteTree';
import type { Durability, Vfs } from './vfs';

export interface ConnectOptions {
  /** Bytes of file content kept at most; default 64 MiB. */
  readonly contentBytes?: number;
  /** How the superblock at a mountpoint is cached; default 'lease' everywhere. Asked again each time. */
  readonly modeOf?: (mountpoint: string) => CacheMode;
  /** What a save waits for; default 'none'. Asked again for each save. */
  readonly durability?: () => Durability;
  /** Told what the host's disk did not take of saves that were acknowledged (durability 'syncfs'). */
  readonly flushFailed?: (error: unknown) => void;
  /** A recursive watch also fetches what an editor asks next of a folder it opens. Default: it does not. */
  readonly prefetch?: boolean;
  /** Seconds the agent keeps the session while the link is down; default: the agent's own. */
  readonly graceS?: number;
  /** Milliseconds between probes of a quiet link; three without an answer end it. Default 5,000. */
  readonly keepaliveMs?: number;
  /** Milliseconds a superblock may take for one small request before it counts as not responding. Default 10,000. */
  readonly deadlineMs?: number;
  /**
   * Takes what a listener (of changes, of the state, of mounts) or a progress callback threw, for the log; nobody else is
   * harmed by it. Default: a warning of the process.
   */
  readonly listenerFailed?: (error: unknown) => void;
  /** Features to ask for beside those every session has (FEATURE_KERNEL). */
  readonly features?: number;
  /** The time, for a test that moves it itself. */
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Connects a host's tree over a link and keeps it: later drops are repaired without being asked. The link is the
 * tree's from here on, also when connecting fails. Rejects with what the link or the agent said.
 */
export async function connectVfs(link: Link, options: ConnectOptions = {}): Promise<Vfs> {
  return connectTree(link, options);
}

/** The same, with what a mount works on beside the Vfs. */
export async function connectTree(link: Link, options: ConnectOptions = {}): Promise<RemoteTree> {
  const { signal, modeOf, ...rest } = options;
  const tree = new RemoteTree(link, {
    clock: systemClock,
    listenerFailed: (error) => process.emitWarning(asError(error)),
    ...rest,
    ...(modeOf && { modeOf: (superblock) => modeOf(superblock.mountpoint) }),
  });
  await tree.connect(signal);
  return tree;
}
