/** An exponentially smoothed time in ms, as TCP smooths its round trip (RFC 6298: a weight of 1/8 for the newest). */
export class SmoothedTime {
  private value: number | undefined;
  /** The shortest one: what the way takes when nothing waits on it. */
  leastMs = Number.POSITIVE_INFINITY;

  add(ms: number): void {
    this.leastMs = Math.min(this.leastMs, ms);
    this.value = this.value === undefined ? ms : this.value + (ms - this.value) / 8;
  }

  /** Undefined before the first measurement. */
  get ms(): number | undefined {
    return this.value;
  }
}
