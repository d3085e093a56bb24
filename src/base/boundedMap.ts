/**
 * A map of at most `bound` entries; the least recently used one goes first. `get` and `set` use an entry, `has` and
 * iteration do not.
 */
export class BoundedMap<K, V> {
  private readonly entries = new Map<K, V>();

  /** @param evicted is called with each entry that had to make room, not with those that are deleted or replaced. */
  constructor(
    readonly bound: number,
    private readonly evicted?: (key: K, value: V) => void,
  ) {
    if (!(bound >= 1)) throw new RangeError(`a bound of ${bound} holds nothing`);
  }

  get size(): number {
    return this.entries.size;
  }

  has(key: K): boolean {
    return this.entries.has(key);
  }

  get(key: K): V | undefined {
    const value = this.entries.get(key);
    if (value === undefined && !this.entries.has(key)) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value as V);
    return value;
  }

  set(key: K, value: V): this {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.bound) this.evictOldest();
    return this;
  }

  delete(key: K): boolean {
    return this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }

  /** From the least to the most recently used. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries.entries();
  }

  private evictOldest(): void {
    const oldest = this.entries.entries().next();
    if (oldest.done) return;
    const [key, value] = oldest.value;
    this.entries.delete(key);
    this.evicted?.(key, value);
  }
}
