import type { KoffiFunc, LibraryHandle } from 'koffi';
import { ErrnoError } from '../../protocol/errno';
import { loadKoffi } from './native';
import { type SyscallName, syscallNumber } from './syscalls';

/** What may stand in a prototype: C types as koffi names them. */
export type CType = 'int' | 'uint' | 'long' | 'uint64' | 'int64' | 'size_t' | 'void *';
export type Argument = number | bigint | Buffer | null;

/** A system call with its form fixed: gives the result (a bigint above 2^53), or -errno. */
export interface NativeCall {
  sync(args: readonly Argument[]): number | bigint;
  async(args: readonly Argument[]): Promise<number | bigint>;
}

/** The C library, as far as syscall(2) goes. */
export class Libc {
  private readonly library: LibraryHandle;
  private readonly koffi: ReturnType<typeof loadKoffi>;

  private static instance: Libc | undefined;

  /** The one of this thread: koffi keeps a table of what was declared, so nobody makes a second one. */
  static shared(): Libc {
    Libc.instance ??= new Libc();
    return Libc.instance;
  }

  /** Whether any call was made; without one there are no threads in any. */
  static get isLoaded(): boolean {
    return Libc.instance !== undefined;
  }

  constructor() {
    this.koffi = loadKoffi();
    this.library = this.koffi.load(null);
  }

  /** Fixes a call's form. */
  bind(name: SyscallName, types: readonly CType[]): NativeCall {
    const native = this.native(types);
    const number = syscallNumber(name);
    const { koffi } = this;
    return {
      sync(args) {
        const result = native(number, ...args);
        return result < 0 ? -koffi.errno() : result;
      },
      async(args) {
        return new Promise((resolve, reject) => {
          native.async(number, ...args, (error: unknown, result: number | bigint) => {
            if (error) reject(error);
            // Naming args here keeps the buffers alive that the thread works on.
            else resolve(result < 0 && args.length >= 0 ? -koffi.errno() : result);
          });
        });
      },
    };
  }

  /** Where a buffer's bytes are in memory: how a call that was given it is told from others. */
  addressOf(buffer: Buffer): bigint {
    return this.koffi.address(buffer);
  }

  private native(types: readonly CType[]): KoffiFunc<(...args: unknown[]) => number | bigint> {
    return this.library.func('syscall', 'long', ['long', ...types]);
  }
}

/** A path or name as the kernel takes it: with a NUL at the end. EINVAL for one inside. */
export function cString(bytes: Buffer): Buffer {
  if (bytes.includes(0)) throw new ErrnoError('EINVAL', 'a name with a NUL byte');
  const terminated = Buffer.allocUnsafe(bytes.length + 1);
  bytes.copy(terminated);
  terminated[bytes.length] = 0;
  return terminated;
}
