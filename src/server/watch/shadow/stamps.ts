import type { Version } from '../../../protocol/livemount';

/** A version in one exact number: equal for equal versions, and hardly ever for others. */
export type Stamp = number;

const SEED_HIGH = 0x165667b1;
const SEED_LOW = 0x27d4eb2f;

/** Mixes the 32-bit words of a version. (The multipliers are those of xxHash.) */
export class StampMixer {
  private high = SEED_HIGH;
  private low = SEED_LOW;

  /** Begins again with nothing. */
  start(): this {
    this.high = SEED_HIGH;
    this.low = SEED_LOW;
    return this;
  }

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

/** The versions reported last, so that two reports of one change (published and reported by the host, written and closed) are one event. */
const RECENT_STAMPS = 4096;

/**
 * By inode, the last 4,096 to 8,192 of them: when the young are that many, they become the old, and the old are
 * forgotten. A file with several names has no entry: each of its names is reported. A version counts as reported only in the
 * directory node it was reported in (`place`, its id): seen by path while directories move, a file may be reported in
 * another one's place, and is then still to be reported in its own.
 */
export class RecentStamps {
  private young = new StampTable();
  private old = new StampTable();

  /** Remembers a version as reported; false: it was reported already. */
  note({ ino, stamp, isShared }: StampedInode, place: number): boolean {
    if (isShared) return true;
    const noted = stampIn(place, stamp);
    if (this.get(ino) === noted) return false;
    this.remember(ino, noted);
    return true;
  }

  /** The same of a change of attributes: should its content have changed as well, that is still to be reported. */
  noteAttributes({ ino, stamp, isShared }: StampedInode, place: number): boolean {
    if (isShared) return true;
    const noted = stampIn(place, stamp);
    const before = this.get(ino);
    if (before === noted || before === -noted) return false;
    this.remember(ino, -noted);
    return true;
  }

  forget(ino: number): void {
    this.young.forget(ino);
    this.old.forget(ino);
  }

  private get(ino: number): Stamp {
    return this.young.get(ino) || this.old.get(ino);
  }

  private remember(ino: number, stamp: Stamp): void {
    this.young.set(ino, stamp);
    if (this.young.size < RECENT_STAMPS) return;
    const { old } = this;
    this.old = this.young;
    this.young = old;
    old.clear();
  }
}

/** Exact numbers of 52 bits stay such: the place goes into the lower half. */
function stampIn(place: number, stamp: Stamp): Stamp {
  const mixed = Math.imul(place, 0x9e3779b1) >>> 0;
  const high = Math.floor(stamp / 2 ** 32);
  return high * 2 ** 32 + ((stamp ^ mixed) >>> 0);
}

/** No inode is remembered here, or its stamp was forgotten. */
const NO_STAMP = 0;

/** Pairs that a table begins with. */
const FIRST_PAIRS = 64;

/** A hash table of pairs of numbers in place, made when it is first needed: a Map would box each of them. */
class StampTable {
  private pairs: Float64Array | undefined;
  /** Places in use, also by inodes whose stamp was forgotten. */
  size = 0;

  get(ino: number): Stamp {
    return this.pairs?.[this.placeOf(this.pairs, ino) + 1] ?? NO_STAMP;
  }

  set(ino: number, stamp: Stamp): void {
    this.pairs ??= new Float64Array(FIRST_PAIRS * 2);
    if (this.size * 4 >= this.pairs.length) this.grow(this.pairs);
    const place = this.placeOf(this.pairs, ino);
    if (this.pairs[place] !== ino) this.size++;
    this.pairs[place] = ino;
    this.pairs[place + 1] = stamp;
  }

  private grow(before: Float64Array): void {
    const pairs = new Float64Array(before.length * 2);
    for (let at = 0; at < before.length; at += 2) {
      const ino = before[at] ?? 0;
      if (ino === 0) continue;
      const place = this.placeOf(pairs, ino);
      pairs[place] = ino;
      pairs[place + 1] = before[at + 1] ?? NO_STAMP;
    }
    this.pairs = pairs;
  }

  forget(ino: number): void {
    if (this.pairs === undefined) return;
    const place = this.placeOf(this.pairs, ino);
    if (this.pairs[place] === ino) this.pairs[place + 1] = NO_STAMP;
  }

  clear(): void {
    if (this.size > 0) this.pairs?.fill(0);
    this.size = 0;
  }

  /** Where a pair is, or may be put: the table is never more than half full. (No inode has the number 0.) */
  private placeOf(pairs: Float64Array, ino: number): number {
    const last = pairs.length - 2;
    let place = ((Math.imul(ino | 0, 0x9e3779b1) >>> 16) * 2) & last;
    while (pairs[place] !== ino && pairs[place] !== 0) place = (place + 2) & last;
    return place;
  }
}

/** What is needed of a look to know whether it was reported. */
export interface StampedInode {
  /** Folded (entries.ts). */
  readonly ino: number;
  readonly stamp: Stamp;
  /** It has several names. */
  readonly isShared?: boolean;
}
