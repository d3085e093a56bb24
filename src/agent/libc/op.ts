import { Errno, ErrnoError } from '../../protocol/errno';
import { type Argument, type CType, Libc, type NativeCall } from './libc';
import type { SyscallName } from './syscalls';

/** A system call by name and form; bound to the C library when it is first made. */
export class Syscall {
  private bound: NativeCall | undefined;

  constructor(
    readonly name: SyscallName,
    private readonly types: readonly CType[],
  ) {}

  /** Its function, which gives the result or -errno. */
  get native(): NativeCall {
    this.bound ??= Libc.shared().bind(this.name, this.types);
    return this.bound;
  }
}

/** One system call to be made. */
export interface Step {
  readonly call: Syscall;
  readonly args: readonly Argument[];
}

/**
 * A piece of host work written once, as a sequence of system calls: it yields each and is given the result, or
 * -errno. `runSync` makes the calls on this thread, `runAsync` on threads of libuv's pool.
 */
export type Op<T> = Generator<Step, T, number | bigint>;

/** Declares a system call of a fixed form as an Op: its result, or ErrnoError with the call's name. */
export function syscall(name: SyscallName, ...types: CType[]): (...args: Argument[]) => Op<number | bigint> {
  const call = new Syscall(name, types);
  return function* (...args) {
    const result = yield { call, args };
    if (result < 0) throw ErrnoError.ofCall(Number(-result), name);
    return result;
  };
}

/** The same, giving -errno instead of throwing, for where failure is a common answer. */
export function quietSyscall(
  name: SyscallName,
  ...types: CType[]
): (...args: Argument[]) => Op<number | bigint> {
  const call = new Syscall(name, types);
  return function* (...args) {
    return yield { call, args };
  };
}

/** Carries out an Op on this thread, at once. */
export function runSync<T>(op: Op<T>): T {
  let next = op.next();
  while (!next.done) {
    const { call, args } = next.value;
    next = op.next(call.native.sync(args));
  }
  return next.value;
}

/** An Op that is carried out on threads of libuv's pool, one call after the other. */
export class Flight<T> {
  readonly result: Promise<T>;
  private call: Step | undefined;
  private abandoned = false;

  constructor(op: Op<T>) {
    this.result = this.carryOut(op);
  }

  /** The call that a thread is in or about to make; undefined between two, and at the end. */
  get underWay(): Step | undefined {
    return this.call;
  }

  get isAbandoned(): boolean {
    return this.abandoned;
  }

  /**
   * Nobody waits for it any more: the call under way goes on, further ones are not made (they are EINTR to the Op),
   * except that descriptors are closed.
   */
  abandon(): void {
    this.abandoned = true;
  }

  /** The steps keep the buffers alive that the threads work on. */
  private async carryOut(op: Op<T>): Promise<T> {
    let next = op.next();
    while (!next.done) {
      const { call, args } = next.value;
      if (this.abandoned && call.name !== 'close') {
        next = op.next(-Errno.EINTR);
        continue;
      }
      this.call = next.value;
      const result = await call.native.async(args);
      this.call = undefined;
      next = op.next(result);
    }
    return next.value;
  }
}

/** Carries out an Op on threads, to its end. */
export function runAsync<T>(op: Op<T>): Promise<T> {
  return new Flight(op).result;
}
