import type { Attributes, InputAttributes, SFTPWrapper } from 'ssh2';
import { ErrnoError } from '../../protocol/errno';
import type { HostStat, SetTimes } from '../../server/host/hostFs';
import { hostStatOf } from './attributes';
import type { PathIdentity } from './pathIdentity';
import type { Done, Repeat, SftpCalls } from './sftpCalls';
import { SftpObject } from './sftpObject';

/** A part of a read or write; many are under way at once, so that a round trip does not limit the rate. */
const CHUNK = 32 << 10;

/** More than any file that says it is empty has. */
const MOST_UNSIZED = BigInt(64 << 20);

/** What files share with the host they are of. */
export interface SftpPlace {
  readonly calls: SftpCalls;
  readonly identity: PathIdentity;
  /** Something on the host was changed through us. */
  changed(): void;
}

/** An open file. After a reconnect its handle is opened again by path: SFTP can't say whether it is the same file. */
export class SftpFile extends SftpObject {
  private closed = false;

  constructor(
    private readonly place: SftpPlace,
    path: string,
    /** SSH_FXF_* bits for opening it again: without creating or truncating. */
    private readonly flags: number,
    private handle: { readonly bytes: Buffer; readonly epoch: number },
    private readonly ino: bigint,
    /** As the server said last; a file may have grown since. */
    private knownSize: bigint,
  ) {
    super(path);
  }

  override async stat(): Promise<HostStat> {
    const attributes = await this.on('repeatable', (sftp, handle, done: Done<Attributes>) =>
      sftp.fstat(handle, done),
    );
    const stat = hostStatOf(attributes, this.ino);
    this.knownSize = stat.size;
    return stat;
  }

  override async read(into: Buffer, offset: bigint): Promise<number> {
    const total = await this.readParts(into, offset);
    // A server may go on behind the end of a file for ever: what lies there is looked at once more.
    if (total === 0 || offset + BigInt(total) <= this.knownSize) return total;
    const { size } = await this.stat();
    // Files of /proc have no size and content all the same.
    const end = size === 0n ? MOST_UNSIZED : size;
    return offset >= end ? 0 : Math.min(total, Number(end - offset));
  }

  private async readParts(into: Buffer, offset: bigint): Promise<number> {
    const counts = await Promise.all(
      chunks(into).map(async ({ part, at }) => this.readPart(part, Number(offset) + at)),
    );
    let total = 0;
    for (const [index, count] of counts.entries()) {
      total += count;
      // What lies behind a short part is behind the end of the file.
      if (count < Math.min(CHUNK, into.length - index * CHUNK)) break;
    }
    return total;
  }

  override async write(from: Buffer, offset: bigint): Promise<number> {
    await Promise.all(
      chunks(from).map(({ part, at }) =>
        this.on('repeatable', (sftp, handle, done: Done<void>) =>
          sftp.write(handle, part, 0, part.length, Number(offset) + at, (error) => done(error, undefined)),
        ),
      ),
    );
    const end = offset + BigInt(from.length);
    if (end > this.knownSize) this.knownSize = end;
    this.place.changed();
    return from.length;
  }

  override truncate(size: bigint): Promise<void> {
    return this.set({ size: Number(size) });
  }

  override chmod(mode: number): Promise<void> {
    return this.set({ mode: mode & 0o7777 });
  }

  override chown(uid: number, gid: number): Promise<void> {
    return this.set({ uid, gid });
  }

  override async setTimes(times: SetTimes): Promise<void> {
    const before = await this.stat();
    await this.set(timesOf(times, before));
  }

  override async sync(): Promise<void> {
    try {
      await this.on('repeatable', (sftp, handle, done: Done<void>) =>
        sftp.ext_openssh_fsync(handle, (error) => done(error, undefined)),
      );
    } catch (error) {
      // A server without the extension flushes when it likes; there is no other way to ask.
      if (!(error instanceof ErrnoError) || error.code !== 'EOPNOTSUPP') throw error;
    }
  }

  override async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { calls } = this.place;
    // The handle of a channel that is gone was closed with it.
    if (this.handle.epoch !== calls.epoch) return;
    await calls.call('once', (sftp, done: Done<void>) =>
      sftp.close(this.handle.bytes, (error) => done(error, undefined)),
    );
  }

  private async readPart(part: Buffer, position: number): Promise<number> {
    try {
      return await this.on('repeatable', (sftp, handle, done: Done<number>) =>
        sftp.read(handle, part, 0, part.length, position, (error, count) => done(error, count)),
      );
    } catch (error) {
      // SSH_FX_EOF
      if (error instanceof ErrnoError && error.code === 'ENODATA') return 0;
      throw error;
    }
  }

  private async set(attributes: InputAttributes): Promise<void> {
    await this.on('repeatable', (sftp, handle, done: Done<void>) =>
      sftp.fsetstat(handle, attributes, (error) => done(error, undefined)),
    );
    this.place.changed();
  }

  private async on<T>(
    repeat: Repeat,
    request: (sftp: SFTPWrapper, handle: Buffer, done: Done<T>) => void,
  ): Promise<T> {
    const { calls } = this.place;
    const attempt = async () => {
      const handle = await this.currentHandle();
      return calls.call<T>('once', (sftp, done) => request(sftp, handle, done));
    };
    try {
      return await attempt();
    } catch (error) {
      if (repeat === 'once' || !(error instanceof ErrnoError) || error.code !== 'ENOTCONN') throw error;
      return attempt();
    }
  }

  private async currentHandle(): Promise<Buffer> {
    const { calls } = this.place;
    if (this.handle.epoch === (await calls.ready())) return this.handle.bytes;
    const bytes = await calls.call<Buffer>('repeatable', (sftp, done) =>
      sftp.open(this.path, this.flags, done),
    );
    this.handle = { bytes, epoch: calls.epoch };
    return bytes;
  }
}

interface Part {
  readonly part: Buffer;
  readonly at: number;
}

function chunks(whole: Buffer): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < whole.length; at += CHUNK) parts.push({ part: whole.subarray(at, at + CHUNK), at });
  return parts;
}

/** SFTP sets both times or none, in seconds. */
export function timesOf(times: SetTimes, before: HostStat): { atime: number; mtime: number } {
  const now = BigInt(Date.now()) * 1_000_000n;
  const seconds = (wanted: bigint | 'now' | undefined, kept: bigint) =>
    Number((wanted === 'now' ? now : (wanted ?? kept)) / 1_000_000_000n);
  return { atime: seconds(times.atimeNs, before.atimeNs), mtime: seconds(times.mtimeNs, before.mtimeNs) };
}
