import type { Disposable } from '../../base/dispose';
import { close, openat } from './files';
import { AT_FDCWD, O, POLLERR, POLLPRI } from './flags';
import { cString } from './libc';
import { runSync } from './op';
import { PollSet } from './poll';

/** Asks the kernel whether the mounts of this process's namespace changed since it was asked last. (proc(5), mountinfo) */
export class MountNews implements Disposable {
  private readonly fd: number;
  private readonly poll: PollSet;
  /** Asked already by who runs now: nothing that was heard of since can have happened before. */
  private asked = false;

  constructor() {
    this.fd = runSync(openat(AT_FDCWD, cString(Buffer.from('/proc/self/mountinfo')), O.RDONLY));
    this.poll = new PollSet([{ fd: this.fd, events: POLLPRI }]);
  }

  /** True once for each change, at once: mount(2) counts it before it returns. Many questions in a row cost one call. */
  any(): boolean {
    if (this.asked) return false;
    this.asked = true;
    queueMicrotask(() => {
      this.asked = false;
    });
    runSync(this.poll.wait(0));
    return (this.poll.ready(0) & (POLLPRI | POLLERR)) !== 0;
  }

  dispose(): void {
    runSync(close(this.fd));
  }
}
