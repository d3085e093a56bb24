import type { Disposable } from '../../base/dispose';
import { MAX_GRACE_S } from '../../protocol/livemount';

/** Shortest time between two looks at the sessions, for a grace time of nearly zero. */
const SHORTEST_WAIT_MS = 100;

/** Sessions that nobody comes back to keep the daemon no longer than this. */
const LONGEST_ABSENCE_MS = MAX_GRACE_S * 1000;

export interface GraceConditions {
  readonly graceMs: number;
  /** A channel is open at this moment. */
  isAttached(): boolean;
  /** A session is kept, be it only for its client to return. */
  hasSessions(): boolean;
  /** Called once, when the grace time has passed with nobody there. */
  expired(): void;
}

/** Decides when an unused daemon ends: the grace time after the last channel and session went. */
export class GraceTimer implements Disposable {
  private timer: NodeJS.Timeout | undefined;
  private absentMs = 0;

  constructor(private readonly conditions: GraceConditions) {}

  /** Starts to count from now; for when a channel came or went. */
  restart(): void {
    this.dispose();
    this.absentMs = 0;
    if (!this.conditions.isAttached()) this.wait();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private wait(): void {
    const waitMs = Math.max(this.conditions.graceMs, SHORTEST_WAIT_MS);
    this.timer = setTimeout(() => {
      this.absentMs += waitMs;
      if (this.conditions.hasSessions() && this.absentMs < LONGEST_ABSENCE_MS) this.wait();
      else this.conditions.expired();
    }, waitMs);
  }
}
