import type { Version } from '../../protocol/livemount';
import type { BytePath } from './bytePath';

/** A version in one exact number: equal for equal versions, and hardly ever for others. */
export type Stamp = number;

export function stampOf(version: Version): Stamp {
  const mixed = version.ctime_ns ^ (version.size << 21n) ^ (version.mtime_ns << 3n) ^ (version.ino << 13n);
  return Number(BigInt.asUintN(52, mixed));
}

/** The versions told last, so that two reports of one change (published and heard, written and closed) are one event. */
const RECENT_STAMPS = 8192;

export class RecentStamps {
  private readonly byPath = new Map<BytePath, Stamp>();

  /** Remembers a version as told; false: it was told already. */
  tell(path: BytePath, version: Version): boolean {
    const stamp = stampOf(version);
    const before = this.byPath.get(path);
    if (before === stamp) return false;
    if (before !== undefined) this.byPath.delete(path);
    else if (this.byPath.size >= RECENT_STAMPS) this.forgetOldest();
    this.byPath.set(path, stamp);
    return true;
  }

  forget(path: BytePath): void {
    this.byPath.delete(path);
  }

  /** A directory moved or went: what was told under its paths is not what stands there now. */
  clear(): void {
    if (this.byPath.size > 0) this.byPath.clear();
  }

  private forgetOldest(): void {
    for (const path of this.byPath.keys()) {
      this.byPath.delete(path);
      return;
    }
  }
}
