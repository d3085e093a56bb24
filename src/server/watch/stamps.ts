import type { Version } from '../../protocol/livemount';

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
const RECENT_STAMPS = 4096;

/**
 * By inode, the last 4,096 to 8,192 of them: when the young are that many, they become the old, and the old are
 * forgotten. A file with several names has no entry: each of its names is told.
 */
export class RecentStamps {
  private young = new Map<number, Stamp>();
  private old = new Map<number, Stamp>();

  /** Remembers a version as told; false: it was told already. */
  tell({ ino, stamp, isShared }: StampedInode): boolean {
    if (isShared) return true;
    if (this.get(ino) === stamp) return false;
    this.remember(ino, stamp);
    return true;
  }

  /** The same of a change of attributes: should its content have changed as well, that is still to be told. */
  tellAttributes({ ino, stamp, isShared }: StampedInode): boolean {
    if (isShared) return true;
    const before = this.get(ino);
    if (before === stamp || before === -stamp) return false;
    this.remember(ino, -stamp);
    return true;
  }

  forget(ino: number): void {
    this.young.delete(ino);
    this.old.delete(ino);
  }

  /** A directory moved or went: what was told under its paths is not what stands there now. */
  clear(): void {
    if (this.young.size > 0) this.young = new Map();
    if (this.old.size > 0) this.old = new Map();
  }

  private get(ino: number): Stamp | undefined {
    return this.young.get(ino) ?? this.old.get(ino);
  }

  private remember(ino: number, stamp: Stamp): void {
    this.young.set(ino, stamp);
    if (this.young.size < RECENT_STAMPS) return;
    this.old = this.young;
    this.young = new Map();
  }
}

/** What is needed of a look to know whether it was told. */
export interface StampedInode {
  /** Folded (entries.ts). */
  readonly ino: number;
  readonly stamp: Stamp;
  /** It has several names. */
  readonly isShared?: boolean;
}
