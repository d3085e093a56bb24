import { ErrnoError } from './errno';
import { InHeader, OutHeader } from './fuse';

/** The stream can't be followed any more: the connection ends. The sentence says why, for the log and stderr. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export type Side = 'requests' | 'replies';

const headerSize = { requests: InHeader.size, replies: OutHeader.size } as const;

/** From this size on, a frame's memory is worth using again. */
const LARGE = 64 << 10;

/**
 * Cuts a byte stream into FUSE frames by their length word.
 *
 * It holds at most one frame of `maxFrame` bytes plus the chunk just pushed: a length outside
 * [header, maxFrame] throws FrameError before anything is buffered for it, and every later push does too.
 */
export class FrameReader {
  /** A length word that is not complete. */
  private readonly word = Buffer.alloc(4);
  /** The frame being gathered, once its length is known. */
  private frame: Buffer | undefined;
  /** Bytes held of the frame, or of its length word. */
  private filled = 0;
  /** Memory of the last large frame, and whether whoever got it is done with it. */
  private room: Buffer | undefined;
  private isFree = false;
  private broken: FrameError | undefined;

  constructor(
    private readonly side: Side,
    private maxFrame: number,
  ) {}

  /** Bytes held of a frame that is not complete. */
  get pending(): number {
    return this.filled;
  }

  /** Set once INIT has fixed the sizes. */
  setMaxFrame(bytes: number): void {
    this.maxFrame = bytes;
  }

  /**
   * Takes the next bytes of the stream and yields each frame that is complete now. Frames may share the chunk's memory,
   * unless it is `lent` and its owner will use it again.
   */
  *push(chunk: Buffer, lent = false): Generator<Buffer, void, void> {
    if (this.broken) throw this.broken;
    let rest = chunk;
    while (rest.length > 0) {
      if (this.frame === undefined) {
        if (this.filled === 0 && rest.length >= 4) {
          const length = this.checked(rest.readUInt32LE(0));
          if (rest.length >= length && !(lent && length >= LARGE)) {
            yield lent ? Buffer.from(rest.subarray(0, length)) : rest.subarray(0, length);
            rest = rest.subarray(length);
            continue;
          }
          this.frame = this.roomFor(length);
        } else {
          rest = rest.subarray(this.take(this.word, rest));
          if (this.filled < 4) return;
          this.frame = this.roomFor(this.checked(this.word.readUInt32LE(0)));
          this.word.copy(this.frame);
        }
      }
      rest = rest.subarray(this.take(this.frame, rest));
      if (this.filled === this.frame.length) {
        const { frame } = this;
        this.reset();
        yield frame;
      }
    }
  }

  /** The memory of the frame just yielded may be used for the next one: fresh pages cost more than what is copied to them. */
  reuse(frame: Buffer): void {
    if (frame.buffer === this.room?.buffer) this.isFree = true;
  }

  /** Says that the stream ended. Throws FrameError when that tore a frame. */
  end(): void {
    if (this.filled > 0) {
      throw this.fail(
        `the stream ended in the middle of a frame (${this.filled} of ${this.frame?.length ?? '?'} bytes)`,
      );
    }
  }

  /** Fills up with what belongs there; gives the number of bytes taken. */
  private take(into: Buffer, bytes: Buffer): number {
    const taken = bytes.copy(into, this.filled);
    this.filled += taken;
    return taken;
  }

  private roomFor(length: number): Buffer {
    if (length < LARGE) return Buffer.allocUnsafe(length);
    if (!this.isFree || this.room === undefined || this.room.length < length) {
      this.room = Buffer.allocUnsafeSlow(length);
    }
    this.isFree = false;
    return this.room.length === length ? this.room : this.room.subarray(0, length);
  }

  private reset(): void {
    this.frame = undefined;
    this.filled = 0;
  }

  private checked(length: number): number {
    if (length < headerSize[this.side])
      throw this.fail(`a frame says it has ${length} bytes, less than its header`);
    if (length > this.maxFrame) {
      throw this.fail(`a frame says it has ${length} bytes, more than the ${this.maxFrame} agreed on`);
    }
    return length;
  }

  private fail(message: string): FrameError {
    this.reset();
    this.broken = new FrameError(message);
    return this.broken;
  }
}

/** The largest frame before INIT has agreed on anything: FUSE_MIN_READ_BUFFER of linux/fuse.h. */
export const MIN_FRAME = 8192;
/** The largest frame we ever agree on: 1 MiB of data (fs.fuse.max_pages_limit) and room for the header and names. */
export const MAX_FRAME = (1 << 20) + (64 << 10);

/** A reply that carries `body`, or the error alone: a success with the wrong size or an error with a body is EIO to the kernel. */
export function encodeReplyFrame(unique: bigint, error: number, body?: Buffer): Buffer {
  if (error > 0 || error <= -512) throw new ErrnoError('EINVAL', `${error} is no reply error`);
  const size = OutHeader.size + (body?.length ?? 0);
  const frame = Buffer.allocUnsafe(size);
  frame.writeUInt32LE(size, 0);
  frame.writeInt32LE(error, 4);
  frame.writeBigUInt64LE(unique, 8);
  body?.copy(frame, OutHeader.size);
  return frame;
}

/** The header of a reply whose body is sent behind it as it is: what is large is not copied once more. */
export function encodeReplyHeader(unique: bigint, bodyLength: number): Buffer {
  const header = Buffer.allocUnsafe(OutHeader.size);
  header.writeUInt32LE(OutHeader.size + bodyLength, 0);
  header.writeInt32LE(0, 4);
  header.writeBigUInt64LE(unique, 8);
  return header;
}

/** The header of a notification whose body is sent behind it as it is. */
export function encodeNotifyHeader(code: number, bodyLength: number): Buffer {
  const header = Buffer.allocUnsafe(OutHeader.size);
  header.writeUInt32LE(OutHeader.size + bodyLength, 0);
  header.writeInt32LE(code, 4);
  header.writeBigUInt64LE(0n, 8);
  return header;
}

/** A notification: unique 0, the code in place of the error. */
export function encodeNotifyFrame(code: number, body: Buffer): Buffer {
  const size = OutHeader.size + body.length;
  const frame = Buffer.allocUnsafe(size);
  frame.writeUInt32LE(size, 0);
  frame.writeInt32LE(code, 4);
  frame.writeBigUInt64LE(0n, 8);
  body.copy(frame, OutHeader.size);
  return frame;
}
