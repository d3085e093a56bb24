import { ErrnoError } from '../../protocol/errno';
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

/** Carries out an Op on threads of libuv's pool, one call after the other. Buffers are kept alive until it is done. */
export async function runAsync<T>(op: Op<T>): Promise<T> {
  let next = op.next();
  while (!next.done) {
    const { call, args } = next.value;
    next = op.next(await call.native.async(args));
  }
  return next.value;
}
