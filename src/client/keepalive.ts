import type { Disposable } from '../protocol/dispose';
import { ErrnoError } from '../protocol/errno';
import type { Channel } from './channel';

/** A probe leaves this often, in ms. */
const PERIOD_MS = 5_000;
/** After so many periods without a byte the link is dead. */
const QUIET_PERIODS = 3;

/** Finds out that a link is dead, or the host frozen: what says nothing while it is asked is closed. */
export class Keepalive implements Disposable {
  private readonly timer: NodeJS.Timeout;
  private channel: Channel | undefined;
  private heard = 0;
  private quiet = 0;

  constructor(
    private readonly probe: () => void,
    periodMs = PERIOD_MS,
  ) {
    this.timer = setInterval(() => this.tick(), periodMs);
    this.timer.unref();
  }

  /** From now on it is this channel that must be heard. */
  watch(channel: Channel): void {
    this.channel = channel;
    this.heard = channel.received;
    this.quiet = 0;
  }

  dispose(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const { channel } = this;
    if (!channel?.isOpen) return;
    this.quiet = channel.received === this.heard ? this.quiet + 1 : 0;
    this.heard = channel.received;
    if (this.quiet < QUIET_PERIODS) this.probe();
    else channel.close(new ErrnoError('ETIMEDOUT', 'the link is dead: nothing was heard from the host'));
  }
}
