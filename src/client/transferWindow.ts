/** Bytes in flight of a transfer: at first, and at the least and most. */
const FIRST_BYTES = 4 << 20;
const LEAST_BYTES = 2 << 20;
const MOST_BYTES = 64 << 20;
/** The window is this many times the measured bandwidth-delay product, so that it can be seen to grow. */
const GAIN = 2;
/** Measurements that the rate is the best of. (As BBR does: the highest rate seen lately, the shortest time ever) */
const REMEMBERED = 16;

/**
 * How much of a transfer is asked for ahead: the bandwidth-delay product as it shows, from the highest rate and the
 * shortest time seen lately. Pure: times come with the calls.
 */
export class TransferWindow {
  /** Bytes per ms. */
  private readonly rates: number[] = [];
  /** The shortest time of a part: what the link takes when nothing queues on it. */
  private leastMs = Number.POSITIVE_INFINITY;
  private inFlight = 0;
  /** Bytes delivered so far. */
  private delivered = 0;

  /** Bytes that should be in flight. */
  get bytes(): number {
    if (this.rates.length === 0) return FIRST_BYTES;
    return Math.min(Math.max(Math.max(...this.rates) * this.leastMs * GAIN, LEAST_BYTES), MOST_BYTES);
  }

  /** There is room for another `bytes`. A transfer with nothing in flight always goes on. */
  hasRoom(bytes: number): boolean {
    return this.inFlight === 0 || this.inFlight + bytes <= this.bytes;
  }

  /** A part left at `nowMs`; call the result when it arrived. */
  sent(bytes: number, nowMs: number): (nowMs: number) => void {
    this.inFlight += bytes;
    const deliveredBefore = this.delivered;
    return (thenMs) => {
      this.inFlight -= bytes;
      this.delivered += bytes;
      const ms = Math.max(thenMs - nowMs, 0.01);
      // What the whole transfer delivered while this part was under way is the rate of the link, not of the part.
      this.rates.push((this.delivered - deliveredBefore) / ms);
      if (this.rates.length > REMEMBERED) this.rates.shift();
      this.leastMs = Math.min(this.leastMs, ms);
    };
  }

  /** A part came to nothing. */
  failed(bytes: number): void {
    this.inFlight -= bytes;
  }
}

/**
 * Runs a transfer in parts, as many at a time as the window allows. The first failure ends it, once what is in flight
 * is over.
 */
export async function inWindow(
  total: number,
  partBytes: () => number,
  window: TransferWindow,
  part: (from: number, to: number) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  for (let from = 0; from < total; ) {
    const to = Math.min(from + partBytes(), total);
    if (failure !== undefined) break;
    if (!window.hasRoom(to - from)) {
      await Promise.race(running);
      continue;
    }
    const bytes = to - from;
    const arrived = window.sent(bytes, performance.now());
    const run: Promise<void> = part(from, to)
      .then(() => arrived(performance.now()))
      .catch((error: unknown) => {
        window.failed(bytes);
        failure ??= { error };
      })
      .finally(() => running.delete(run));
    running.add(run);
    from = to;
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.error;
}
