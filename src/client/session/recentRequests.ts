/** Times kept. */
const KEPT = 5;

/** When something happened the last few times, on the caller's clock, in ms. */
export class RecentRequests {
  private readonly times: number[] = [];

  add(nowMs: number): void {
    this.times.push(nowMs);
    if (this.times.length > KEPT) this.times.shift();
  }

  /** It happened after `sinceMs`. */
  after(sinceMs: number): boolean {
    return (this.times.at(-1) ?? Number.NEGATIVE_INFINITY) > sinceMs;
  }

  /** It happened again and again after `sinceMs`, five times at least. */
  oftenAfter(sinceMs: number): boolean {
    return this.times.length === KEPT && (this.times[0] ?? 0) > sinceMs;
  }
}
