import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';
import type { Channel } from '../session/channel';
import type { Session } from '../session/session';
import { TransferWindow } from './transferWindow';

/** Transfers from this size on get channels of their own, in bytes: the main one stays free for small requests. */
const STRIPED_BYTES = 8 << 20;
/** Channels of their own at most: each is bound by its own SSH window. */
const STRIPES_MAX = 3;
/** One more channel for each of these many bytes. */
const BYTES_PER_STRIPE = 32 << 20;
/** Channels without a transfer are kept for the next one this long, in ms. */
const IDLE_MS = 10_000;
/** Parts of a transfer that has channels of its own, of one on the main channel, and of one that others wait behind. */
const STRIPED_PART = 1 << 20;
const MAIN_PART = 256 << 10;
const SHARED_PART = 128 << 10;
/**
 * Whoever asked for something small within this time, in ms, is about to ask again. What was asked before the transfer
 * began may belong to it, so that counts only if there was more of it.
 */
const SHARED_MS = 1000;

/** What carries one transfer. */
export interface Carrier {
  readonly clock: Clock;
  /** How much of it is under way at a time. */
  readonly window: TransferWindow;
  /** How large the next part should be. */
  partBytes(): number;
  /** The channel for the next part, in turn; undefined: the main one. */
  next(): Channel | undefined;
  /** The transfer is over. */
  leave(): void;
}

/** Further channels of the session, for bulk data: opened for a large transfer, shared by those that overlap. */
export class Stripes implements Disposable {
  private stripes: Channel[] = [];
  private opening: Promise<unknown> | undefined;
  private users = 0;
  private idle: Disposable | undefined;
  private readonly life = new AbortController();

  constructor(
    private readonly session: Pick<Session, 'asked' | 'openStripe'>,
    private readonly clock: Clock,
  ) {}

  /** Channels that are open. */
  get channels(): number {
    return this.stripes.filter((stripe) => stripe.isOpen).length;
  }

  /**
   * What should carry a transfer of so many bytes: the main channel at once, further ones as soon as they are there.
   * Where none can be had, the main one goes on.
   */
  carrier(bytes: number): Carrier {
    let began = Number.POSITIVE_INFINITY;
    const isShared = () => {
      const lately = this.clock.now() - SHARED_MS;
      const { asked } = this.session;
      return asked.after(Math.max(lately, began)) || asked.oftenAfter(lately);
    };
    const { clock } = this;
    const window = new TransferWindow(isShared);
    if (bytes < STRIPED_BYTES) {
      const partBytes = () => (isShared() ? SHARED_PART : MAIN_PART);
      return { clock, window, partBytes, next: () => undefined, leave: () => undefined };
    }
    this.idle?.dispose();
    this.users++;
    void this.widen(Math.min(STRIPES_MAX, 1 + Math.floor(bytes / BYTES_PER_STRIPE)));
    let turn = 0;
    let left = false;
    return {
      clock,
      window,
      partBytes: () => (isShared() ? SHARED_PART : this.channels > 0 ? STRIPED_PART : MAIN_PART),
      next: () => {
        // What was asked before is the transfer's own: where the file is, and what it is.
        began = Math.min(began, this.clock.now());
        const open = this.stripes.filter((stripe) => stripe.isOpen);
        return open[turn++ % Math.max(open.length, 1)];
      },
      leave: () => {
        if (left) return;
        left = true;
        this.users--;
        if (this.users === 0) this.idle = this.clock.after(IDLE_MS, () => this.close());
      },
    };
  }

  dispose(): void {
    this.life.abort();
    this.idle?.dispose();
    this.close();
  }

  private async widen(count: number): Promise<void> {
    await this.opening;
    const missing = count - this.channels;
    if (missing <= 0 || this.life.signal.aborted) return;
    const opened = Array.from({ length: missing }, async () => {
      try {
        this.stripes.push(await this.session.openStripe(this.life.signal));
      } catch {
        // The server allows no further channel (MaxSessions of sshd_config(5)): fewer, or the main one, carry it.
      }
    });
    this.opening = Promise.all(opened);
    await this.opening;
    this.opening = undefined;
  }

  private close(): void {
    for (const stripe of this.stripes) stripe.dispose();
    this.stripes = [];
  }
}
