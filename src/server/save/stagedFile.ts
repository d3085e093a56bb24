import { ErrnoError } from '../../protocol/errno';
import {
  type Awaitable,
  chain,
  type HostDirent,
  type HostFile,
  type HostFs,
  type HostStat,
  type Locator,
  type OperationContext,
  type SetTimes,
} from '../host/hostFs';
import { isGone } from '../host/hostErrors';
import type { JournalEntry } from './journal';

/** A temporary name that staged content has, and the note of it. */
export interface TemporaryName {
  readonly directory: Locator;
  readonly temporary: Buffer;
  readonly noted: JournalEntry;
}

/** Where the content of a save waits for its commit. */
export type Staging =
  /** In the target's directory, without a name: a crash leaves nothing. */
  | { readonly kind: 'unnamed' }
  /** In the target's directory, under a name that goes when the file is closed without a commit. */
  | ({ readonly kind: 'named' } & TemporaryName)
  /** In the agent's own folder: the target's directory takes no new file. `why` says what it answered. */
  | { readonly kind: 'elsewhere'; readonly why: ErrnoError }
  /** It is the file that was saved, or is being exchanged with it: not ours to remove. */
  | { readonly kind: 'spent' };

/** Takes a temporary name away, and the note of it when it is gone. */
export async function discardName(host: HostFs, name: TemporaryName): Promise<void> {
  try {
    await host.unlink(name.directory, name.temporary);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  await name.noted.end();
}

/**
 * A file that is written to be REPLACEd. It remembers a write that failed, so that content with a piece missing is
 * never committed, and takes its temporary name along when it is closed.
 */
export class StagedFile implements HostFile {
  private failure: unknown;
  private closed = false;

  constructor(
    private readonly host: HostFs,
    /** What is open now. */
    public file: HostFile,
    public staging: Staging,
  ) {}

  get sb(): HostFile['sb'] {
    return this.file.sb;
  }

  /** Throws what the first failed write said. */
  assertWhole(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  /** All or nothing: a part is the error that the rest met. */
  write(from: Buffer, offset: bigint, context?: OperationContext): Awaitable<number> {
    return this.noted(() =>
      chain(this.file.write(from, offset, context), (count) => {
        if (count === from.length) return count;
        return chain(this.file.write(from.subarray(count), offset + BigInt(count), context), (rest) => {
          if (count + rest === from.length) return from.length;
          throw new ErrnoError('ENOSPC', `only ${count + rest} of ${from.length} bytes could be written`);
        });
      }),
    );
  }

  truncate(size: bigint): Awaitable<void> {
    return this.noted(() => this.file.truncate(size));
  }

  allocate(mode: number, offset: bigint, length: bigint): Awaitable<void> {
    return this.file.allocate(mode, offset, length);
  }

  private noted<T>(work: () => Awaitable<T>): Awaitable<T> {
    const failed = (error: unknown): never => {
      this.failure ??= error;
      throw error;
    };
    try {
      const result = work();
      return result instanceof Promise ? result.catch(failed) : result;
    } catch (error) {
      return failed(error);
    }
  }

  /** The content goes on in another file. */
  async become(other: StagedFile): Promise<void> {
    const { file } = this;
    this.file = other.file;
    this.staging = other.staging;
    await file.close();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    try {
      if (this.staging.kind === 'named') await discardName(this.host, this.staging);
    } finally {
      await this.file.close();
    }
  }

  stat = (): Awaitable<HostStat> => this.file.stat();
  read = (into: Buffer, offset: bigint, context?: OperationContext): Awaitable<number> =>
    this.file.read(into, offset, context);
  chmod = (mode: number): Awaitable<void> => this.file.chmod(mode);
  chown = (uid: number, gid: number): Awaitable<void> => this.file.chown(uid, gid);
  setTimes = (times: SetTimes): Awaitable<void> => this.file.setTimes(times);
  sync = (dataOnly: boolean, context?: OperationContext): Promise<void> => this.file.sync(dataOnly, context);
  startWriteback = (): Awaitable<void> => this.file.startWriteback();
  seek = (offset: bigint, whence: number): Awaitable<bigint> => this.file.seek(offset, whence);
  reopen = (flags: number): Awaitable<HostFile> => this.file.reopen(flags);
  getxattr = (name: Buffer): Awaitable<Buffer> => this.file.getxattr(name);
  listxattr = (): Awaitable<Buffer> => this.file.listxattr();
  setxattr = (name: Buffer, value: Buffer, flags: number): Awaitable<void> =>
    this.file.setxattr(name, value, flags);
  removexattr = (name: Buffer): Awaitable<void> => this.file.removexattr(name);
  list = (): Awaitable<HostDirent[]> => this.file.list();
  lookupMany = (names: readonly Buffer[]): Awaitable<(HostStat | undefined)[]> => this.file.lookupMany(names);
  linkInto = (directory: Locator, name: Buffer): Awaitable<void> => this.file.linkInto(directory, name);
  copyRange = (from: bigint, to: HostFile, at: bigint, length: bigint): Awaitable<bigint> =>
    this.file.copyRange(from, to, at, length);
}
