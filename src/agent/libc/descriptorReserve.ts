import type { Disposable } from '../../base/dispose';
import { Errno, ErrnoError } from '../../protocol/errno';
import { close } from './files';
import { runSync } from './op';
import { eventfd } from './poll';

/**
 * Descriptors that are kept for work which must not fail because others have opened all that the process, or the host,
 * may have. Only for work that is done on one thread without a pause in it: borrowed ones are taken back right after.
 */
export class DescriptorReserve implements Disposable {
  private kept: number[] = [];
  private disposed = false;

  constructor(private readonly size: number) {
    this.refill();
  }

  /** Opens something; `open` gives a descriptor or -errno, and is called again when there is none left but ours. */
  open(open: () => number): number {
    for (;;) {
      const fd = open();
      if (fd !== -Errno.EMFILE && fd !== -Errno.ENFILE) return fd;
      const spare = this.kept.pop();
      if (spare === undefined) return fd;
      runSync(close(spare));
    }
  }

  /** What was borrowed is closed: the reserve is made full again, as far as that goes. */
  refill(): void {
    while (!this.disposed && this.kept.length < this.size) {
      try {
        this.kept.push(runSync(eventfd()));
      } catch (error) {
        if (error instanceof ErrnoError) return;
        throw error;
      }
    }
  }

  dispose(): void {
    this.disposed = true;
    for (const fd of this.kept.splice(0)) runSync(close(fd));
  }
}
