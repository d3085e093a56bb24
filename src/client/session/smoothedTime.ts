/** An exponentially smoothed time in ms, as TCP smooths its round trip (RFC 6298: a weight of 1/8 for the newest). */
export class SmoothedTime {
  private value: number | undefined;

  add(ms: number): void {
    this.value = this.value === undefined ? ms : this.value + (ms - this.value) / 8;
  }

  /** Undefined before the first measurement. */
  get ms(): number | undefined {
    return this.value;
  }
}
