import type { Change } from './change';

/** A change with its place in the order of all events of the agent. */
export interface Told {
  readonly seq: bigint;
  readonly timeNs: bigint;
  readonly change: Change;
  /** The session that need not hear of it, because it made the change. */
  readonly except?: object;
}

/** Events kept of one superblock. Some 400 bytes each, so 6 MB for a superblock in a storm, nothing for a quiet one. */
export const JOURNAL_EVENTS = 16_384;

/**
 * What was told of one superblock, the newest part. It is the queue of every session: a session has but a cursor in
 * it, so a slow or absent channel costs nothing, and where the journal no longer reaches one record says so.
 */
export class Journal {
  private ring: Told[] = [];
  private start = 0;
  /** The seq of the last event that was dropped; everything after it is here. */
  private droppedSeq: bigint;
  lastSeq: bigint;

  /** `seq`: the newest event of the agent when the superblock began to be watched. */
  constructor(
    seq: bigint,
    private readonly capacity = JOURNAL_EVENTS,
  ) {
    this.droppedSeq = seq;
    this.lastSeq = seq;
  }

  append(told: Told): void {
    this.lastSeq = told.seq;
    if (this.ring.length < this.capacity) {
      this.ring.push(told);
      return;
    }
    const oldest = this.ring[this.start];
    if (oldest !== undefined) this.droppedSeq = oldest.seq;
    this.ring[this.start] = told;
    this.start = (this.start + 1) % this.capacity;
  }

  /** Every event after `cursor` is still here. */
  reaches(cursor: bigint): boolean {
    return cursor >= this.droppedSeq;
  }

  /** Up to `limit` events after `cursor`, oldest first. */
  after(cursor: bigint, limit: number): Told[] {
    let low = 0;
    let high = this.ring.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle).seq <= cursor) low = middle + 1;
      else high = middle;
    }
    const events: Told[] = [];
    for (let i = low; i < this.ring.length && events.length < limit; i++) events.push(this.at(i));
    return events;
  }

  private at(index: number): Told {
    const told = this.ring[(this.start + index) % this.ring.length];
    if (told === undefined) throw new RangeError(`the journal holds no event ${index}`);
    return told;
  }
}
