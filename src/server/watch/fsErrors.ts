import type { Disposable } from '../../base/dispose';
import { FS_ERROR_DIED } from '../../protocol/livemount';
import type { FsFault } from './arming/backend';
import type { Clock } from '../../base/clock';

/** A filesystem in trouble reports thousands a second; people need one line now and then. */
export const MERGE_MS = 1000;

/** One report to the sessions: the first error whole, with the number of those it stands for. */
export interface FsErrorReport {
  readonly fault: FsFault;
  readonly count: number;
  /** FS_ERROR_* */
  readonly flags: number;
}

/**
 * The errors of one superblock: the first is reported at once, what follows within a second is counted into the first of
 * them. One that says the superblock died is the last.
 */
export class FsErrors implements Disposable {
  private first: FsFault | undefined;
  private count = 0;
  private window: Disposable | undefined;
  private died = false;

  constructor(
    private readonly clock: Pick<Clock, 'after'>,
    private readonly report: (report: FsErrorReport) => void,
  ) {}

  add(fault: FsFault): void {
    if (this.died) return;
    if (fault.died) {
      const first = this.first ?? fault;
      this.died = true;
      this.dispose();
      this.report({ fault: first, count: this.count + fault.count, flags: FS_ERROR_DIED });
    } else if (this.window === undefined) {
      this.report({ fault, count: fault.count, flags: 0 });
      this.open();
    } else {
      this.first ??= fault;
      this.count += fault.count;
    }
  }

  dispose(): void {
    this.window?.dispose();
    this.window = undefined;
  }

  private open(): void {
    this.window = this.clock.after(MERGE_MS, () => {
      this.window = undefined;
      const { first, count } = this;
      if (first === undefined) return;
      this.first = undefined;
      this.count = 0;
      this.report({ fault: first, count, flags: 0 });
      this.open();
    });
  }
}
