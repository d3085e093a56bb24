import type { Disposable } from '../protocol/dispose';
import { ErrnoError } from '../protocol/errno';
import type { Channel } from './channel';

/** A probe leaves this often, in ms. */
const PERIOD_MS = 5_000;
/** After so many periods without a byte the link is dead. */
const QUIET_PERIODS = 3;

export interface Quietness {
  /** Bytes that came in over whatever channel: on a slow link the answer to a probe waits behind bulk data. */
  received(): number;
  /** Asks for a sign of life. */
  probe(): void;
}

/** Finds out that a link is dead, or the host frozen: what says nothing while it is asked is closed. */
export class Keepalive implements Disposable {
  private readonly timer: NodeJS.Timeout;
  private channel: Channel | undefined;
  private heard = 0;
  private quiet = 0;

  constructor(
    private readonly link: Quietness,
    periodMs = PERIOD_MS,
  ) {
    this.timer = setInterval(() => this.tick(), periodMs);
    this.timer.unref();
  }

  /** From now on it is this channel that is closed. */
  watch(channel: Channel): void {
    this.channel = channel;
    this.heard = this.link.received();
    this.quiet = 0;
  }

  dispose(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const { channel } = this;
    if (!channel?.isOpen) return;
    const received = this.link.received();
    this.quiet = received === this.heard ? this.quiet + 1 : 0;
    this.heard = received;
    if (this.quiet < QUIET_PERIODS) this.link.probe();
    else channel.close(new ErrnoError('ETIMEDOUT', 'the link is dead: nothing was heard from the host'));
  }
}
