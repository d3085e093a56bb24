/** What the shares need to know of a superblock that has work for threads. */
export interface Claimant {
  /** It may keep its callers waiting for ever. */
  readonly slow: boolean;
  /** Calls it has on threads. */
  readonly inFlight: number;
  /** It has not answered yet, or keeps a call waiting for longer than is usual. */
  readonly doubtful: boolean;
  /** Starts what waits, as long as it is admitted. */
  serve(): void;
}

/** Calls one superblock may have on threads; of one that dies, these are lost until it comes back. */
const MAX_IN_FLIGHT = 4;

/**
 * Shares the threads of libuv's pool among the superblocks, so that any number of dead mounts leaves some to those that
 * answer. A thread in a call that does not return can't be taken back, so the shares decide who gets one:
 *
 * * An eighth of the threads is never given to a superblock that may hang: `fsync` and copies on local ones go on.
 * * A superblock that never answered, or that keeps a call waiting, is doubtful: it gets one at a time, and all
 *   doubtful ones together get half of what is left at most.
 * * One that answers gets up to four, and only one when three quarters are taken.
 * * Looking for changes (polling, listing what is watched) gets three quarters: when all that was polled dies at once,
 *   the rest is there for whoever waits for something.
 *
 * Whoever is not admitted is served when somebody gives a thread back, each in its turn.
 */
export class ThreadShares {
  private readonly forSlow: number;
  private readonly forDoubtful: number;
  private readonly roomy: number;
  private readonly waiting = new Set<Claimant>();
  private taken = 0;
  private takenByDoubtful = 0;
  private takenInBackground = 0;

  /** `threads`: how many the pool has. */
  constructor(threads: number) {
    this.forSlow = threads - Math.max(1, threads >> 3);
    this.forDoubtful = Math.max(1, this.forSlow >> 1);
    this.roomy = Math.floor((this.forSlow * 3) / 4);
  }

  /** Whether a superblock may make one more call now. If not, its turn comes: `serve` is called. */
  admits(claimant: Claimant, isBackground: boolean): boolean {
    const admitted = this.mayHave(claimant, isBackground);
    if (!admitted) this.waiting.add(claimant);
    return admitted;
  }

  /** A call was begun, by a superblock in that state. */
  begin({ slow, doubtful }: Claimant, isBackground: boolean): void {
    if (!slow) return;
    this.taken++;
    if (isBackground) this.takenInBackground++;
    if (doubtful) this.takenByDoubtful++;
  }

  /** A call of a superblock in that state is back. */
  end({ slow, doubtful }: Claimant, isBackground: boolean): void {
    if (!slow) return;
    this.taken--;
    if (isBackground) this.takenInBackground--;
    if (doubtful) this.takenByDoubtful--;
  }

  /** A superblock has just become doubtful, or is not any more, with all its calls. */
  doubted({ slow, doubtful, inFlight }: Claimant): void {
    if (slow) this.takenByDoubtful += doubtful ? inFlight : -inFlight;
  }

  /** Something changed for the better: whoever waits is served in turn. */
  serveNext(): void {
    for (const claimant of [...this.waiting]) {
      if (!this.mayHave(claimant, false)) continue;
      this.waiting.delete(claimant);
      claimant.serve();
    }
  }

  /** It has nothing to do any more. */
  forget(claimant: Claimant): void {
    this.waiting.delete(claimant);
  }

  private mayHave({ slow, inFlight, doubtful }: Claimant, isBackground: boolean): boolean {
    if (inFlight >= MAX_IN_FLIGHT) return false;
    if (!slow) return true;
    if (isBackground && this.takenInBackground >= this.roomy) return false;
    if (this.taken >= this.forSlow) return false;
    if (inFlight === 0) return !doubtful || this.takenByDoubtful < this.forDoubtful;
    return !doubtful && this.taken < this.roomy;
  }
}
