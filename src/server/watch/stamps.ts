import type { Version } from '../../protocol/livemount';
import type { BytePath } from './bytePath';

/** A version in one exact number: equal for equal versions, and hardly ever for others. */
export type Stamp = number;

/** Mixes the 32-bit words of a version. (The multipliers are those of xxHash.) */
export class StampMixer {
  private high = 0x165667b1;
  private low = 0x27d4eb2f;

  add(word: number): this {
    this.high = Math.imul(this.high ^ word, 0x9e3779b1);
    this.low = Math.imul((this.low ^ word) + (this.high >>> 15), 0x85ebca77);
    return this;
  }

  finish(): Stamp {
    return (this.high >>> 0) * 2 ** 20 + (this.low >>> 12);
  }
}

/** The stamp of a version that was not read from a struct. */
export function stampOf(version: Version): Stamp {
  const mixer = new StampMixer();
  for (const field of [version.ino, version.size, version.mtime_ns, version.ctime_ns]) {
    mixer.add(Number(BigInt.asIntN(32, field))).add(Number(BigInt.asIntN(32, field >> 32n)));
  }
  return mixer.finish();
}

/** The versions told last, so that two reports of one change (published and heard, written and closed) are one event. */
const RECENT_STAMPS = 8192;

export class RecentStamps {
  private readonly byPath = new Map<BytePath, Stamp>();

  /** Remembers a version as told; false: it was told already. */
  tell(path: BytePath, { stamp }: { readonly stamp: Stamp }): boolean {
    if (this.byPath.get(path) === stamp) return false;
    this.remember(path, stamp);
    return true;
  }

  /** The same of a change of attributes: should its content have changed as well, that is still to be told. */
  tellAttributes(path: BytePath, { stamp }: { readonly stamp: Stamp }): boolean {
    const before = this.byPath.get(path);
    if (before === stamp || before === -stamp) return false;
    this.remember(path, -stamp);
    return true;
  }

  forget(path: BytePath): void {
    this.byPath.delete(path);
  }

  /** A directory moved or went: what was told under its paths is not what stands there now. */
  clear(): void {
    if (this.byPath.size > 0) this.byPath.clear();
  }

  private remember(path: BytePath, stamp: Stamp): void {
    // Deleted first, so that the oldest stays the first.
    if (!this.byPath.delete(path) && this.byPath.size >= RECENT_STAMPS) this.forgetOldest();
    this.byPath.set(path, stamp);
  }

  private forgetOldest(): void {
    for (const path of this.byPath.keys()) {
      this.byPath.delete(path);
      return;
    }
  }
}
