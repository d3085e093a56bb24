import { readFileSync } from 'node:fs';

/** The host's limits of fs.inotify, per user. */
export interface InotifyLimits {
  readonly watches: number;
  readonly instances: number;
  readonly queuedEvents: number;
}

export function readLimits(): InotifyLimits {
  return {
    watches: readLimit('max_user_watches'),
    instances: readLimit('max_user_instances'),
    queuedEvents: readLimit('max_queued_events'),
  };
}

function readLimit(name: string): number {
  return Number(readFileSync(`/proc/sys/fs/inotify/${name}`, 'latin1'));
}

/** Of the watches a user may have, this part stays for other programs (and never less than this number). */
const KEPT_FREE = 0.1;
const KEPT_FREE_MIN = 256;

/** Of ours, this part stays for what somebody looks at. */
const KEPT_FOR_VISIBLE = 0.1;

/** Counts watches, so that the user's other programs keep theirs. */
export class WatchBudget {
  private used = 0;
  readonly total: number;

  constructor(readonly limit: number) {
    this.total = Math.max(0, limit - Math.max(KEPT_FREE_MIN, Math.trunc(limit * KEPT_FREE)));
  }

  /** False: what is left is for others. */
  take(): boolean {
    if (this.used >= this.total) return false;
    this.used++;
    return true;
  }

  get left(): number {
    return this.total - this.used;
  }

  get reserve(): number {
    return Math.trunc(this.total * KEPT_FOR_VISIBLE);
  }

  giveBack(): void {
    this.used--;
  }

  get advice(): string {
    const proposed = Math.max(524_288, this.limit * 4);
    return `the limit is ${this.limit}; raise it with: sudo sysctl fs.inotify.max_user_watches=${proposed}`;
  }
}
