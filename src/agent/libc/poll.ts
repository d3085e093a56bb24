/** ppoll(2) and eventfd(2), for the thread that waits. */
import { type Op, quietSyscall, syscall } from './op';

const pollCall = quietSyscall('ppoll', 'void *', 'size_t', 'void *', 'void *', 'size_t');
const eventfdCall = syscall('eventfd2', 'uint', 'int');
const writeCall = quietSyscall('write', 'int', 'void *', 'size_t');

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

export function* eventfd(): Op<number> {
  return Number(yield* eventfdCall(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

const ONE = (() => {
  const value = Buffer.alloc(8);
  value.writeBigUInt64LE(1n);
  return value;
})();

/** Makes an eventfd readable. */
export function* signal(fd: number): Op<void> {
  yield* writeCall(fd, ONE, ONE.length);
}

/** A set of descriptors to wait for (struct pollfd, 8 bytes each). */
export class PollSet {
  private readonly fds: Buffer;

  constructor(entries: readonly { readonly fd: number; readonly events: number }[]) {
    this.fds = Buffer.alloc(entries.length * 8);
    for (const [i, { fd, events }] of entries.entries()) {
      this.fds.writeInt32LE(fd, i * 8);
      this.fds.writeInt16LE(events, i * 8 + 4);
    }
  }

  /** Waits until one is ready or `ms` have passed (undefined: for ever). Gives how many are; 0 also when interrupted. */
  *wait(ms: number | undefined): Op<number> {
    let timeout: Buffer | null = null;
    if (ms !== undefined) {
      timeout = Buffer.alloc(16);
      timeout.writeBigInt64LE(BigInt(Math.floor(ms / 1000)), 0);
      timeout.writeBigInt64LE(BigInt(ms % 1000) * 1_000_000n, 8);
    }
    const count = Number(yield* pollCall(this.fds, this.fds.length / 8, timeout, null, 8));
    return Math.max(count, 0);
  }

  /** What poll(2) found of the entry at `index`. */
  ready(index: number): number {
    return this.fds.readInt16LE(index * 8 + 6);
  }
}
