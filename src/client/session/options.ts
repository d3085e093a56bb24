import type { Clock } from '../../base/clock';
import type { ListenerErrors } from '../../base/emitter';
import type { Channel } from './channel';
import type { Resumed } from './handshake';
import type { Leftovers } from './unclaimedReplies';
import type { Priority } from './sendQueue';
import type { LinkState, Progress } from '../vfs';

/** What the agent may take for a request that moves data or flushes, in ms. */
export const DATA_DEADLINE_MS = 60_000;

export interface SessionListener {
  /** A notification, in the order the agent sent them. */
  notification(code: number, body: Buffer): void;
  state(state: LinkState, reason: string): void;
  /** A channel is up. `fresh`: the agent knows nothing of us any more; nodeids, handles and marks are void. */
  attached(resumed: Resumed, fresh: boolean): void;
  /** What a reply nobody waited for held. */
  leftovers(leftovers: Leftovers): void;
}

export interface RequestOptions {
  readonly names?: readonly Buffer[];
  readonly data?: Buffer;
  readonly signal?: AbortSignal | undefined;
  readonly deadlineMs?: number;
  readonly priority?: Priority;
  /** It waits for a link that is down as long as it takes, although it changes nothing yet: a save begins with it. */
  readonly patient?: boolean;
  readonly progress?: Progress | undefined;
  /** A further channel of the session that should carry it. */
  readonly channel?: Channel | undefined;
  /** Nobody waits for it alone: a part of a large transfer, a sign of life. */
  readonly background?: boolean;
}

export interface SessionOptions {
  readonly clock: Clock;
  /** Takes what a listener or a progress callback of the client's user threw: it harms nobody else. */
  readonly listenerFailed: ListenerErrors;
  /** Seconds the agent keeps the session without a channel; 0: its default. */
  readonly graceS?: number;
  readonly keepaliveMs?: number;
  /** Features to ask for beside those every session has (FEATURE_KERNEL). */
  readonly features?: number;
  /** What the agent may take for one request of little work, in ms. */
  readonly deadlineMs?: number;
}
