/** Bytes in flight of a transfer: at first, and at the least and most. */
const FIRST_BYTES = 4 << 20;
const LEAST_BYTES = 2 << 20;
const MOST_BYTES = 64 << 20;
/** While the rate still grows, the window is this many times the measured bandwidth-delay product. */
const GAIN = 2;
/** The rate grows while it rises by this much within so many windows. (BBR's startup ends by the same numbers) */
const GROWTH = 1.25;
const GROWTH_WINDOWS = 3;
/** Afterwards so much of the link's time may queue on it, in ms: what others ask for meanwhile waits behind that. */
const QUEUE_MS = 10;
/** Measurements that the rate is the best of. (As BBR does: the highest rate seen lately, the shortest time ever) */
const REMEMBERED = 16;

/**
 * How much of a transfer is asked for ahead: the bandwidth-delay product as it shows, from the highest rate and the
 * shortest time seen lately, and little more once it is known. Pure: times come with the calls.
 */
export class TransferWindow {
  /** Bytes per ms. */
  private readonly rates: number[] = [];
  /** The shortest time of a part: what the link takes when nothing queues on it. */
  private leastMs = Number.POSITIVE_INFINITY;
  private inFlight = 0;
  /** Bytes delivered so far. */
  private delivered = 0;
  /** The rate that later ones must exceed to count as growth, and what was delivered when it was reached. */
  private reached = { rate: 0, delivered: 0 };
  private isFull = false;

  /** Bytes that should be in flight. */
  get bytes(): number {
    if (this.rates.length === 0) return FIRST_BYTES;
    const ms = this.isFull ? this.leastMs + QUEUE_MS : this.leastMs * GAIN;
    return Math.min(Math.max(Math.max(...this.rates) * ms, LEAST_BYTES), MOST_BYTES);
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
      const rate = (this.delivered - deliveredBefore) / ms;
      this.rates.push(rate);
      if (this.rates.length > REMEMBERED) this.rates.shift();
      this.leastMs = Math.min(this.leastMs, ms);
      this.grow(rate);
    };
  }

  /** Whether the link is full: its rate grows no more. */
  private grow(rate: number): void {
    if (rate > this.reached.rate * GROWTH) this.reached = { rate, delivered: this.delivered };
    else if (this.delivered - this.reached.delivered > GROWTH_WINDOWS * this.bytes) this.isFull = true;
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
