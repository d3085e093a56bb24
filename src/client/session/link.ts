import type { Duplex } from 'node:stream';
import type { Disposable } from '../../base/dispose';

/**
 * How the client reaches the agent. `openChannel` makes a new byte stream to the same agent: the first carries the
 * session, further ones attach to it. It is called again after a drop.
 */
export interface Link extends Disposable {
  openChannel(signal?: AbortSignal): Promise<Duplex>;
  /** Whether trying again later can help after `openChannel` failed so; default: it always can. */
  isTransient?(error: unknown): boolean;
  /** What carries the channels is dead, though it does not know: the next channel needs a new connection. */
  abandon?(): void;
  /** Which rung of the ladder carries it, and why; for people. */
  readonly rung: string;
  readonly reason: string;
}
