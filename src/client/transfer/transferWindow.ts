import type { Clock } from '../../base/clock';

/** Bytes in flight of a transfer: at first, and at most. */
const FIRST_BYTES = 4 << 20;
const MOST_BYTES = 64 << 20;

/** How a transfer treats its link. */
interface Manners {
  /** So much of the link's time may queue on it, in ms: what others ask for meanwhile waits behind that. */
  readonly queueMs: number;
  /** What the window grows by in a round trip, until something queues for the first time. */
  readonly gain: number;
  readonly leastBytes: number;
}

const ALONE: Manners = { queueMs: 8, gain: 2, leastBytes: 2 << 20 };
/** While somebody else asks for something now and then: as little as can be told from the link's own unevenness. */
const SHARED: Manners = {
  queueMs: 1.5,
  gain: 1.15,
  leastBytes: 512 << 10,
};
/** What the first parts are spread over, before the link's own time shows. */
const UNKNOWN_MS = 20;
/** Part of the window that others who come leave of it. */
const DRAINED = 0.5;
/** Timers are late by a millisecond or two: parts that are due make up for so much, in ms. */
const LATE_MS = 4;

/**
 * How much of a transfer is asked for ahead: the bandwidth-delay product as it shows, and little more. What queues on the
 * link is the shortest time of a part in the last round trip less the shortest ever; single late parts count for nothing.
 * (Copa, NSDI 2018, measures so.) Pure: times come with the calls.
 */
export class TransferWindow {
  private size = FIRST_BYTES;
  /** The shortest time of a part: what the link takes when nothing queues on it. */
  private leastMs = Number.POSITIVE_INFINITY;
  /** Of the parts that left since the size was set: what was delivered, and the shortest time. */
  private round = { bytes: 0, leastMs: Number.POSITIVE_INFINITY };
  /** Nothing has queued yet. */
  private isGrowing = true;
  private wasShared = false;
  private inFlight = 0;
  /** When the next part should leave at the soonest, while the link is shared. */
  private dueMs = 0;

  /** `isShared`: somebody else uses the link now, and waits behind what is in flight. */
  constructor(private readonly isShared: () => boolean = () => false) {}

  /** Bytes that should be in flight. */
  get bytes(): number {
    return this.size;
  }

  /** There is room for another `bytes`. A transfer with nothing in flight always goes on. */
  hasRoom(bytes: number): boolean {
    return this.inFlight === 0 || this.inFlight + bytes <= this.size;
  }

  /** How long the next part should wait, in ms: what leaves at once arrives at once, and others wait behind all of it. */
  waits(nowMs: number): number {
    return this.isShared() ? this.dueMs - nowMs : 0;
  }

  /** A part left at `nowMs`; call the result when it arrived. */
  sent(bytes: number, nowMs: number): (nowMs: number) => void {
    this.inFlight += bytes;
    if (this.isShared() !== this.wasShared) this.changed();
    // Shared, the parts of a window are spread over the round trip.
    const roundMs = Number.isFinite(this.leastMs) ? this.leastMs : UNKNOWN_MS;
    this.dueMs = Math.max(this.dueMs, nowMs - LATE_MS) + (roundMs * bytes) / this.size;
    const { round } = this;
    return (thenMs) => {
      this.inFlight -= bytes;
      if (round !== this.round) return;
      const ms = thenMs - nowMs;
      this.leastMs = Math.min(this.leastMs, ms);
      round.leastMs = Math.min(round.leastMs, ms);
      round.bytes += bytes;
      // What left at once when the size was set has arrived.
      if (round.bytes >= this.size / 2) this.adjust();
    };
  }

  /** A part came to nothing. */
  failed(bytes: number): void {
    this.inFlight -= bytes;
  }

  private get manners(): Manners {
    return this.isShared() ? SHARED : ALONE;
  }

  /** Others came, or went. Parts are of another size from now on, so they take another time. */
  private changed(): void {
    this.wasShared = !this.wasShared;
    this.leastMs = Number.POSITIVE_INFINITY;
    this.round = { bytes: 0, leastMs: Number.POSITIVE_INFINITY };
    // What queues has to go before the shortest time shows.
    this.size = this.wasShared ? this.size * DRAINED : Math.max(this.size, FIRST_BYTES);
    this.isGrowing = true;
  }

  /** A round trip is over: as much more or less is to be in flight as queues too little or too much. */
  private adjust(): void {
    const { queueMs, gain, leastBytes } = this.manners;
    const queued = this.round.leastMs - this.leastMs;
    if (queued >= queueMs) this.isGrowing = false;
    // Between half of what may queue and all of it nothing needs to change.
    const goalMs = Math.min(Math.max(queued, queueMs / 2), queueMs);
    const factor = this.isGrowing ? gain : Math.min((this.leastMs + goalMs) / (this.leastMs + queued), gain);
    this.size = Math.min(Math.max(this.size * factor, leastBytes), MOST_BYTES);
    this.round = { bytes: 0, leastMs: Number.POSITIVE_INFINITY };
  }
}

/**
 * Runs a transfer in parts, as many at a time as the window allows. The first failure ends it, once what is in flight
 * is over.
 */
export async function inWindow(
  total: number,
  {
    partBytes,
    window,
    clock,
  }: { readonly partBytes: () => number; readonly window: TransferWindow; readonly clock: Clock },
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
    const waits = window.waits(clock.now());
    if (waits > 0.5) {
      await new Promise<void>((resolve) => clock.after(waits, resolve));
      continue;
    }
    const arrived = window.sent(bytes, clock.now());
    const run: Promise<void> = part(from, to)
      .then(() => arrived(clock.now()))
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
