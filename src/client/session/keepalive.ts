import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import type { Channel } from './channel';

/** A probe leaves this often, in ms. */
const PERIOD_MS = 5_000;
/** After so many periods without a byte the link is dead. */
const QUIET_PERIODS = 3;
/** Looks at the clock in each period: who wakes up notices within a second. */
const LOOKS = 5;

export interface Quietness {
  /** Bytes that came in over whatever channel: on a slow link the answer to a probe waits behind bulk data. */
  received(): number;
  /** Asks for a sign of life. */
  probe(answered: () => void): void;
  /** This machine slept, or the process was stopped, for longer than a link may be silent. */
  woke(): void;
  /** The link did not outlive the sleep: whatever else still waits for it waits in vain. */
  died(): void;
}

/**
 * Finds out that a link is dead, or the host frozen: what says nothing while it is asked is closed. After a sleep it is
 * asked at once, and believed dead after a single period: the network has had all the time to forget it.
 */
export class Keepalive implements Disposable {
  private readonly timer: NodeJS.Timeout;
  private channel: Channel | undefined;
  private heard = 0;
  private quiet = 0;
  private looks = 0;
  /** Nothing was heard since the sleep that was not on its way before. */
  private justWoke = false;
  /** By the calendar: the clock of timers stands still while a machine sleeps (clock_gettime(2), CLOCK_MONOTONIC). */
  private lookedAt = Date.now();

  constructor(
    private readonly link: Quietness,
    private readonly periodMs = PERIOD_MS,
  ) {
    this.timer = setInterval(() => this.look(), periodMs / LOOKS);
    this.timer.unref();
  }

  /** From now on it is this channel that is closed. */
  watch(channel: Channel): void {
    this.channel = channel;
    this.heard = this.link.received();
    this.quiet = 0;
    this.looks = 0;
    this.justWoke = false;
  }

  dispose(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const now = Date.now();
    const slept = now - this.lookedAt > QUIET_PERIODS * this.periodMs;
    this.lookedAt = now;
    if (slept) {
      this.wake();
      return;
    }
    this.looks++;
    // What lay here all the time proves nothing, and has been read by now.
    if (this.justWoke && this.looks === 1) this.heard = this.link.received();
    if (this.looks >= LOOKS) this.tick();
  }

  private wake(): void {
    this.link.woke();
    if (!this.channel?.isOpen) return;
    this.looks = 0;
    this.quiet = QUIET_PERIODS - 1;
    this.justWoke = true;
    this.ask();
  }

  private ask(): void {
    const asked = this.channel;
    this.link.probe(() => {
      if (asked === this.channel) this.alive();
    });
  }

  private alive(): void {
    this.quiet = 0;
    this.justWoke = false;
  }

  private tick(): void {
    this.looks = 0;
    const { channel } = this;
    if (!channel?.isOpen) return;
    const received = this.link.received();
    if (received === this.heard) this.quiet++;
    else this.alive();
    this.heard = received;
    if (this.quiet < QUIET_PERIODS) {
      this.ask();
      return;
    }
    channel.close(new ErrnoError('ETIMEDOUT', 'the link is dead: nothing was heard from the host'));
    if (this.justWoke) this.link.died();
  }
}
