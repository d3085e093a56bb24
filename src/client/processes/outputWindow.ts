/** A window at most. The host holds as much for this client (run.md). */
const MOST_BYTES = 8 << 20;
/** Part of the link's time that may wait on it besides two round trips, in ms. */
const QUEUE_MS = 4;
/** Whoever asked for something small within this time, in ms, is about to ask again, and waits behind what is under way. */
const SHARED_MS = 1000;

/** What the window of a process's output follows. */
export interface Pace {
  /** In ms. */
  now(): number;
  /** The shortest round trip of the link in ms. */
  readonly leastMs: number;
  /** Whether somebody else has asked for something again and again since then. */
  isShared(since: number): boolean;
}

/**
 * How many bytes of a process's output may be under way: what the link carries in a round trip or two, as it shows. A
 * window that was read within that time was too small, and is doubled.
 */
export class OutputWindow {
  private size: number;
  private began: number | undefined;
  private taken = 0;

  /** Without a pace it stays as large as it is at first. */
  constructor(
    private readonly first: number,
    private readonly pace?: Pace,
  ) {
    this.size = first;
  }

  get bytes(): number {
    return this.size;
  }

  /** So many more bytes were read here. */
  took(bytes: number): void {
    if (this.pace === undefined) return;
    const now = this.pace.now();
    this.taken += bytes;
    this.began ??= now;
    if (this.taken < this.size) return;
    const ms = now - this.began;
    this.began = now;
    this.taken = 0;
    if (this.pace.isShared(now - SHARED_MS)) this.size = Math.max(this.first, this.size / 2);
    else if (ms < 2 * this.pace.leastMs + QUEUE_MS)
      this.size = Math.min(2 * this.size, Math.max(MOST_BYTES, this.first));
  }
}
